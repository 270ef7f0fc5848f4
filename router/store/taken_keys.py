"""Keys that another gateway made: of their text, which clients have, only the digest is known here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from router.db.connection import Connection
from router.db.transaction import Runner, Transaction
from router.store.keys import KeyRow, create_key
from router.types.keys import Budget

__all__ = ["take_key"]

_TAKE = "UPDATE api_keys SET hash = ?, hint = ?, checked = ?, status = ? WHERE id = ?"


def take_key(
    database: Runner,
    account_id: str,
    name: str,
    *,
    digest: str,
    hint: str,
    expires_at: float | None = None,
    scope: Sequence[str] = (),
    budget: Budget | None = None,
    disabled: bool = False,
) -> KeyRow:
    """Make a key whose text hashes to ``digest``, which no key here may have.

    Args:
        digest: SHA-256 of its text, hexadecimal.
        hint: its last characters, as far as they are known.
        expires_at, scope, budget: as ``create_key`` has them.

    Raises:
        NotFound, BadRequest: as ``create_key``.
    """
    status = "disabled" if disabled else "active"

    def take(connection: Connection) -> KeyRow:
        within = Transaction(connection, database.place)
        made, _ = create_key(within, account_id, name, expires_at=expires_at, scope=scope, budget=budget)
        connection.execute(_TAKE, (digest, hint, False, status, made.id))
        return replace(made, hash=digest, hint=hint, checked=False, status=status)

    return database.write(take)
