"""Tiers that follow each other: how far an account is on its way to the next one, and the steps that it has earned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from router.charging.tier_ladder import TierStep, tier_ladder
from router.db.connection import Connection
from router.db.transaction import Transaction
from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.store.accounts import Account, get_account, set_account_tier
from router.store.payments.paid_in import accounts_that_paid, paid_in

__all__ = ["PROMOTE", "TierProgress", "promote_account", "promote_accounts", "read_progress", "show_progress"]

PROMOTE = "accounts promote"
"""A step's action in the audit log."""

_DAY_S = 86_400.0
_PAGE = 200


@dataclass(frozen=True, slots=True)
class TierProgress:
    """How far an account is on its way to the tier that follows its own.

    Attributes:
        tier: the next one.
        days, paid_nano: how old the account is, in whole days, and what it has paid in.
        days_needed, paid_needed_nano: what the next tier needs; 0 where that does not matter.
    """

    tier: str
    days: int
    days_needed: int
    paid_nano: int
    paid_needed_nano: int

    @property
    def reached(self) -> bool:
        """Whether the account has all that it needs."""
        return self.days >= self.days_needed and self.paid_nano >= self.paid_needed_nano


def read_progress(office: Office, account: Account) -> TierProgress | None:
    """How far an account is now; None where no tier follows its own."""
    step = tier_ladder(office.settings).get(account.tier)
    if step is None:
        return None
    return office.database.read(lambda connection: _progress(office, connection, account, step))


def show_progress(office: Office, account: Account) -> str:
    """The same as a line for operators; empty where no tier follows."""
    found = read_progress(office, account)
    if found is None:
        return ""
    parts = []
    if found.days_needed:
        parts.append(f"{found.days} of {found.days_needed} days old")
    if found.paid_needed_nano:
        needed = f"{format_nano(found.paid_needed_nano, 2)} {office.currency}"
        parts.append(f"{format_nano(found.paid_nano, 2)} of {needed} paid in")
    return f"{found.tier}: {', '.join(parts)}"


def promote_accounts(office: Office, actor: Actor) -> int:
    """Take every active account up by the steps that it has earned, and never down; how many went up. A leased job's
    work: harmless when it is run twice.
    """
    went = 0
    for tier, step in tier_ladder(office.settings).items():
        for account_id in _ready(office, tier, step):
            went += write(office, actor, PROMOTE, partial(_promote, office, account_id))
    return went


def promote_account(transaction: Transaction, office: Office, account_id: str) -> dict[str, Any]:
    """Take one account up within a transaction by the steps that it has earned; for the audit log, what became of it.
    Empty where it stays.

    Raises:
        NotFound: there is no such account.
    """
    ladder, account = tier_ladder(office.settings), get_account(transaction, account_id)
    passed = [account.tier]
    while account.status == "active" and passed[-1] in ladder:
        progress = _progress(office, transaction.connection, account, ladder[passed[-1]])
        if not progress.reached:
            break
        passed.append(progress.tier)
    if len(passed) == 1:
        return {}
    set_account_tier(transaction, account_id, passed[-1])
    return {"tier": passed[-1], "before": passed[0] or "none", "through": passed[1:-1]}


def _promote(office: Office, account_id: str, transaction: Transaction) -> Change[bool]:
    detail = promote_account(transaction, office, account_id)
    return Change(bool(detail), account_id, detail, made=bool(detail))


def _ready(office: Office, tier: str, step: TierStep) -> Iterator[str]:
    """The accounts of a tier that have earned the step out of it, a page at a time."""
    last, made_until = "", office.clock() - step.days * _DAY_S
    while True:
        ask = partial(accounts_that_paid, tier=tier, made_until=made_until, paid_nano=step.paid_nano)
        found = office.database.read(partial(ask, after=last, limit=_PAGE))
        yield from found
        if len(found) < _PAGE:
            return
        last = found[-1]


def _progress(office: Office, connection: Connection, account: Account, step: TierStep) -> TierProgress:
    days = max(0, int((office.clock() - account.created_at) // _DAY_S))
    return TierProgress(step.tier, days, step.days, paid_in(connection, account.id), step.paid_nano)
