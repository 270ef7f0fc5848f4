"""What a key may learn of itself, of its account, and of one of its calls. Amounts are nano-units of one currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from router.types.keys import Key
from router.types.records import CallRecord

__all__ = ["CreditsView", "GenerationView", "KeyView"]


@dataclass(frozen=True, slots=True)
class GenerationView:
    """One finished call of the account.

    Attributes:
        record: the call's usage row.
        currency: of its charge.
    """

    record: CallRecord
    currency: str


@dataclass(frozen=True, slots=True)
class CreditsView:
    """What the account has.

    Attributes:
        credits_nano: all that was ever credited to it.
        used_nano: all that was ever taken from it.
        held_nano: what its calls under way hold.
        currency: of all amounts.
        granted_nano: what is left of what it was given and did not pay for; part of the balance.
        owed_nano: what disputes took beyond what it had: the next credit pays it.
    """

    credits_nano: int
    used_nano: int
    held_nano: int
    currency: str
    granted_nano: int = 0
    owed_nano: int = 0

    @property
    def balance_nano(self) -> int:
        """What it has, holds included, and without what it owes: below zero only after a dispute."""
        return self.credits_nano - self.used_nano - self.owed_nano


@dataclass(frozen=True, slots=True)
class KeyView:
    """What the key may do, and what it did.

    Attributes:
        key: the key; never its text.
        currency: of all amounts.
        used_nano: ``day``, ``week``, ``month`` (of the calendar, so far) and ``total`` (of the last 400 days) -> what
            its calls were charged.
        remaining_nano: what is left of its budget in the present period; None where it has none.
        hash: SHA-256 of its text, hexadecimal: what scripts know it by.
        balance_nano: what its account has, holds included; None where it has no account.
    """

    key: Key
    currency: str
    used_nano: Mapping[str, int] = field(default_factory=dict)
    remaining_nano: int | None = None
    hash: str = ""
    balance_nano: int | None = None
