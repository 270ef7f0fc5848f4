"""Proof that the ledger holds together: named checks, all of one moment, while the gateway goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from router.db.connection import Connection
from router.db.transaction import Runner
from router.ledger import proofs, record_proofs
from router.ledger.chain import broken_links
from router.ledger.paid import proofs as payment_proofs
from router.store.audit import broken_entries
from router.store.ledger_fold import fold

__all__ = ["CHECKS", "Check", "check_all", "verify"]

_TIME_S = 3600.0
_EXAMPLES_MAX = 5

CHECKS: Mapping[str, Callable[[Connection], list[str]]] = {
    "debits_equal_credits": proofs.debits_equal_credits,
    "balances_equal_transfers": proofs.balances_equal_transfers,
    "running_balances": proofs.running_balances,
    "no_negative_balance": proofs.no_negative_balance,
    "held_equals_open_holds": proofs.held_equals_open_holds,
    "references_unique": proofs.references_unique,
    "usage_equals_charges": proofs.usage_equals_charges,
    "shortfalls_match": proofs.shortfalls_match,
    "refunds_within_charges": proofs.refunds_within_charges,
    "transfers_chained": broken_links,
    "audit_chained": broken_entries,
    "audit_matches_transfers": record_proofs.audit_matches_transfers,
    "hours_equal_rows": record_proofs.hours_equal_rows,
    "buckets_unchanged": record_proofs.buckets_unchanged,
    "lots_equal_balances": payment_proofs.lots_equal_balances,
    "topups_equal_transfers": payment_proofs.topups_equal_transfers,
    "debts_are_paid_once": payment_proofs.debts_are_paid_once,
}
"""Name -> what finds the offences, each told in one line."""


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found.

    Attributes:
        name: one of ``CHECKS``.
        ok: whether there was no offence.
        detail: some of the offences, in words; empty where there was none.
        took_s: how long it took.
    """

    name: str
    ok: bool
    detail: str
    took_s: float


def verify(
    database: Runner, *, timeout_s: float = _TIME_S, progress: Callable[[str], None] = lambda _: None
) -> list[Check]:
    """Run all checks on one snapshot of the database; calls go on meanwhile, and are not waited for.

    Args:
        progress: is told each check that is begun, by its name.

    Raises:
        StoreError: the database failed, or the checks took longer than ``timeout_s``.
    """
    return database.read(lambda connection: check_all(connection, progress), timeout_s=timeout_s)


def check_all(connection: Connection, progress: Callable[[str], None] = lambda _: None) -> list[Check]:
    """The same on one connection; what the ledger's tables do not have yet is taken from its log."""
    with connection.snapshot(temporary=True):
        fold(connection)
        if connection.engine == "postgresql":
            connection.execute("SET LOCAL work_mem = '128MB'")  # or it would join and sort millions of rows on disk
        return [_check(name, find, connection, progress) for name, find in CHECKS.items()]


def _check(
    name: str, find: Callable[[Connection], list[str]], connection: Connection, progress: Callable[[str], None]
) -> Check:
    progress(name)
    begun = time.monotonic()
    offences = find(connection)
    shown: list[Any] = offences[:_EXAMPLES_MAX]
    if len(offences) > len(shown):
        shown.append("and more")
    return Check(name, not offences, "; ".join(shown), time.monotonic() - begun)
