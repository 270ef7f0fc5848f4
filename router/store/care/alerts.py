"""Rows of alerts: what is wrong and wants an operator, one row a cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = ["ALERTS", "NEW_S", "AlertRow", "end_alerts", "forget_alerts", "note_alerts", "read_alerts", "take_untold"]

ALERTS = """
CREATE TABLE alerts (
    cause    TEXT NOT NULL PRIMARY KEY,        -- names what is wrong for ever: 'upstream_key/openai/default'
    kind     TEXT NOT NULL,
    detail   TEXT NOT NULL,
    remedy   TEXT NOT NULL,
    since    DOUBLE PRECISION NOT NULL,        -- of this time that it is so
    seen_at  DOUBLE PRECISION NOT NULL,
    over_at  DOUBLE PRECISION,                 -- NULL: it is so still
    told_at  DOUBLE PRECISION                  -- when operators were told; NULL: not yet
)
"""
"""The table."""

NEW_S = 86_400.0
"""What was over for so long is told again when it comes back."""


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert; ``ALERTS`` says what each column is."""

    cause: str
    kind: str
    detail: str
    remedy: str
    since: float
    seen_at: float
    over_at: float | None = None
    told_at: float | None = None


_COLUMNS = ", ".join(one.name for one in fields(AlertRow))
_SELECT = f"SELECT {_COLUMNS} FROM alerts"  # noqa: S608 - constant text
_NOTE = """
INSERT INTO alerts (cause, kind, detail, remedy, since, seen_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (cause) DO UPDATE SET
    detail = excluded.detail, remedy = excluded.remedy, seen_at = excluded.seen_at, over_at = NULL,
    since = CASE WHEN alerts.over_at IS NULL THEN alerts.since ELSE excluded.since END,
    told_at = CASE WHEN alerts.over_at < ? THEN NULL ELSE alerts.told_at END
"""
_UNTOLD = f"{_SELECT} WHERE told_at IS NULL AND over_at IS NULL ORDER BY since, cause"
_END = "UPDATE alerts SET over_at = ? WHERE over_at IS NULL AND kind = ? AND seen_at < ?"


def note_alerts(connection: Connection, found: Iterable[tuple[str, str, str, str]], now: float) -> None:
    """Note what is wrong now. What had been over for a day is new.

    Args:
        found: (cause, kind, detail, remedy) of each.
    """
    for cause, kind, detail, remedy in found:
        connection.execute(_NOTE, (cause, kind, detail, remedy, now, now, now - NEW_S))


def end_alerts(connection: Connection, kind: str, now: float, seen_before: float) -> None:
    """Note that those of a kind are over that were last seen before a time."""
    connection.execute(_END, (now, kind, seen_before))


def take_untold(connection: Connection, now: float, limit: int) -> list[AlertRow]:
    """Those of which operators were not told yet, oldest first, from now on told."""
    rows = [AlertRow(*row) for row in connection.tuples(f"{_UNTOLD} LIMIT ?", (limit,))]
    for row in rows:
        connection.execute("UPDATE alerts SET told_at = ? WHERE cause = ?", (now, row.cause))
    return rows


def forget_alerts(connection: Connection, now: float) -> None:
    """Forget those that have been over for a day."""
    connection.execute("DELETE FROM alerts WHERE over_at < ?", (now - NEW_S,))


def read_alerts(database: Runner, *, over: bool = False) -> list[AlertRow]:
    """Those that are so, the newest first; with ``over`` those that were lately as well."""
    where = "" if over else " WHERE over_at IS NULL"
    rows = database.read(lambda c: c.tuples(f"{_SELECT}{where} ORDER BY since DESC, cause LIMIT 200"), whole=False)
    return [AlertRow(*row) for row in rows]
