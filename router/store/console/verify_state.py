"""How far a verification of the ledger is that runs beside the pages: in ``meta`` and ``leases``, for all workers."""

from __future__ import annotations

from dataclasses import dataclass

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = ["LEASE", "VerifyState", "count_transfers", "note_step", "read_verify_state"]

LEASE = "ledger verify"
"""The name of the lease that a verification has while it runs."""

_SET = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_META = "SELECT name, value FROM meta WHERE name IN ('verify_began', 'verify_step')"
_UNTIL = "SELECT expires_at FROM leases WHERE name = ?"


@dataclass(frozen=True, slots=True)
class VerifyState:
    """How far it is.

    Attributes:
        running: whether its lease runs.
        step: the number of the check that is under way, or was last; 0 before the first.
        began_at: Unix seconds of the latest beginning, whole; 0 for never.
    """

    running: bool
    step: int
    began_at: int


def read_verify_state(database: Runner, now: float) -> VerifyState:
    """How far it is now."""

    def load(connection: Connection) -> VerifyState:
        meta = dict(connection.tuples(_META))
        until = connection.tuples(_UNTIL, (LEASE,))
        running = bool(until) and float(until[0][0]) > now
        return VerifyState(running, int(meta.get("verify_step", 0)), int(meta.get("verify_began", 0)))

    return database.read(load, whole=False)


def note_step(connection: Connection, step: int, *, began_at: int | None = None) -> None:
    """Note a check that is begun; with ``began_at``, a verification."""
    connection.execute(_SET, ("verify_step", step))
    if began_at is not None:
        connection.execute(_SET, ("verify_began", began_at))


def count_transfers(connection: Connection) -> int:
    """How many transfers there are."""
    return int(connection.tuples("SELECT COUNT(*) FROM transfers")[0][0])
