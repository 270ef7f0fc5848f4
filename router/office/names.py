"""Accounts and keys by the names that people gave them."""

from __future__ import annotations

from router.db.transaction import Runner
from router.errors import BadRequest
from router.store.accounts import OPERATORS

__all__ = ["account_id", "key_id", "recent_accounts", "recent_keys"]

_NAMED_MAX = 5
_NO_OPERATORS = f"AND id <> '{OPERATORS}'"


def account_id(database: Runner, text: str) -> str:
    """The ID of the account that a text names; text that is neither an ID nor a name stays, to be refused as such.

    Raises:
        BadRequest: several have the name.
    """
    return _id_of(database, "accounts", "account", "acct_", text, (_NO_OPERATORS,))


def key_id(database: Runner, text: str) -> str:
    """The same of a key; one that is revoked gives way to one that is not. A page's own is found by its ID alone."""
    listed = "AND kind <> 'hidden'"
    return _id_of(database, "api_keys", "key", "key_", text, (f"{listed} AND status <> 'revoked'", listed))


def recent_accounts(database: Runner, limit: int) -> list[tuple[str, str]]:
    """(ID, name) of the newest accounts."""
    return _rows(database, "accounts", f"WHERE true {_NO_OPERATORS} ORDER BY created_at DESC LIMIT ?", limit)


def recent_keys(database: Runner, limit: int) -> list[tuple[str, str]]:
    """(ID, name) of the newest keys that are not revoked."""
    listed = "WHERE status <> 'revoked' AND kind <> 'hidden'"
    return _rows(database, "api_keys", f"{listed} ORDER BY created_at DESC LIMIT ?", limit)


def _id_of(database: Runner, table: str, what: str, prefix: str, text: str, preferences: tuple[str, ...]) -> str:
    if text.startswith(prefix):
        return text
    ids: list[str] = []
    for also in preferences:
        ids = ids or [one for one, _ in _rows(database, table, f"WHERE name = ? {also} ORDER BY id LIMIT 6", text)]
    if len(ids) > 1:
        named = ", ".join(ids[:_NAMED_MAX]) + (", ..." if len(ids) > _NAMED_MAX else "")
        raise BadRequest(f"Several {what}s are called {text[:100]!r}: give the ID of one ({named}).")
    return ids[0] if ids else text


def _rows(database: Runner, table: str, rest: str, *params: object) -> list[tuple[str, str]]:
    sql = f"SELECT id, name FROM {table} {rest}"  # noqa: S608 - constant text
    return [(str(one), str(name)) for one, name in database.read(lambda connection: connection.tuples(sql, params))]
