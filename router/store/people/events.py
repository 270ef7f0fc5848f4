"""Rows of security events: what people are shown of what was done with their log-in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from router.db.connection import Connection
from router.db.ids import clean_text, new_id
from router.db.transaction import Runner

__all__ = ["EventRow", "delete_old_events", "has_event", "insert_event", "list_event_rows"]

_LIMIT_MAX = 1_000
_AGENT_MAX = 300
_COLUMNS = "id, person_id, at, kind, address, agent, detail"
_INSERT = f"INSERT INTO security_events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constant text


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event; ``detail`` is anything that JSON holds."""

    id: str
    person_id: str
    at: float
    kind: str
    address: str
    agent: str
    detail: Mapping[str, Any]


def insert_event(
    connection: Connection, person_id: str, at: float, kind: str, address: str, agent: str, detail: Mapping[str, Any]
) -> None:
    """Keep an event."""
    texts = (clean_text(address), clean_text(agent)[:_AGENT_MAX], json.dumps(dict(detail)))
    connection.execute(_INSERT, (new_id("evnt"), person_id, at, kind, *texts))


def list_event_rows(database: Runner, person_id: str, *, before: str = "", limit: int) -> list[EventRow]:
    """Somebody's events, newest first.

    Args:
        before: only those behind the one with this ID.
    """
    more = "AND (at, id) < (SELECT at, id FROM security_events WHERE id = ? AND person_id = ?)" if before else ""
    sql = f"SELECT {_COLUMNS} FROM security_events WHERE person_id = ? {more} ORDER BY at DESC, id DESC LIMIT ?"  # noqa: S608
    params = [person_id, *([before, person_id] if before else []), max(0, min(limit, _LIMIT_MAX))]
    rows = database.read(lambda connection: connection.rows(sql, params))
    return [EventRow(**(row | {"detail": json.loads(row["detail"])})) for row in rows]


def has_event(connection: Connection, person_id: str, kind: str, *, agent: str | None = None, since: float = 0) -> bool:
    """Whether there is an event of a kind since a time; with ``agent``, from that browser."""
    sql = "SELECT 1 AS one FROM security_events WHERE person_id = ? AND kind = ? AND at > ?"
    params: list[Any] = [person_id, kind, since]
    if agent is not None:
        sql, params = f"{sql} AND agent = ?", [*params, clean_text(agent)[:_AGENT_MAX]]
    return connection.row(f"{sql} LIMIT 1", params) is not None


def delete_old_events(connection: Connection, before: float) -> int:
    """Delete those that are older; how many."""
    return connection.execute("DELETE FROM security_events WHERE at < ?", (before,))
