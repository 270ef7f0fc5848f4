"""Accounts as operators look for them: by name, people's addresses, keys, calls and transfers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.db.bulk import in_list
from router.db.connection import Connection
from router.db.transaction import Runner
from router.store.accounts import OPERATORS, Account

__all__ = ["Holding", "account_of_call", "emails_of", "find_account_rows", "holdings_of", "names_of_people"]

_COLUMNS = "id, name, status, created_at, tier, price_list"
_FOUND = (
    ("id = ?", "{text}"),
    ("lower(name) LIKE ? ESCAPE '!'", "%{like}%"),
    (
        "id IN (SELECT m.account_id FROM members m JOIN people p ON p.id = m.person_id"
        " WHERE p.email_key LIKE ? ESCAPE '!' OR p.id = ?)",
        "%{like}%",
        "{text}",
    ),
    ("id IN (SELECT account_id FROM api_keys WHERE id = ? OR hint = ?)", "{text}", "{hint}"),
    ("id IN (SELECT account_id FROM usage WHERE request_id = ?)", "{text}"),
    ("id IN (SELECT debit FROM transfers WHERE reference = ?)", "{text}"),
    ("id IN (SELECT credit FROM transfers WHERE reference = ?)", "{text}"),
)
_HINT = 4
_LIMIT_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Holding:
    """What an account has.

    Attributes:
        balance_nano: its money, holds included.
        held_nano: what its calls under way hold.
        keys: how many of its keys are active.
    """

    balance_nano: int
    held_nano: int
    keys: int


def find_account_rows(
    database: Runner, text: str = "", *, status: str = "", tier: str = "", before: str = "", limit: int
) -> list[Account]:
    """Accounts, newest first.

    Args:
        text: part of the name or of a member's address; or an ID of the account, a key, a call or a person, the last
            four letters of a key (alone, or as lists show it, behind an ellipsis), or a transfer's reference; empty for
            all.
        before: only those behind the one with this ID.
    """
    conditions, params = ["id <> ?"], list[Any]([OPERATORS])
    if text:
        shown = len(text) == _HINT or "\u2026" in text or "..." in text
        found = {"text": text, "like": _escaped(text.lower()), "hint": text[-_HINT:] if shown else ""}
        conditions.append(f"({' OR '.join(condition for condition, *_ in _FOUND)})")
        params += [shape.format(**found) for _, *shapes in _FOUND for shape in shapes]
    for column, value in (("status", status), ("tier", tier)):
        if value:
            conditions.append(f"{column} = ?")
            params.append(value)
    if before:
        conditions.append("(created_at, id) < (SELECT created_at, id FROM accounts WHERE id = ?)")
        params.append(before)
    where = " AND ".join(conditions)
    sql = f"SELECT {_COLUMNS} FROM accounts WHERE {where} ORDER BY created_at DESC, id DESC LIMIT ?"  # noqa: S608
    params.append(max(0, min(limit, _LIMIT_MAX)))
    return [Account(**row) for row in database.read(lambda connection: connection.rows(sql, params))]


def holdings_of(database: Runner, ids: Sequence[str]) -> Mapping[str, Holding]:
    """Account -> what it has."""

    def load(connection: Connection) -> dict[str, Holding]:
        one_of, values = in_list(connection.engine, ids)
        sql = f"""
            SELECT b.account_id, b.credits - b.debits, b.held,
                (SELECT COUNT(*) FROM api_keys k
                 WHERE k.account_id = b.account_id AND k.status = 'active' AND k.kind <> 'hidden')
            FROM balances b WHERE b.account_id {one_of}
        """  # noqa: S608 - constant texts
        return {id: Holding(*map(int, rest)) for id, *rest in connection.tuples(sql, (values,))}

    return database.read(load)


def emails_of(database: Runner, ids: Sequence[str]) -> Mapping[str, list[str]]:
    """Account -> its members' addresses, owners first."""

    def load(connection: Connection) -> dict[str, list[str]]:
        one_of, values = in_list(connection.engine, ids)
        sql = f"""
            SELECT m.account_id, p.email FROM members m JOIN people p ON p.id = m.person_id
            WHERE m.account_id {one_of}
            ORDER BY CASE m.role WHEN 'owner' THEN 0 WHEN 'developer' THEN 1 ELSE 2 END, m.created_at, p.id
        """  # noqa: S608 - constant texts
        found: dict[str, list[str]] = {}
        for id, email in connection.tuples(sql, (values,)):
            found.setdefault(id, []).append(email)
        return found

    return database.read(load, whole=False)


def names_of_people(database: Runner, ids: Sequence[str]) -> Mapping[str, str]:
    """Person -> address; those that are not known are left out."""

    def load(connection: Connection) -> dict[str, str]:
        one_of, values = in_list(connection.engine, ids)
        return dict(connection.tuples(f"SELECT id, email FROM people WHERE id {one_of}", (values,)))  # noqa: S608

    return database.read(load, whole=False) if ids else {}


def account_of_call(database: Runner, request_id: str) -> str:
    """Whose call it was; empty where there is no row of it."""
    sql = "SELECT account_id FROM usage WHERE request_id = ?"
    rows = database.read(lambda connection: connection.tuples(sql, (request_id,)))
    return str(rows[0][0]) if rows else ""


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
