"""The currency that the ledger counts in: chosen once, since a number means nothing without it."""

from __future__ import annotations

from collections.abc import Callable

from router.db.connection import Connection
from router.db.transaction import Runner
from router.errors import ConfigError

__all__ = ["keep_currency"]

_PREFIX = "currency:"
_MOVED = "SELECT 1 AS one FROM transfers WHERE reference NOT LIKE 'grant:init:%' LIMIT 1"


def keep_currency(
    database: Runner, currency: str, *, replaced: Callable[[Connection, str], None] = lambda *_: None
) -> None:
    """Note the balance currency; as long as no money but ``router init``'s has moved, another may take its place.

    Args:
        replaced: is told, within the transaction, which one was noted before, where it was another.

    Raises:
        ConfigError: there are transfers in another currency.
        StoreError: the database does not answer.
    """
    if database.read(_known) != currency:
        database.write(lambda connection: _note(connection, currency, replaced))


def _known(connection: Connection) -> str | None:
    row = connection.row("SELECT name FROM meta WHERE name LIKE 'currency:%'")
    return row["name"].removeprefix(_PREFIX) if row else None


def _note(connection: Connection, currency: str, replaced: Callable[[Connection, str], None]) -> None:
    known = _known(connection)
    if known is not None and known != currency and connection.row(_MOVED):
        raise ConfigError(
            f"the balances in the database are in {known}, not in {currency}: their numbers would mean other money. "
            f"Write {known} here, or begin with a new database: ROUTER__GATEWAY__CURRENCY={currency} router init"
        )
    connection.execute("DELETE FROM meta WHERE name LIKE 'currency:%'")
    insert = "INSERT INTO meta (name, value) VALUES (?, 0) ON CONFLICT (name) DO NOTHING"  # another worker may note it
    connection.execute(insert, (_PREFIX + currency,))
    if known is not None and known != currency:
        replaced(connection, known)
