"""Answers of ``/v1/responses`` that are kept for later turns: whose, for how long, with the input that led to them.

An ID means something to its account alone. Each answer is a row, its input beside it; where their items have IDs, rows
lead from these to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.db.connection import Connection
from router.db.database import Database
from router.errors import BadRequest

__all__ = [
    "KeptResponse",
    "delete_response",
    "expire_responses",
    "is_kept_id",
    "keeping_response",
    "kept_bytes",
    "read_chain",
    "read_items",
    "read_response",
]

_BATCH = 100
_ID_MAX = 256
_CHAIN_MAX = 1000
_COLUMNS = "id, previous_id, created_at, expires_at, input, response"
_INSERT = f"""
INSERT INTO responses (account_id, {_COLUMNS}, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (account_id, id) DO NOTHING
"""  # noqa: S608 - constant text
_INDEX = "INSERT INTO response_items (account_id, item_id, response_id) VALUES {rows} ON CONFLICT DO NOTHING"
_READ = f"SELECT {_COLUMNS} FROM responses WHERE account_id = ? AND id = ? AND expires_at > ?"  # noqa: S608
_FIND = "SELECT DISTINCT response_id FROM response_items WHERE account_id = ? AND item_id IN ({places})"
_BYTES = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM responses WHERE account_id = ?"
_SIZE = "SELECT bytes FROM responses WHERE account_id = ? AND id = ?"
_TOO_LONG = (
    "The conversation before 'previous_response_id' is too long to be put together here: begin a new one, with what it "
    "needs of the old one in 'input'."
)
_TOO_MUCH = "The answers that 'input' refers to are too long to be read together: send their items themselves."
_EXPIRED = "SELECT account_id, id FROM responses WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"


@dataclass(frozen=True, slots=True)
class KeptResponse:
    """One answer.

    Attributes:
        account: whose it is.
        previous_id: of the answer before it in its conversation; empty for none.
        created_at, expires_at: Unix seconds.
        input: the items that its request added.
        response: the object as its client was sent it.
    """

    account: str
    id: str
    previous_id: str
    created_at: float
    expires_at: float
    input: Sequence[Any]
    response: Mapping[str, Any]

    @property
    def output(self) -> Sequence[Any]:
        """Its items."""
        found = self.response.get("output")
        return found if isinstance(found, list) else ()

    def items(self) -> Iterable[Mapping[str, Any]]:
        """Input and output."""
        return (item for item in (*self.input, *self.output) if isinstance(item, Mapping))


def is_kept_id(value: Any) -> bool:
    """Whether a value can be the ID of an answer or an item: visible ASCII, and no longer than any that is given."""
    return isinstance(value, str) and 0 < len(value) <= _ID_MAX and value.isascii() and value.isprintable()


def keeping_response(kept: KeptResponse, *, max_bytes: int) -> list[tuple[str, tuple[Any, ...]]]:
    """The statements that keep an answer; none where it is larger than may be. Harmless when run again."""
    given, told = (json.dumps(value, separators=(",", ":")) for value in (kept.input, kept.response))
    size = len(given) + len(told)
    if size > max_bytes or not is_kept_id(kept.id):
        return []
    row = (kept.account, kept.id, kept.previous_id, kept.created_at, kept.expires_at, given, told, size)
    statements: list[tuple[str, tuple[Any, ...]]] = [(_INSERT, row)]
    names = [item["id"] for item in kept.items() if is_kept_id(item.get("id"))]
    for start in range(0, len(names), _BATCH):
        some = names[start : start + _BATCH]
        rows = ", ".join("(?, ?, ?)" for _ in some)
        places = tuple(value for name in some for value in (kept.account, name, kept.id))
        statements.append((_INDEX.format(rows=rows), places))
    return statements


def read_response(database: Database, account: str, id: str, now: float) -> KeptResponse | None:
    """One of an account's answers; None where it has none of that ID (any more)."""
    return database.read(lambda connection: _one(connection, account, id, now), whole=False)


def read_chain(database: Database, account: str, id: str, now: float, *, max_bytes: int) -> list[KeptResponse] | None:
    """An answer and all before it in its conversation, oldest first; None where one of them is not there (any more).

    Raises:
        BadRequest: the conversation is too long.
    """

    def read(connection: Connection) -> list[KeptResponse] | None:
        found: list[KeptResponse] = []
        wanted, left = id, max_bytes
        while wanted:
            sizes = connection.tuples(_SIZE, (account, wanted))
            left -= sizes[0][0] if sizes else 0
            if left < 0 or len(found) >= _CHAIN_MAX:
                raise BadRequest(_TOO_LONG, code="conversation_too_long", param="previous_response_id")
            one = _one(connection, account, wanted, now)
            if one is None:
                return None
            found.append(one)
            wanted = one.previous_id
        return found[::-1]

    return database.read(read, whole=False)


def read_items(
    database: Database, account: str, ids: Sequence[str], now: float, *, max_bytes: int
) -> dict[str, Mapping[str, Any]]:
    """Those items of an account's answers that have these IDs.

    Raises:
        BadRequest: what has to be read for it is too much.
    """

    def read(connection: Connection) -> dict[str, Mapping[str, Any]]:
        left, wanted = max_bytes, set(ids)
        found: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(ids), _BATCH):
            some = ids[start : start + _BATCH]
            sql = _FIND.format(places=", ".join("?" for _ in some))
            for (response_id,) in connection.tuples(sql, (account, *some)):
                if wanted <= found.keys():
                    break
                sizes = connection.tuples(_SIZE, (account, response_id))
                left -= sizes[0][0] if sizes else 0
                if left < 0:
                    raise BadRequest(_TOO_MUCH, code="conversation_too_long", param="input")
                kept = _one(connection, account, response_id, now)
                items = () if kept is None else kept.items()
                found |= {
                    item["id"]: item for item in items if isinstance(item.get("id"), str) and item["id"] in wanted
                }
        return found

    return database.read(read, whole=False)


def delete_response(database: Database, account: str, id: str, now: float) -> bool:
    """Forget an answer; whether there was one."""

    def write(connection: Connection) -> bool:
        there = _one(connection, account, id, now) is not None
        _forget(connection, account, id)
        return there

    return database.write(write)


def kept_bytes(database: Database, account: str) -> int:
    """How much is kept for an account."""
    return int(database.read(lambda connection: connection.tuples(_BYTES, (account,)), whole=False)[0][0])


def expire_responses(database: Database, now: float) -> int:
    """Forget what has been kept long enough, a hundred answers a transaction; how many there were."""

    def write(connection: Connection) -> int:
        old = connection.tuples(_EXPIRED, (now, _BATCH))
        for account, id in old:
            _forget(connection, account, id)
        return len(old)

    total = 0
    while forgotten := database.write(write):
        total += forgotten
    return total


def _one(connection: Connection, account: str, id: str, now: float) -> KeptResponse | None:
    found = connection.tuples(_READ, (account, id, now))
    if not found:
        return None
    id, previous_id, created_at, expires_at, given, told = found[0]
    return KeptResponse(account, id, previous_id, created_at, expires_at, json.loads(given), json.loads(told))


def _forget(connection: Connection, account: str, id: str) -> None:
    connection.execute("DELETE FROM response_items WHERE account_id = ? AND response_id = ?", (account, id))
    connection.execute("DELETE FROM responses WHERE account_id = ? AND id = ?", (account, id))
