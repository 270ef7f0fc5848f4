"""Statements: an account's transfers."""

from __future__ import annotations

from router.ledger.statement import statement
from router.ledger.transfers import Transfer
from router.office.office import Office

__all__ = ["Transfer", "read_statement"]


def read_statement(office: Office, account_id: str, *, before: int | None = None, limit: int = 50) -> list[Transfer]:
    """The newest transfers of an account, newest first, each with the balance that it led to.

    Args:
        before: only those whose ``seq`` is below; the last one's leads to the next page.
        limit: how many at most; no more than 10,000.

    Raises:
        NotFound: there is no such account.
        ConfigError: the balances are in another currency than the configuration's.
    """
    _ = office.currency  # or the numbers would mean other money
    return statement(office.database, account_id, before=before, limit=limit)
