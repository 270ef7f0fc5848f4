"""The balance of an account."""

from __future__ import annotations

from dataclasses import dataclass

from router.db.connection import Connection
from router.db.transaction import Runner
from router.errors import NotFound

__all__ = ["Balance", "balance", "read_balance"]

_READ = "SELECT credits, debits, held FROM balances WHERE account_id = ?"


@dataclass(frozen=True, slots=True)
class Balance:
    """One account's money at one moment, in nano-units.

    Attributes:
        credits: the sum of all transfers to it.
        debits: the sum of all transfers from it.
        held: what its calls under way hold.
    """

    credits: int = 0
    debits: int = 0
    held: int = 0

    @property
    def balance(self) -> int:
        """What it has, holds included."""
        return self.credits - self.debits

    @property
    def available(self) -> int:
        """What further calls may claim."""
        return self.credits - self.debits - self.held


def balance(database: Runner, account_id: str) -> Balance:
    """Raises:
    NotFound: there is no such account.
    """
    return database.read(lambda connection: read_balance(connection, account_id))


def read_balance(connection: Connection, account_id: str, *, lock: bool = False) -> Balance:
    """The same within a transaction.

    Args:
        lock: keep others from changing it until the transaction ends.

    Raises:
        NotFound: there is no such account.
    """
    row = connection.row(_READ + (" FOR UPDATE" if lock and connection.engine == "postgresql" else ""), (account_id,))
    if row is None:
        raise NotFound(
            f"There is no account {account_id[:40]!r}. `router accounts list` shows all.", code="account_not_found"
        )
    return Balance(**row)
