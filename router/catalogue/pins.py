"""``[prices]``, and what ``[billing]`` says of prices, as rules for the price book."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from router.catalogue.prices import PriceRules
from router.config.file import Settings
from router.errors import ConfigError
from router.money.amounts import NANO, format_nano, parse_nano
from router.money.price_text import read_price

__all__ = ["BASE_CURRENCY", "RATE_RANGE", "price_rules"]

BASE_CURRENCY = "USD"
"""The currency of all cards."""

RATE_RANGE = (NANO // 1_000_000, 10_000_000 * NANO)
"""What units of a currency for one USD can be, in nano."""

_MARKUP_RANGE = (NANO // 1_000, 1_000 * NANO)
_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{2,9}", re.ASCII)


def price_rules(settings: Settings) -> PriceRules:
    """The configuration's word on prices.

    Raises:
        ConfigError: the first thing that is wrong, with its place.
    """
    currency = settings.gateway.currency
    if _CURRENCY.fullmatch(currency) is None:
        where = settings.where("gateway.currency")
        raise ConfigError(f'{where}: {currency!r} is no currency: write its code in capitals, such as "USD"')
    pins = {}
    for model, table in settings.prices.items():
        try:
            pins[model] = read_price(table)
        except ValueError as error:
            raise ConfigError(f"{settings.where(f'prices.{model}')}: {error}") from None
    markup_nano = _ratio(settings, "markup", settings.billing.markup, _MARKUP_RANGE)
    return PriceRules(pins, currency, markup_nano, _rate(settings, currency))


def _rate(settings: Settings, currency: str) -> int | None:
    """The rate that is written down; None where it is fetched, or where there is none."""
    billing = settings.billing
    if billing.usd_rate:
        rate_nano = _ratio(settings, "usd_rate", billing.usd_rate, RATE_RANGE)
        if currency == BASE_CURRENCY and rate_nano != NANO:
            where = settings.where("billing.usd_rate")
            raise ConfigError(f"{where}: one USD is one USD: remove it, or set [gateway] currency")
        if billing.usd_rate_url:
            raise ConfigError(f"{settings.where('billing.usd_rate_url')}: usd_rate is set as well: keep one of them")
        return rate_nano
    if bool(billing.usd_rate_url) != bool(billing.usd_rate_field):
        name, other = ("usd_rate_url", "usd_rate_field") if billing.usd_rate_url else ("usd_rate_field", "usd_rate_url")
        raise ConfigError(f"{settings.where(f'billing.{name}')}: needs {other} as well")
    if billing.usd_rate_url:
        url = urlsplit(billing.usd_rate_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ConfigError(f"{settings.where('billing.usd_rate_url')}: must be a URL that begins with https://")
    return NANO if currency == BASE_CURRENCY else None


def _ratio(settings: Settings, key: str, text: str, limits: tuple[int, int]) -> int:
    try:
        value = parse_nano(text)
    except ValueError as error:
        raise ConfigError(f"{settings.where(f'billing.{key}')}: {error}") from None
    low, high = limits
    if not low <= value <= high:
        where = settings.where(f"billing.{key}")
        raise ConfigError(f"{where}: must be from {format_nano(low)} to {format_nano(high)}, not {text}")
    return value
