"""The balance currency, which the database notes at the first start and then keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.errors import ConfigError
from router.ledger.currency import keep_currency
from router.office.actor import GATEWAY
from router.office.entries import entry_of
from router.store.audit import insert_audit

if TYPE_CHECKING:
    from router.config.file import Settings
    from router.db.connection import Connection
    from router.db.transaction import Runner

__all__ = ["checked_currency"]


def checked_currency(settings: Settings, database: Runner) -> None:
    """Hold the database's currency against the configuration's, or note it; that another took its place is audited.

    Raises:
        ConfigError: balances are in another; names the place.
        StoreError: the database does not answer.
    """
    currency = settings.gateway.currency

    def replaced(connection: Connection, before: str) -> None:
        insert_audit(connection, entry_of(GATEWAY, "currency set", currency, {"before": before}))

    try:
        keep_currency(database, currency, replaced=replaced)
    except ConfigError as error:
        raise ConfigError(f"{settings.where('gateway.currency')}: {error}") from None
