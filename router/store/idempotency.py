"""Calls that were sent with an ``Idempotency-Key``, and their answers: one row a key and value, for 24 hours.

Who inserts the row makes the call; everybody else finds it. The value itself is not kept, only its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from router.db.connection import Connection
from router.db.database import Database
from router.errors import BadRequest

__all__ = [
    "KEPT_S",
    "IdempotencySlot",
    "IdempotentCall",
    "SlotHolder",
    "begin",
    "dropping",
    "expire_answers",
    "finishing",
    "look",
    "reference_of",
    "releasing",
    "still_owns",
    "stored_bytes",
    "take_over",
]

KEPT_S = 86_400.0
"""How long after the first call the same value means that call."""

_LONGEST = 255
_BATCH = 100
_BEGIN = """
INSERT INTO idempotency (key_id, reference, body_hash, request_id, owner, status, headers, created_at, expires_at)
VALUES (?, ?, ?, ?, ?, 0, '{}', ?, ?)
ON CONFLICT (key_id, reference) DO UPDATE SET body_hash = excluded.body_hash, request_id = excluded.request_id,
    owner = excluded.owner, status = 0, headers = '{}', body = NULL,
    created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE idempotency.expires_at <= excluded.created_at
"""
_LOOK = """
SELECT i.body_hash, i.request_id, i.owner, i.status, i.headers, i.body, u.charge_nano
FROM idempotency i LEFT JOIN usage u ON u.request_id = i.request_id AND i.status <> 0
WHERE i.key_id = ? AND i.reference = ? AND i.expires_at > ?
"""
_THIS_CALL = "WHERE key_id = ? AND reference = ? AND request_id = ?"
_CHARGED = "EXISTS (SELECT 1 FROM transfers WHERE transfers.reference = ?)"
_LOSE = f"UPDATE idempotency SET status = 500 {_THIS_CALL} AND status = 0 AND {_CHARGED}"  # noqa: S608 - constant text
_TAKE_OVER = f"""
UPDATE idempotency SET request_id = ?, owner = ?, created_at = ?, expires_at = ?
{_THIS_CALL} AND status = 0 AND NOT {_CHARGED} AND NOT EXISTS (SELECT 1 FROM holds WHERE holds.id = ?)
"""  # noqa: S608 - constant text
_FINISH = f"UPDATE idempotency SET status = ?, headers = ?, body = ? {_THIS_CALL} AND status = 0"  # noqa: S608
_DROP = f"DELETE FROM idempotency {_THIS_CALL}"  # noqa: S608 - constant text
_RELEASE = f"DELETE FROM idempotency {_THIS_CALL} AND status = 0"  # noqa: S608 - constant text
_EXPIRE = """
DELETE FROM idempotency WHERE (key_id, reference) IN
    (SELECT key_id, reference FROM idempotency WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)
"""


class IdempotencySlot(NamedTuple):
    """What makes two calls the same.

    Attributes:
        key: the API key's ID, ``Key.counted_as``.
        reference: what ``reference_of`` makes of the header.
    """

    key: str
    reference: str


class IdempotentCall(NamedTuple):
    """A call that wants the place.

    Attributes:
        request_id: its own.
        owner: the worker that serves it.
        body_hash: what must be equal for a repeat.
    """

    request_id: str
    owner: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class SlotHolder:
    """The call that has the place.

    Attributes:
        body_hash, request_id, owner: as in ``IdempotentCall``.
        status: of its answer; 0 while it is under way.
        headers: of its answer, those that are kept.
        body: of its answer; None where that was not kept.
        charge_nano: what it was charged, where that is still known.
    """

    body_hash: str
    request_id: str
    owner: str
    status: int
    headers: Mapping[str, str]
    body: bytes | None
    charge_nano: int | None


def reference_of(value: str) -> str:
    """The SHA-256, in hexadecimal, of a header's value.

    Raises:
        BadRequest: it is not 1 to 255 visible ASCII characters.
    """
    if not 0 < len(value) <= _LONGEST or not all("!" <= character <= "~" for character in value):
        raise BadRequest(
            f"The Idempotency-Key header must be 1 to {_LONGEST} visible ASCII characters without blanks, such as a "
            "random UUID.",
            code="invalid_idempotency_key",
        )
    return hashlib.sha256(value.encode("ascii")).hexdigest()


def begin(database: Database, place: IdempotencySlot, call: IdempotentCall, now: float) -> SlotHolder | None:
    """Take a place that is free, or whose time is over; None when that was done, else who has it.

    Raises:
        StoreError: the database failed; the place may have been taken.
    """

    def write(connection: Connection) -> SlotHolder | None:
        # A row may end between the two statements: then the place is free after all.
        while not connection.execute(_BEGIN, (*place, call.body_hash, call.request_id, call.owner, now, now + KEPT_S)):
            entry = _entry(connection, place, now)
            if entry is not None:
                return entry
        return None

    return database.write(write)


def look(database: Database, place: IdempotencySlot, now: float) -> SlotHolder | None:
    """Who has a place; None where it is free."""
    return database.read(lambda connection: _entry(connection, place, now), whole=False)


def take_over(database: Database, place: IdempotencySlot, dead: str, call: IdempotentCall, now: float) -> bool:
    """Take the place of a call whose worker is dead; whether that was done.

    It is not while that call still holds money or limits: first the sweep has to decide what becomes of it. Nor is it
    when that call was charged: its answer is then lost, and marked so.

    Args:
        dead: the request ID of the call that has the place.
    """
    charged = f"req:{dead}"

    def write(connection: Connection) -> bool:
        if connection.execute(_LOSE, (*place, dead, charged)):
            return False
        values = (call.request_id, call.owner, now, now + KEPT_S, *place, dead, charged, dead)
        return connection.execute(_TAKE_OVER, values) > 0

    return database.write(write)


def still_owns(connection: Connection, place: IdempotencySlot, request_id: str) -> bool:
    """Whether no other call has taken this one's place, nor can until the transaction ends."""
    lock = " FOR UPDATE" if connection.engine == "postgresql" else ""
    found = connection.tuples(f"SELECT request_id FROM idempotency WHERE key_id = ? AND reference = ?{lock}", place)  # noqa: S608
    return not found or bool(found[0][0] == request_id)


def finishing(
    place: IdempotencySlot, request_id: str, status: int, headers: Mapping[str, str], body: bytes | None
) -> tuple[str, tuple[Any, ...]]:
    """The statement that keeps a call's answer; None as its body keeps only that there was one."""
    return _FINISH, (status, json.dumps(headers), body, *place, request_id)


def releasing(place: IdempotencySlot, request_id: str) -> tuple[str, tuple[Any, ...]]:
    """The statement that frees the place of a call that came to nothing."""
    return _RELEASE, (*place, request_id)


def dropping(place: IdempotencySlot, request_id: str) -> tuple[str, tuple[Any, ...]]:
    """The statement that frees the place of a call whatever was kept of it."""
    return _DROP, (*place, request_id)


def stored_bytes(database: Database, account_id: str) -> int:
    """How much is kept of the answers of an account's keys."""
    sql = (
        "SELECT CAST(COALESCE(SUM(LENGTH(body)), 0) AS BIGINT) FROM idempotency "
        "WHERE key_id IN (SELECT id FROM api_keys WHERE account_id = ?)"
    )
    return int(database.read(lambda connection: connection.tuples(sql, (account_id,)))[0][0])


def expire_answers(database: Database, now: float) -> int:
    """Delete what is older than ``KEPT_S``, a hundred rows a transaction; how many there were."""
    total = 0
    while deleted := database.write(lambda connection: connection.execute(_EXPIRE, (now, _BATCH))):
        total += deleted
    return total


def _entry(connection: Connection, place: IdempotencySlot, now: float) -> SlotHolder | None:
    found = connection.tuples(_LOOK, (*place, now))
    if not found:
        return None
    body_hash, request_id, owner, status, headers, body, charge_nano = found[0]
    kept = None if body is None else bytes(body)
    return SlotHolder(body_hash, request_id, owner, status, json.loads(headers), kept, charge_nano)
