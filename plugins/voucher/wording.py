"""What people write and read of codes: amounts, moments, rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from router_plugins.voucher.table import state_of

from router import BadRequest
from router.money import format_nano, parse_nano

__all__ = ["amount", "lasting", "moment", "shown", "when"]

_AFTER = re.compile(r"(\d{1,5})([hdw])", re.ASCII)
_SECONDS = {"h": 3600, "d": 86_400, "w": 604_800}


def amount(text: str) -> int:
    """Nano-units of what somebody wrote.

    Raises:
        BadRequest: it is no amount.
    """
    try:
        return parse_nano(text)
    except ValueError as error:
        raise BadRequest(str(error), param="amount") from None


def moment(text: str, now: float) -> float | None:
    """When ``30d`` or ``2027-01-31`` is; None for nothing.

    Raises:
        BadRequest: it is no moment.
    """
    text = text.strip()
    if not text:
        return None
    if after := _AFTER.fullmatch(text.lower()):
        return now + int(after[1]) * _SECONDS[after[2]]
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        told = f"{text!r} is neither a duration, such as 30d, nor a day, such as 2027-01-31."
        raise BadRequest(told, param="expires") from None


def lasting(text: str) -> float | None:
    """Seconds of ``90d``; None for nothing.

    Raises:
        BadRequest: it is no duration.
    """
    text = text.strip().lower()
    if not text:
        return None
    if (after := _AFTER.fullmatch(text)) is None:
        raise BadRequest(f"{text!r} is no duration, such as 90d.", param="lasts")
    return float(int(after[1]) * _SECONDS[after[2]])


def when(seconds: float | None) -> str:
    """A moment as it is shown; empty for none."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def shown(row: Mapping[str, Any], now: float) -> dict[str, str]:
    """A code's row as people read it. Its letters are nowhere."""
    return {
        "id": row["id"],
        "ends_with": row["hint"],
        "amount": format_nano(row["amount_nano"], 2),
        "currency": row["currency"],
        "kind": _kind(row),
        "campaign": row["campaign"],
        "state": state_of(row, now),
        "account": row["claimed_by"],
        "used_at": when(row["claimed_at"]),
        "expires_at": when(row["expires_at"]),
        "made_at": when(row["made_at"]),
        "made_by": row["made_by"],
    }


def _kind(row: Mapping[str, Any]) -> str:
    """Of the credit: paid, or granted and for how long."""
    if not row["granted"]:
        return "paid"
    return "granted" if row["lasts_s"] is None else f"granted for {row['lasts_s'] / 86_400:g} days"
