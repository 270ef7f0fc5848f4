"""The host's own accounts in transfers: where customers' money comes from, and where it goes."""

from __future__ import annotations

__all__ = ["ADJUSTMENTS", "DEBTS", "FREE", "GRANTS", "REVENUE", "SHORTFALL", "clearing", "is_system"]

ADJUSTMENTS = "@adjustments"
"""The other side of an operator's corrections."""

DEBTS = "@debts"
"""Who lends an account what a dispute took beyond what it had, until it is paid back."""

FREE = "@free"
"""Where the free credit of sign-ups comes from."""

GRANTS = "@grants"
"""Where credit comes from that an operator gives."""

REVENUE = "@revenue"
"""Where charges go, and refunds come from."""

SHORTFALL = "@shortfall"
"""What calls cost, and refunds took, beyond what their accounts had: borne by the operator."""

_CLEARING = "@clearing:"


def clearing(method: str) -> str:
    """The account of a payment method: what came in by it stands there, below zero, until it is paid back."""
    return _CLEARING + method


def is_system(account: str) -> bool:
    """Whether a name in a transfer is the host's own, not a customer's."""
    return account.startswith("@")
