"""Hashes that chain an account's transfers: each is made of the one before it, and the account's balance has the last.

So a transfer that was changed, taken out or slipped in behind the ledger's back is found, as is one that is missing at
the end. A shortfall, which no customer is part of, has a hash of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from router.db.connection import Connection
from router.ledger.system import is_system

__all__ = ["broken_links", "customer_of", "link"]

_COLUMNS = "reference, kind, debit, credit, amount_nano, balance_nano, about, reason, created_at, hash, seq"
_PAGE = 20_000
_write = json.JSONEncoder(separators=(",", ":")).encode


def link(previous: str, *values: object) -> str:
    """The hash of a transfer.

    Args:
        previous: that of the account's transfer before it; empty for its first, and where there is no customer.
        values: reference, kind, debit, credit, amount_nano, balance_nano, about, reason, created_at.
    """
    return hashlib.sha256(_write([previous, *values]).encode("ascii")).hexdigest()


def customer_of(debit: str, credit: str) -> str:
    """The customer's side of a transfer; empty where there is none."""
    if not is_system(debit):
        return debit
    return "" if is_system(credit) else credit


def broken_links(connection: Connection) -> list[str]:
    """Where the chains are broken. Transfers that are older than chains have no hash, and stand before all others."""
    heads: dict[str, str] = {}
    found = []
    for *values, hash, _ in _all(connection):
        account = customer_of(values[2], values[3])
        previous = heads.get(account, "") if account else ""
        if not hash and not previous:
            continue
        if hash != link(previous, *values):
            found.append(f"{values[0]}: it, or the one before it, is not as it was written")
        if account:
            heads[account] = hash
    for account, head in connection.tuples("SELECT account_id, head FROM balances WHERE head <> ''"):
        if heads.pop(account, "") != head:
            found.append(f"account {account}: its last transfer is missing, or not as it was written")
    return found + [f"account {account}: it does not know its last transfer" for account, head in heads.items() if head]


def _all(connection: Connection) -> Iterator[tuple[Any, ...]]:
    """Every transfer, a page at a time."""
    after = -1
    sql = f"SELECT {_COLUMNS} FROM transfers WHERE seq > ? ORDER BY seq LIMIT {_PAGE}"  # noqa: S608 - constant text
    while rows := connection.tuples(sql, (after,)):
        yield from rows
        after = rows[-1][-1]
