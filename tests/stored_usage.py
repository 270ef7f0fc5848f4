"""Usage rows that a test puts into the database without a call."""

from __future__ import annotations

from collections.abc import Sequence

from router.db.connection import Connection
from router.metering.hour_rows import add_rows, hour_rows
from router.metering.hour_totals import add_totals
from router.metering.usage_rows import write_usage
from router.types.records import CallRecord

__all__ = ["insert_usage"]


def insert_usage(connection: Connection, records: Sequence[CallRecord]) -> None:
    """Write rows, and add them to their hours and to all accounts' totals."""
    rows = hour_rows(write_usage(connection, records))
    add_rows(connection, rows)
    if connection.has_table("usage_totals"):
        add_totals(connection, rows)
