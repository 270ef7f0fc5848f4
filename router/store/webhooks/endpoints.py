"""Rows of endpoints: the URLs to which events of an account are sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from router.db.connection import Connection
from router.db.ids import clean_text, new_id
from router.db.transaction import Runner

__all__ = [
    "EndpointRow",
    "count_dropped",
    "count_endpoints",
    "delete_endpoint",
    "find_endpoint",
    "insert_endpoint",
    "list_endpoints",
    "live_endpoints",
    "new_endpoint_id",
    "note_failing",
    "switch_off",
    "update_endpoint",
]

_NAMES = (
    "id, account_id, url, about, events, status, secret, old_secret, old_until, low_nano, low_percent, dropped, "
    "failing_since, created_at, made_by"
)
_INSERT = f"INSERT INTO webhooks ({_NAMES}) VALUES ({', '.join('?' * 15)})"  # noqa: S608 - constant text
_COLUMNS = frozenset(_NAMES.split(", "))
_ABOUT_MAX = 200


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """One endpoint.

    Attributes:
        id: ``hook_...``.
        events: kinds of events that are sent there; empty for all.
        status: ``active``, ``disabled`` (by somebody) or ``failed`` (it failed for days).
        secret, old_secret: sealed; the old one is good until ``old_until``.
        low_nano, low_percent: below which a balance is low: an amount, or a share of the last top-up.
        dropped: how many events there was no room for.
        failing_since: Unix seconds of the first failure since the last success; None where it does not fail.
        made_by: the ID of the person or key that made it.
    """

    id: str
    account_id: str
    url: str
    about: str
    events: tuple[str, ...]
    status: str
    secret: str
    old_secret: str
    old_until: float | None
    low_nano: int | None
    low_percent: int | None
    dropped: int
    failing_since: float | None
    created_at: float
    made_by: str

    def wants(self, type: str) -> bool:
        """Whether events of a kind are sent there."""
        return not self.events or type in self.events


def new_endpoint_id() -> str:
    """An ID that no endpoint has: secrets are sealed for it before the row is there."""
    return new_id("hook")


def insert_endpoint(database: Runner, row: EndpointRow) -> None:
    """Keep a new endpoint."""
    values: list[Any] = [getattr(row, name) for name in _NAMES.split(", ")]
    values[2:5] = clean_text(row.url), clean_text(row.about)[:_ABOUT_MAX], json.dumps(row.events)
    database.write(lambda connection: connection.execute(_INSERT, values))


def update_endpoint(database: Runner, endpoint_id: str, **changes: Any) -> None:
    """Change some columns of an endpoint."""
    assert changes.keys() <= _COLUMNS
    if "events" in changes:
        changes["events"] = json.dumps(changes["events"])
    named = ", ".join(f"{name} = ?" for name in changes)
    sql = f"UPDATE webhooks SET {named} WHERE id = ?"  # noqa: S608 - names of columns
    database.write(lambda connection: connection.execute(sql, (*changes.values(), endpoint_id)))


def find_endpoint(database: Runner, endpoint_id: str, account_id: str = "") -> EndpointRow | None:
    """An endpoint, of an account where one is given."""
    whose, params = ("AND account_id = ?", [endpoint_id, account_id]) if account_id else ("", [endpoint_id])
    found = _found(database, f"WHERE id = ? {whose}", *params)
    return found[0] if found else None


def list_endpoints(database: Runner, account_id: str = "", *, limit: int = 1000) -> list[EndpointRow]:
    """An account's endpoints, or all, oldest first."""
    whose, params = ("WHERE account_id = ?", [account_id]) if account_id else ("", [])
    return _found(database, f"{whose} ORDER BY created_at, id LIMIT ?", *params, limit)


def live_endpoints(database: Runner, account_id: str) -> list[EndpointRow]:
    """Those of an account to which events are sent."""
    return _found(database, "WHERE account_id = ? AND status = 'active' ORDER BY created_at, id", account_id)


def count_endpoints(database: Runner, account_id: str) -> int:
    """How many an account has."""
    sql = "SELECT COUNT(*) FROM webhooks WHERE account_id = ?"
    return int(database.read(lambda connection: connection.tuples(sql, (account_id,)))[0][0])


def delete_endpoint(database: Runner, endpoint_id: str) -> None:
    """Delete an endpoint and what was to be sent there."""

    def delete(connection: Connection) -> None:
        connection.execute("DELETE FROM webhook_deliveries WHERE webhook_id = ?", (endpoint_id,))
        connection.execute("DELETE FROM webhooks WHERE id = ?", (endpoint_id,))

    database.write(delete)


def count_dropped(database: Runner, endpoint_id: str) -> None:
    """Count an event for which there was no room."""
    sql = "UPDATE webhooks SET dropped = dropped + 1 WHERE id = ?"
    database.write(lambda connection: connection.execute(sql, (endpoint_id,)))


def note_failing(database: Runner, endpoint_id: str, since: float | None) -> None:
    """Note since when an endpoint fails, where that is not known already; None: it does not."""
    if since is None:
        sql = "UPDATE webhooks SET failing_since = NULL WHERE id = ? AND failing_since IS NOT NULL"
        database.write(lambda connection: connection.execute(sql, (endpoint_id,)))
    else:
        sql = "UPDATE webhooks SET failing_since = ? WHERE id = ? AND failing_since IS NULL"
        database.write(lambda connection: connection.execute(sql, (since, endpoint_id)))


def switch_off(connection: Connection, endpoint_id: str, failing_before: float) -> bool:
    """End an endpoint that has failed since before a time; False where somebody has done so, or it works again."""
    sql = """
        UPDATE webhooks SET status = 'failed' WHERE id = ? AND status = 'active' AND failing_since <= ?
    """
    return connection.execute(sql, (endpoint_id, failing_before)) == 1


def _found(database: Runner, rest: str, *params: Any) -> list[EndpointRow]:
    sql = f"SELECT {_NAMES} FROM webhooks {rest}"  # noqa: S608 - constant texts
    rows = database.read(lambda connection: connection.rows(sql, params))
    return [EndpointRow(**(row | {"events": tuple(json.loads(row["events"]))})) for row in rows]
