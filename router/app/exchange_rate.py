"""The exchange rate of USD to the balance currency: fetched once an hour, where it is not set."""

from __future__ import annotations

import json
import logging
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from router.catalogue.pins import RATE_RANGE
from router.catalogue.snapshot import Snapshot
from router.config.file import Settings
from router.config.schema import BillingSettings
from router.db.database import Database
from router.errors import Unavailable
from router.jobs.leased import LeasedJob
from router.money.amounts import NANO, format_nano
from router.store.rates import get_rate, set_rate

if TYPE_CHECKING:
    import requests

__all__ = ["fetch_rate", "rate_jobs", "rate_warning", "refresh_rate"]

_EVERY_S = 3600.0
_WAIT_S = 10.0
_BYTES_MAX = 2**20
_DIGITS_MAX = 40
_JUMP_MAX = 10
_log = logging.getLogger("router.app")


def rate_jobs(settings: Settings, database: Database) -> list[LeasedJob]:
    """The job that fetches the rate; none where it is not fetched."""
    if not settings.billing.usd_rate_url:
        return []
    return [LeasedJob("usd_rate", _EVERY_S, lambda: refresh_rate(settings, database))]


def refresh_rate(settings: Settings, database: Database) -> int:
    """Fetch the rate and keep it, in nano. After a failure the last one stays in force.

    Raises:
        Unavailable: it could not be fetched, or is more than ten times, or less than a tenth of, the last.
    """
    currency, url = settings.gateway.currency, settings.billing.usd_rate_url
    rate_nano = fetch_rate(settings.billing)
    last = get_rate(database, currency)
    if last is not None and not last.rate_nano <= rate_nano * _JUMP_MAX <= last.rate_nano * _JUMP_MAX**2:
        raise Unavailable(
            f"{_place(settings.billing)} says {format_nano(rate_nano)} {currency} for one USD, after "
            f"{format_nano(last.rate_nano)}: that is too much of a jump to be believed. If it is right, set [billing] "
            "usd_rate instead.",
            code="rate_refused",
        )
    if last is None or last.rate_nano != rate_nano or last.source != url:
        _log.info("one USD is %s %s now", format_nano(rate_nano), currency)
    set_rate(database, currency, rate_nano, url)
    return rate_nano


def fetch_rate(billing: BillingSettings) -> int:
    """Units of the balance currency for one USD, in nano, as ``usd_rate_url`` says it.

    Raises:
        Unavailable: no answer, not JSON, or no sensible number in its place.
    """
    import requests  # slow to import, and few need it

    try:
        with requests.Session() as client:
            options: dict[str, Any] = {"timeout": _WAIT_S, "stream": True, "allow_redirects": False}
            with client.get(billing.usd_rate_url, **options) as response:
                value = _document(response)
    except requests.RequestException as error:
        raise _failed(billing, f"did not answer ({type(error).__name__})") from None
    except (ValueError, RecursionError) as error:
        raise _failed(billing, f"gave no answer of use: {error}") from None
    for step in billing.usd_rate_field.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return _rate_of(billing, value)


def rate_warning(snapshot: Snapshot) -> str | None:
    """What to say where models cannot be served for want of a rate; None where none is wanted."""
    book = snapshot.prices
    enabled = (entry for entry in snapshot.entries.values() if entry.enabled)
    unpriced = (entry for entry in enabled if snapshot.price_of(entry) is None)
    lacking = [entry.id for entry in unpriced if book.lacks_rate(entry.id, entry.card)]
    if not lacking:
        return None
    return (
        f"no rate of USD to {book.currency} is known, so {len(lacking)} model(s) with list prices in USD are refused: "
        "set [billing] usd_rate, or usd_rate_url and usd_rate_field"
    )


def _document(response: requests.Response) -> Any:
    """Raises:
    ValueError: not a JSON document of sensible size, or not a success.
    """
    if response.status_code != 200:
        raise ValueError(f"status {response.status_code}")
    body = response.raw.read(_BYTES_MAX + 1, decode_content=True)
    if len(body) > _BYTES_MAX:
        raise ValueError("it is too long")
    return json.loads(body, parse_float=str, parse_int=str, parse_constant=str)  # digits as they stand, no floats


def _rate_of(billing: BillingSettings, value: Any) -> int:
    try:
        if not isinstance(value, str) or len(value) > _DIGITS_MAX:
            raise InvalidOperation
        number = Decimal(value)
        if not number.is_finite() or not RATE_RANGE[0] <= number * NANO <= RATE_RANGE[1]:
            raise InvalidOperation
    except InvalidOperation:
        shown = value[:_DIGITS_MAX] if isinstance(value, str) else type(value).__name__
        raise _failed(billing, f"has no rate at {billing.usd_rate_field!r}, but {shown!r}") from None
    return int((number * NANO).to_integral_value(ROUND_HALF_EVEN))


def _failed(billing: BillingSettings, what: str) -> Unavailable:
    return Unavailable(f"{_place(billing)} {what}", code="rate_unavailable")


def _place(billing: BillingSettings) -> str:
    """The URL without what may be secret in it."""
    return f"[billing] usd_rate_url ({billing.usd_rate_url.partition('?')[0].rpartition('@')[2]})"
