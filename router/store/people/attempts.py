"""Rows of attempts: what is counted to slow down who guesses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from router.db.connection import Connection

__all__ = ["Tally", "count_attempts", "delete_old_attempts", "forget_attempt", "note_attempt", "wait_for"]

_AHEAD_S = 60.0
"""By how much the clocks of nodes may differ."""


@dataclass(frozen=True, slots=True)
class Tally:
    """One thing that is counted.

    Attributes:
        action: what is attempted.
        subject: by whom, or upon whom.
        windows: (how many, within how many seconds) each.
    """

    action: str
    subject: str
    windows: tuple[tuple[int, float], ...]


def wait_for(connection: Connection, tallies: Iterable[Tally], now: float) -> float:
    """How many seconds one has to wait until all tallies allow one more; 0 where they do.

    What a clock that ran ahead noted for later is left out: else everybody would have to wait until then.
    """
    sql = """
        SELECT at FROM attempts WHERE action = ? AND subject = ? AND at > ? AND at <= ?
        ORDER BY at DESC LIMIT 1 OFFSET ?
    """
    waits = [0.0]
    for tally in tallies:
        for many, seconds in tally.windows:
            if many <= 0:
                waits.append(seconds)
                continue
            span = (now - seconds, now + _AHEAD_S)
            found = connection.tuples(sql, (tally.action, tally.subject, *span, many - 1))
            waits += [at + seconds - now for (at,) in found]
    return max(waits)


def note_attempt(connection: Connection, tallies: Iterable[Tally], now: float) -> None:
    """Count one more in all tallies."""
    for tally in tallies:
        sql = "INSERT INTO attempts (action, subject, at) VALUES (?, ?, ?)"
        connection.execute(sql, (tally.action, tally.subject, now))


def forget_attempt(connection: Connection, tallies: Iterable[Tally], at: float) -> None:
    """Count one less in all tallies: the attempt of that moment was none."""
    place = "ctid" if connection.engine == "postgresql" else "rowid"
    found = f"SELECT {place} FROM attempts WHERE action = ? AND subject = ? AND at = ? LIMIT 1"  # noqa: S608 - constants
    for tally in tallies:
        sql = f"DELETE FROM attempts WHERE {place} = ({found})"  # noqa: S608 - constant texts
        connection.execute(sql, (tally.action, tally.subject, at))


def count_attempts(connection: Connection, action: str, subject: str, since: float) -> int:
    """How many there were since a time."""
    sql = "SELECT COUNT(*) FROM attempts WHERE action = ? AND subject = ? AND at > ?"
    return int(connection.tuples(sql, (action, subject, since))[0][0])


def delete_old_attempts(connection: Connection, before: float) -> int:
    """Delete those that no window reaches any more; how many."""
    return connection.execute("DELETE FROM attempts WHERE at <= ?", (before,))
