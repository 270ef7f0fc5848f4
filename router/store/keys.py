"""API keys. A key's text is shown once, when it is made; only its SHA-256 and its last four characters are kept."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from router.errors import BadRequest, NotFound
from router.store.connection import Connection
from router.store.database import Database
from router.store.names import check_name, new_id, random_text
from router.types import Key

__all__ = [
    "KeyRow",
    "create_key",
    "disable_key",
    "enable_key",
    "find_key",
    "get_key",
    "hash_key",
    "list_keys",
    "revoke_key",
    "rotate_key",
]

_SECRET_LENGTH = 43  # 256 bits of letters and digits


@dataclass(frozen=True, slots=True)
class KeyRow:
    """All that is kept of a key.

    Attributes:
        id: ``key_...``.
        account_id: whose it is.
        name: the operator's label.
        hash: SHA-256 of the key's text, hexadecimal.
        hint: the last four characters.
        status: ``active``, ``disabled`` or ``revoked`` (for good).
        created_at: Unix seconds.
        expires_at: Unix seconds; None never.
        replaced_by: the ID of the key that ``rotate_key`` made in its place.
        scope: model IDs that it may use; empty for all.
    """

    id: str
    account_id: str
    name: str
    hash: str
    hint: str
    status: str
    created_at: float
    expires_at: float | None = None
    replaced_by: str | None = None
    scope: tuple[str, ...] = ()


_NAMES = tuple(field.name for field in fields(KeyRow))
_COLUMNS = ", ".join(_NAMES)
_INSERT = f"INSERT INTO api_keys ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608 - constant text
_FIND = """
SELECT k.id, k.account_id, k.name, k.expires_at, k.status, k.scope, a.status AS account_status
FROM api_keys k JOIN accounts a ON a.id = k.account_id WHERE k.hash = ?
"""


def hash_key(text: str) -> str:
    """SHA-256 of a key's text, hexadecimal. Keys are random, so a slow hash would protect nothing more."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def find_key(database: Database, hash: str) -> Key | None:
    """The key with this hash, whatever its status; None if there is none. A suspended account's is ``disabled``."""
    row = database.read(lambda connection: connection.row(_FIND, (hash,)))
    if row is None:
        return None
    suspended = row["status"] == "active" and row["account_status"] != "active"
    status = "disabled" if suspended else row["status"]
    return Key(row["id"], row["account_id"], row["name"], status, row["expires_at"], tuple(json.loads(row["scope"])))


def create_key(
    database: Database,
    account_id: str,
    name: str,
    *,
    prefix: str = "sk-",
    expires_at: float | None = None,
    scope: Sequence[str] = (),
) -> tuple[KeyRow, str]:
    """Make a key: its row, and its text, which cannot be had again.

    Args:
        prefix: what the text begins with (``[gateway] key_prefix``).
        expires_at: Unix seconds; None never.
        scope: model IDs, or ``provider/*``, that it may use; empty for all.

    Raises:
        NotFound: there is no such account.
        BadRequest: the name is empty, too long or holds control characters, or the expiry is past.
    """
    if expires_at is not None and expires_at <= time.time():
        raise BadRequest("A key's expiry must lie in the future.")
    allowed = tuple(check_name(model_id, "a model ID") for model_id in scope)
    row, text = _new_key(account_id, check_name(name, "a key's name"), prefix, expires_at, allowed)

    def insert(connection: Connection) -> None:
        if connection.row("SELECT 1 FROM accounts WHERE id = ?", (account_id,)) is None:
            raise NotFound(
                f"There is no account {account_id[:40]!r}. `router accounts list` shows all.", code="account_not_found"
            )
        _insert(connection, row)

    database.write(insert)
    return row, text


def get_key(database: Database, key_id: str) -> KeyRow:
    """Raises:
    NotFound: there is no such key.
    """
    return database.read(lambda connection: _get(connection, key_id))


def list_keys(database: Database, account_id: str | None = None) -> list[KeyRow]:
    """All keys, or one account's, oldest first."""
    where, params = ("WHERE account_id = ?", [account_id]) if account_id is not None else ("", [])
    sql = f"SELECT {_COLUMNS} FROM api_keys {where} ORDER BY created_at, id"  # noqa: S608 - constant texts
    return [_row(row) for row in database.read(lambda connection: connection.rows(sql, params))]


def disable_key(database: Database, key_id: str) -> KeyRow:
    """Refuse the key until it is enabled again.

    Raises:
        NotFound: there is no such key.
        BadRequest: it is revoked.
    """
    return _change(database, key_id, status="disabled")


def enable_key(database: Database, key_id: str) -> KeyRow:
    """Undo ``disable_key``. Raises as that does."""
    return _change(database, key_id, status="active")


def revoke_key(database: Database, key_id: str) -> KeyRow:
    """Refuse the key for good. Harmless when it is revoked already.

    Raises:
        NotFound: there is no such key.
    """

    def revoke(connection: Connection) -> KeyRow:
        row = replace(_get(connection, key_id, lock=True), status="revoked")
        _update(connection, row)
        return row

    return database.write(revoke)


def rotate_key(database: Database, key_id: str, *, grace_s: float, prefix: str = "sk-") -> tuple[KeyRow, str]:
    """Make a new key in place of an old one, which goes on working for ``grace_s`` seconds (0: it is revoked at once).

    The new key has the old one's account, name, expiry and scope.

    Raises:
        NotFound: there is no such key.
        BadRequest: the old key is not active, has expired or has been rotated already, or ``grace_s`` is negative.
    """
    if not grace_s >= 0:
        raise BadRequest("The grace period must be 0 seconds or more.")

    def rotate(connection: Connection) -> tuple[KeyRow, str]:
        old = _get(connection, key_id, lock=True)
        now = time.time()
        if old.status != "active" or old.replaced_by or (old.expires_at is not None and old.expires_at <= now):
            raise BadRequest(f"Key {old.id} is not active, or was rotated already: create a new key instead.")
        row, text = _new_key(old.account_id, old.name, prefix, old.expires_at, old.scope)
        _insert(connection, row)
        ends_at = min(now + grace_s, old.expires_at if old.expires_at is not None else now + grace_s)
        status = "active" if grace_s else "revoked"
        _update(connection, replace(old, status=status, expires_at=ends_at, replaced_by=row.id))
        return row, text

    return database.write(rotate)


def _new_key(
    account_id: str, name: str, prefix: str, expires_at: float | None, scope: tuple[str, ...]
) -> tuple[KeyRow, str]:
    text = prefix + random_text(_SECRET_LENGTH)
    now = time.time()
    row = KeyRow(new_id("key"), account_id, name, hash_key(text), text[-4:], "active", now, expires_at, None, scope)
    return row, text


def _insert(connection: Connection, row: KeyRow) -> None:
    connection.execute(_INSERT, tuple((asdict(row) | {"scope": json.dumps(row.scope)}).values()))


def _row(columns: dict[str, Any]) -> KeyRow:
    return KeyRow(**(columns | {"scope": tuple(json.loads(columns["scope"]))}))


def _get(connection: Connection, key_id: str, *, lock: bool = False) -> KeyRow:
    sql = f"SELECT {_COLUMNS} FROM api_keys WHERE id = ?"  # noqa: S608 - constant text
    if lock and connection.engine == "postgresql":
        sql += " FOR UPDATE"
    row: dict[str, Any] | None = connection.row(sql, (key_id,))
    if row is None:
        shown = key_id[:40] if key_id.startswith("key_") else "of that kind"  # what was given may be a key's text
        raise NotFound(
            f"There is no key {shown}: give its ID (key_...), as `router keys list` shows it.", code="key_not_found"
        )
    return _row(row)


def _change(database: Database, key_id: str, *, status: str) -> KeyRow:
    def change(connection: Connection) -> KeyRow:
        row = _get(connection, key_id, lock=True)
        if row.status == "revoked":
            raise BadRequest(f"Key {row.id} is revoked, which is for good: create a new key instead.")
        row = replace(row, status=status)
        _update(connection, row)
        return row

    return database.write(change)


def _update(connection: Connection, row: KeyRow) -> None:
    connection.execute(
        "UPDATE api_keys SET status = ?, expires_at = ?, replaced_by = ? WHERE id = ?",
        (row.status, row.expires_at, row.replaced_by, row.id),
    )
