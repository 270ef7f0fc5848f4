"""Notices and how people want them: rows, and the questions that find what is to be told."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.db.connection import Connection
from router.db.ids import clean_text, new_id
from router.db.transaction import Runner

__all__ = [
    "KeptNotice",
    "Listener",
    "count_unread",
    "forget_notices",
    "insert_notice",
    "listeners",
    "mark_notices",
    "read_notices",
    "store_setting",
    "stored_settings",
]

_INSERT = """
INSERT INTO notices (id, person_id, account_id, type, subject, period, detail, created_at, read_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (person_id, type, subject, period) DO NOTHING
"""
_LISTENER = """
SELECT p.id AS person_id, p.email, p.locale, p.zone, p.verified_at, s.in_app, s.mail
FROM people p LEFT JOIN notice_settings s ON s.person_id = p.id AND s.type = ?
"""
_OF_PERSON = f"{_LISTENER} WHERE p.status = 'active' AND p.id = ?"
_OF_ACCOUNT = f"{_LISTENER} JOIN members m ON m.person_id = p.id WHERE p.status = 'active' AND m.account_id = ?"
_SHOWN = """
FROM notices n LEFT JOIN notice_settings s ON s.person_id = n.person_id AND s.type = n.type
WHERE n.person_id = ? AND (s.in_app IS NULL OR s.in_app) AND (n.account_id = '' OR EXISTS (
    SELECT 1 FROM members m WHERE m.account_id = n.account_id AND m.person_id = n.person_id
))
"""  # who has left a workspace is told nothing of it any more
_UNREAD_MAX = 100


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody to be told, and how: in the portal, and by mail; None where they have not said."""

    person_id: str
    email: str
    locale: str
    zone: str
    verified_at: float | None
    in_app: bool | None
    mail: bool | None


@dataclass(frozen=True, slots=True)
class KeptNotice:
    """A notice as it is kept; ``detail`` is what its text names."""

    id: str
    account_id: str
    type: str
    subject: str
    detail: Mapping[str, str]
    created_at: float
    read_at: float | None


def listeners(
    database: Runner, type: str, *, person_id: str = "", account_id: str = "", roles: Sequence[str] = ()
) -> list[Listener]:
    """A person, or the members of an account that have one of some roles, as long as they may log in."""
    sql, params = _OF_PERSON, [type, person_id]
    if account_id:
        sql, params = f"{_OF_ACCOUNT} AND m.role IN ({', '.join('?' * len(roles))})", [type, account_id, *roles]
    rows = database.read(lambda connection: connection.tuples(sql, params))
    return [Listener(*row[:5], *(None if one is None else bool(one) for one in row[5:])) for row in rows]


def insert_notice(
    database: Runner,
    now: float,
    *,
    person_id: str,
    account_id: str,
    type: str,
    subject: str,
    period: str,
    detail: Mapping[str, str],
) -> bool:
    """Keep a notice; False where the same was told within its period before."""
    texts = [clean_text(one) for one in (person_id, account_id, type, subject, period, json.dumps(dict(detail)))]
    return database.write(lambda connection: connection.execute(_INSERT, (new_id("noti"), *texts, now))) == 1


def read_notices(database: Runner, person_id: str, *, before: str, limit: int) -> list[KeptNotice]:
    """A person's notices, newest first.

    Args:
        before: only those older than the one with this ID; empty for the newest.
    """
    older = "AND (n.created_at, n.id) < (SELECT created_at, id FROM notices WHERE id = ?)" if before else ""
    names = "n.id, n.account_id, n.type, n.subject, n.detail, n.created_at, n.read_at"
    sql = f"SELECT {names} {_SHOWN} {older} ORDER BY n.created_at DESC, n.id DESC LIMIT ?"
    params = [person_id, *([before] if before else []), limit]
    rows = database.read(lambda connection: connection.rows(sql, params), whole=False)
    return [KeptNotice(**(row | {"detail": json.loads(row["detail"])})) for row in rows]


def count_unread(database: Runner, person_id: str) -> int:
    """How many notices a person has not read; 100 stands for more."""
    sql = f"SELECT COUNT(*) FROM (SELECT 1 AS one {_SHOWN} AND n.read_at IS NULL LIMIT {_UNREAD_MAX}) unread"  # noqa: S608
    ((count,),) = database.read(lambda connection: connection.tuples(sql, (person_id,)), whole=False)
    return int(count)


def mark_notices(database: Runner, person_id: str, now: float, ids: Collection[str] | None) -> None:
    """Note that a person has read some notices, or all."""
    which = "" if ids is None else f"AND id IN ({', '.join('?' * len(ids))})"
    sql = f"UPDATE notices SET read_at = ? WHERE person_id = ? AND read_at IS NULL {which}"  # noqa: S608 - constant texts
    params = (now, person_id, *(ids or ()))
    if ids is None or ids:
        database.write(lambda connection: connection.execute(sql, params))


def forget_notices(connection: Connection, before: float) -> None:
    """Delete notices from before a time, but for those that hold good for longer: else the same would be told again."""
    lasting = "type = 'low_balance' OR (type = 'budget' AND period LIKE '%/0/%')"  # a budget without periods
    connection.execute(f"DELETE FROM notices WHERE created_at < ? AND NOT ({lasting})", (before,))  # noqa: S608


def stored_settings(database: Runner, person_id: str) -> dict[str, dict[str, Any]]:
    """What a person has said of each type: ``in_app``, ``mail``, ``threshold_nano``."""
    sql = "SELECT type, in_app, mail, threshold_nano FROM notice_settings WHERE person_id = ?"
    rows = database.read(lambda connection: connection.rows(sql, (person_id,)), whole=False)
    return {row.pop("type"): row for row in rows}


def store_setting(
    database: Runner, person_id: str, type: str, *, in_app: bool, mail: bool, threshold_nano: int | None
) -> None:
    """Keep what a person says of a type."""
    sql = """
        INSERT INTO notice_settings (person_id, type, in_app, mail, threshold_nano) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (person_id, type) DO UPDATE
        SET in_app = excluded.in_app, mail = excluded.mail, threshold_nano = excluded.threshold_nano
    """
    database.write(lambda connection: connection.execute(sql, (person_id, type, in_app, mail, threshold_nano)))
