"""Rows of sign-ups: each verdict on free credit, with its reasons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = [
    "SignupRow",
    "count_by",
    "count_given",
    "find_signup",
    "insert_signup",
    "list_signup_rows",
    "lock_signup",
    "update_signup",
    "was_given",
]

_LIMIT_MAX = 10_000


@dataclass(frozen=True, slots=True)
class SignupRow:
    """One sign-up; ``router.store.people.tables`` says what each column is."""

    id: str
    canonical: str
    domain: str
    network: str
    person_id: str
    account_id: str
    at: float
    verdict: str
    reasons: tuple[str, ...]
    credit_nano: int
    decided_by: str


_NAMES = tuple(field.name for field in fields(SignupRow))
_COLUMNS = ", ".join(_NAMES)
_INSERT = f"INSERT INTO signups ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - constant text
_GROUPED = ("domain", "network")


def insert_signup(connection: Connection, row: SignupRow) -> None:
    """Keep a sign-up."""
    connection.execute(_INSERT, tuple(_columns(row).values()))


def find_signup(database: Runner, *, person_id: str) -> SignupRow | None:
    """A person's newest sign-up."""
    sql = f"SELECT {_COLUMNS} FROM signups WHERE person_id = ? ORDER BY at DESC, id DESC LIMIT 1"  # noqa: S608
    row = database.read(lambda connection: connection.row(sql, (person_id,)))
    return None if row is None else _row(row)


def lock_signup(connection: Connection, signup_id: str) -> SignupRow | None:
    """A sign-up, which nobody else decides until the transaction ends."""
    sql = f"SELECT {_COLUMNS} FROM signups WHERE id = ?"  # noqa: S608 - constant text
    row = connection.row(sql + (" FOR UPDATE" if connection.engine == "postgresql" else ""), (signup_id,))
    return None if row is None else _row(row)


def update_signup(connection: Connection, row: SignupRow) -> None:
    """Keep what was decided."""
    columns = _columns(row)
    sql = f"UPDATE signups SET {', '.join(f'{name} = ?' for name in _NAMES)} WHERE id = ?"  # noqa: S608 - our columns
    connection.execute(sql, (*columns.values(), row.id))


def was_given(connection: Connection, canonical: str) -> bool:
    """Whether somebody with this unaliased address was given free credit once."""
    sql = "SELECT 1 AS one FROM signups WHERE canonical = ? AND verdict = 'given' LIMIT 1"
    return connection.row(sql, (canonical,)) is not None


def count_given(connection: Connection, since: float, network: str = "") -> int:
    """How many were given free credit by rule since a time, in all or from one network."""
    more = "AND network = ?" if network else ""
    sql = f"SELECT COUNT(*) FROM signups WHERE at > ? AND verdict = 'given' AND decided_by = '' {more}"  # noqa: S608
    params: list[Any] = [since, *([network] if network else [])]
    return int(connection.tuples(sql, params)[0][0])


def count_by(database: Runner, column: str, since: float, limit: int) -> list[tuple[str, int]]:
    """The domains or networks with most sign-ups since a time, and how many each."""
    assert column in _GROUPED, "what sign-ups are grouped by"
    grouped = f"SELECT {column}, COUNT(*) AS many FROM signups WHERE at > ? GROUP BY {column}"  # noqa: S608 - our columns
    sql = f"{grouped} ORDER BY many DESC, {column} LIMIT ?"
    return [(str(value), int(many)) for value, many in database.read(lambda c: c.tuples(sql, (since, limit)))]


def list_signup_rows(database: Runner, *, before: str = "", limit: int, verdict: str = "") -> list[SignupRow]:
    """Sign-ups, newest first.

    Args:
        before: only those behind the one with this ID.
        verdict: only those with this one.
    """
    filters = {"verdict = ?": verdict, "(at, id) < (SELECT at, id FROM signups WHERE id = ?)": before}
    given = {condition: value for condition, value in filters.items() if value}
    where = f"WHERE {' AND '.join(given)}" if given else ""
    sql = f"SELECT {_COLUMNS} FROM signups {where} ORDER BY at DESC, id DESC LIMIT ?"  # noqa: S608 - constant texts
    params = [*given.values(), max(0, min(limit, _LIMIT_MAX))]
    return [_row(row) for row in database.read(lambda connection: connection.rows(sql, params))]


def _columns(row: SignupRow) -> dict[str, Any]:
    values = dict(zip(_NAMES, astuple(row), strict=True))
    return values | {"reasons": json.dumps(row.reasons)}


def _row(columns: Mapping[str, Any]) -> SignupRow:
    return SignupRow(**{**columns, "reasons": tuple(json.loads(columns["reasons"]))})
