"""Prices as people write them, and as JSON keeps them.

Written: decimal texts per million tokens, as in ``{ input = "2.50", output = "10.00", tiers = [{ above_tokens = 200000,
input = "5.00" }] }``, or ``{ free = true }``; and for units beside tokens, as in ``{ per_image = "0.04" }``. Kept: the
same keys with whole nano-units.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from router.money.amounts import NANO, format_nano, parse_nano
from router.money.hours import parse_hours
from router.money.prices import ALL_RATES, FREE, RATES, UNIT_RATES, Price, PriceTier

__all__ = ["RATE_MAX", "keep_price", "kept_price", "read_price", "show_price"]

RATE_MAX = 100_000_000 * NANO
"""The highest rate that is believed: a hundred units of the currency for one token."""

_UNIT_RATE_MAX = 1_000_000 * NANO
_OF_IMAGES = ("sizes", "qualities")
_TIER_KEYS = (*ALL_RATES, "above_tokens", "hours", *_OF_IMAGES)
_NAME_MAX = 32
_PRICE_KEYS = (*ALL_RATES, "free", "tiers")


def read_price(table: Any) -> Price:
    """A price as it is written.

    Raises:
        ValueError: an unknown key, a bad value, no rate for input; the message begins with the key.
    """
    _check_keys(table, _PRICE_KEYS)
    free = table.get("free", False)
    if type(free) is not bool:
        raise ValueError(f"free: must be true or false, not {free!r}")
    if free:
        if len(table) > 1:
            raise ValueError("free: a free model has no rates: give either")
        return FREE
    tokens, units = (any(name in table for name in names) for names in (RATES, UNIT_RATES))
    if "input" not in table and (tokens or not units):
        raise ValueError('input: is required, or free = true; such as { input = "2.50", output = "10.00" }')
    tiers = table.get("tiers", [])
    if not isinstance(tiers, list):
        raise ValueError("tiers: must be a list of tables")
    return Price(**_rates(table), tiers=tuple(_tier(one, f"tiers[{place}]") for place, one in enumerate(tiers)))


def keep_price(price: Price) -> dict[str, Any]:
    """The price as a JSON object of whole numbers."""
    kept: dict[str, Any] = {name: rate for name in ALL_RATES if (rate := getattr(price, name)) is not None}
    if price.tiers:
        kept["tiers"] = [
            {name: value for name in _TIER_KEYS if (value := getattr(tier, name)) not in (None, ())}
            for tier in price.tiers
        ]
    return kept


def kept_price(kept: Mapping[str, Any]) -> Price:
    """What ``keep_price`` made."""
    listed = ("hours", *_OF_IMAGES)
    tiers = tuple(
        PriceTier(**{**tier, **{name: tuple(tier.get(name, ())) for name in listed}}) for tier in kept.get("tiers", ())
    )
    return Price(**{name: kept[name] for name in ALL_RATES if name in kept}, tiers=tiers)


def show_price(price: Price) -> dict[str, Any]:
    """The price as a JSON object of decimal texts, in the form that ``read_price`` takes."""
    shown = keep_price(price)
    for part in (shown, *shown.get("tiers", ())):
        part.update((name, format_nano(part[name])) for name in ALL_RATES if name in part)
    return shown


def _tier(table: Any, where: str) -> PriceTier:
    try:
        _check_keys(table, _TIER_KEYS)
        above, hours = table.get("above_tokens"), table.get("hours", [])
        if above is not None and (type(above) is not int or not 0 <= above < 2**53):
            raise ValueError(f"above_tokens: must be a whole number of tokens, not {above!r}")
        if not isinstance(hours, (list, tuple)) or not all(isinstance(span, str) for span in hours):
            raise ValueError('hours: must be a list of texts such as "mon-fri 06:00-10:00"')
        for span in hours:
            parse_hours(span)
        images = {name: _image_names(name, table.get(name, [])) for name in _OF_IMAGES}
        if above is None and not hours and not any(images.values()):
            raise ValueError("says neither above_tokens nor hours, sizes or qualities: when does it hold?")
        tier = PriceTier(above, tuple(hours), **_rates(table), **images)  # type: ignore[arg-type]
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if not _rates(table):
        raise ValueError(f"{where}: has no rate of its own")
    return tier


def _image_names(key: str, names: Any) -> tuple[str, ...]:
    if not isinstance(names, (list, tuple)) or not all(
        isinstance(one, str) and 0 < len(one) <= _NAME_MAX for one in names
    ):
        example = "1792x1024" if key == "sizes" else "hd"
        raise ValueError(f'{key}: must be a list of texts such as "{example}"')
    return tuple(names)


def _check_keys(table: Any, known: tuple[str, ...]) -> None:
    if not isinstance(table, Mapping):
        raise ValueError('must be a table such as { input = "2.50", output = "10.00" }')
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; the keys here are {', '.join(known)}"
            raise ValueError(f"{key}: unknown key{hint}")


def _rates(table: Mapping[str, Any]) -> dict[str, int]:
    found = {}
    for name in ALL_RATES:
        if name in table:
            found[name] = _rate(name, table[name])
    return found


def _rate(name: str, text: Any) -> int:
    try:
        rate = parse_nano(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    of_one = name in UNIT_RATES and name != "per_million_characters"
    most, what = (_UNIT_RATE_MAX, name.replace("_", " ")) if of_one else (RATE_MAX, "per million")
    if rate > most:
        raise ValueError(f"{name}: {text!r} {what} is beyond belief; at most {format_nano(most)}")
    return rate
