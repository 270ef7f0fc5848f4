"""The host's own accounts in transfers: where customers' money comes from, and where it goes."""

from __future__ import annotations

__all__ = ["ADJUSTMENTS", "FREE", "GRANTS", "REVENUE", "SHORTFALL", "is_system"]

ADJUSTMENTS = "@adjustments"
"""The other side of an operator's corrections."""

FREE = "@free"
"""Where the free credit of sign-ups comes from."""

GRANTS = "@grants"
"""Where credit comes from that an operator gives."""

REVENUE = "@revenue"
"""Where charges go, and refunds come from."""

SHORTFALL = "@shortfall"
"""What calls cost beyond what their accounts had: borne by the operator."""


def is_system(account: str) -> bool:
    """Whether a name in a transfer is the host's own, not a customer's."""
    return account.startswith("@")
