"""From the currency that a method charges in to that of balances, exactly: whole minor units, and nano-units."""

from __future__ import annotations

from router.errors import Unavailable
from router.money.amounts import NANO, format_nano, parse_nano
from router.office.office import Office
from router.store.rates import get_rate

__all__ = ["charge_for", "credit_for", "minor_text", "rate_nano"]

_DOLLARS = ("USD", "USDC", "USDT")
_PER_MILLION = 1_000_000


def rate_nano(office: Office, currency: str) -> int:
    """Units of the balance currency for one unit of another, in nano.

    Raises:
        Unavailable: there is no rate, or the one that was fetched is too old.
    """
    settings, ours = office.settings.payments, office.currency
    if currency == ours:
        return NANO
    if currency in settings.rates:
        return parse_nano(settings.rates[currency])
    if currency in _DOLLARS:
        return NANO if ours in _DOLLARS else _dollar(office, ours)
    raise Unavailable(
        f"What one {currency} is in {ours} is not known: the operator has to set it.",
        code="no_rate",
        detail=f'set [payments] rates = {{ {currency} = "..." }}, {ours} for one {currency}',
    )


def _dollar(office: Office, ours: str) -> int:
    fixed = office.settings.billing.usd_rate
    if fixed:
        return parse_nano(fixed)
    kept, oldest = get_rate(office.database, ours), office.settings.payments.rate_age_s
    if kept is None or kept.created_at < office.clock() - oldest:
        age = "was never fetched" if kept is None else f"was fetched more than {oldest:.0f} s ago"
        raise Unavailable(
            f"The exchange rate of USD to {ours} is not known at the moment: try again later.",
            code="stale_rate",
            detail=f"it {age}: see [billing] usd_rate, usd_rate_url and [payments] rate_age_s",
        )
    return kept.rate_nano


def credit_for(amount: int, decimals: int, rate: int) -> int:
    """What an amount is worth, in nano-units of the balance currency, rounded down.

    Args:
        amount: in minor units.
        rate: as ``rate_nano`` gives it.
    """
    return amount * rate // int(10**decimals)


def charge_for(credit_nano: int, decimals: int, rate: int, *, fee_minor: int = 0, fee_millionths: int = 0) -> int:
    """What is charged for a credit, the fee with it, in minor units, rounded up.

    Args:
        rate: as ``rate_nano`` gives it.
        fee_millionths: a share of the credit's own price.
    """
    price = -(-credit_nano * int(10**decimals) // rate)
    return price + fee_minor + -(-price * fee_millionths // _PER_MILLION)


def minor_text(amount: int, currency: str, decimals: int) -> str:
    """An amount in minor units with its currency: ``12.50 USD``."""
    shown = format_nano(amount, min(2, decimals), places=decimals) if decimals else str(amount)
    return f"{shown} {currency}"
