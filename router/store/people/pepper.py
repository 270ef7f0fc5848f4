"""A random secret of this database: what is hashed with it cannot be guessed from the hash without it."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from router.db.connection import Connection
from router.db.transaction import Runner

__all__ = ["keyed_hash", "pepper"]

_PREFIX = "pepper:"
_KNOWN = "SELECT name FROM meta WHERE name LIKE 'pepper:%'"


def pepper(database: Runner) -> bytes:
    """The secret, made at the first use and then always the same."""
    return database.read(_known) or database.write(_made)


def keyed_hash(key: bytes, purpose: str, text: str) -> str:
    """A text's hash, hexadecimal; of another purpose another."""
    return hmac.new(key, f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _known(connection: Connection) -> bytes:
    row = connection.row(_KNOWN)
    return bytes.fromhex(row["name"].removeprefix(_PREFIX)) if row else b""


def _made(connection: Connection) -> bytes:
    connection.execute("UPDATE meta SET value = value WHERE name = 'access_version'")  # of two at once, one goes first
    known = _known(connection)
    if not known:
        known = secrets.token_bytes(32)
        connection.execute("INSERT INTO meta (name, value) VALUES (?, 0)", (f"{_PREFIX}{known.hex()}",))
    return known
