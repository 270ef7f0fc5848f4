"""What is open in the database: holds, mails, payments, leases; for metrics, in one short read."""

from __future__ import annotations

from collections.abc import Iterator

from router.db.connection import Connection
from router.metering.tallies import COUNTERS, HOLDS_OPEN

__all__ = ["open_figures"]

_DAY_S = 86_400.0
_HOLDS = "SELECT COUNT(*), COALESCE(SUM(amount_nano), 0), MIN(created_at) FROM holds"
_LOG = "SELECT COUNT(*) FROM ledger_log"
_ALIVE = "SELECT COUNT(*) FROM workers WHERE expires_at > ?"
_COUNTS = "SELECT name, value FROM counters"
_DUE = "SELECT COUNT(*), MIN(due_at) FROM outbox WHERE status = 'due'"
_UNDELIVERED = (
    "SELECT status, COUNT(*) FROM outbox WHERE status IN ('failed', 'bounced') AND due_at > ? GROUP BY status"
)
_TOPUPS = "SELECT state, COUNT(*) FROM topups WHERE state IN ('started', 'pending') GROUP BY state"
_FACTS = "SELECT state, COUNT(*) FROM payment_facts WHERE state <> 'booked' GROUP BY state"
_REFUNDS = "SELECT COUNT(*) FROM topup_refunds WHERE state = 'asked'"
_WATCHES = (
    "SELECT COALESCE(SUM(CASE WHEN delayed <> '' THEN 1 ELSE 0 END), 0), "
    "COALESCE(SUM(CASE WHEN differences NOT IN ('', '[]') THEN 1 ELSE 0 END), 0) FROM payment_watches"
)

Figure = tuple[str, tuple[str, ...], int]


def open_figures(connection: Connection, now: float) -> Iterator[Figure]:
    """Names of metrics, their labels, and whole numbers: counts, nano-units, milliseconds.

    Each statement reads an index or a small table; what is settled, sent and booked is not looked at.
    """
    return iter([*_ledger(connection, now), *_mails(connection, now), *_payments(connection)])


def _ledger(connection: Connection, now: float) -> Iterator[Figure]:
    ((holds, held_nano, oldest),) = connection.tuples(_HOLDS)
    yield "holds", (), int(holds)
    yield "held", (), int(held_nano)
    yield "hold_oldest_seconds", (), _age_ms(oldest, now)
    yield "ledger_log_rows", (), _one(connection, _LOG)
    yield "workers_alive", (), _one(connection, _ALIVE, now)
    counts = dict(connection.tuples(_COUNTS))
    for name in COUNTERS:
        if name != HOLDS_OPEN:
            yield "ledger_events", (name,), int(counts.get(name, 0))


def _mails(connection: Connection, now: float) -> Iterator[Figure]:
    ((due, oldest),) = connection.tuples(_DUE)
    yield "mails", ("due",), int(due)
    yield "mail_overdue_seconds", (), _age_ms(oldest, now)
    counts = dict(connection.tuples(_UNDELIVERED, (now - _DAY_S,)))
    for status in ("failed", "bounced"):
        yield "mails", (status,), int(counts.get(status, 0))


def _payments(connection: Connection) -> Iterator[Figure]:
    topups, facts = dict(connection.tuples(_TOPUPS)), dict(connection.tuples(_FACTS))
    for state in ("started", "pending"):
        yield "topups_open", (state,), int(topups.get(state, 0))
    for state in ("waiting", "refused"):
        yield "payment_facts_open", (state,), int(facts.get(state, 0))
    yield "refunds_open", (), _one(connection, _REFUNDS)
    ((delayed, differing),) = connection.tuples(_WATCHES)
    yield "payment_watches_delayed", (), int(delayed)
    yield "payment_differences", (), int(differing)


def _one(connection: Connection, sql: str, *values: float) -> int:
    ((count,),) = connection.tuples(sql, values)
    return int(count)


def _age_ms(since: float | None, now: float) -> int:
    """How long ago that was; 0 where it was never, or is to come."""
    return 0 if since is None else max(0, int((now - since) * 1000))
