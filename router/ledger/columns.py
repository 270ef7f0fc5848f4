"""The columns of the ledger's tables that a batch fills."""

from __future__ import annotations

from router.store.sets import Columns

__all__ = ["HOLDS", "TRANSFERS"]

HOLDS: Columns = (
    ("id", "text"),
    ("account_id", "text"),
    ("key_id", "text"),
    ("owner", "text"),
    ("model", "text"),
    ("route", "text"),
    ("streamed", "boolean"),
    ("amount_nano", "bigint"),
    ("claims", "text"),
    ("created_at", "float8"),
    ("expires_at", "float8"),
)
TRANSFERS: Columns = (
    ("reference", "text"),
    ("kind", "text"),
    ("debit", "text"),
    ("credit", "text"),
    ("amount_nano", "bigint"),
    ("balance_nano", "bigint"),
    ("about", "text"),
    ("reason", "text"),
    ("created_at", "float8"),
    ("hash", "text"),
)
