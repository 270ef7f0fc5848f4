"""Exchange rates as they were fetched: units of a currency for one USD."""

from __future__ import annotations

import time
from dataclasses import dataclass

from router.db.connection import Connection
from router.db.transaction import Runner
from router.store.models import change_catalogue

__all__ = ["Rate", "get_rate", "read_rates", "set_rate"]

_SET = """
INSERT INTO rates (currency, rate_nano, source, created_at) VALUES (?, ?, ?, ?)
ON CONFLICT (currency) DO UPDATE
    SET rate_nano = excluded.rate_nano, source = excluded.source, created_at = excluded.created_at
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """The last rate of a currency.

    Attributes:
        rate_nano: units of it for one USD, in nano.
        source: where it came from.
        created_at: Unix seconds at which it was fetched.
    """

    currency: str
    rate_nano: int
    source: str
    created_at: float


def set_rate(database: Runner, currency: str, rate_nano: int, source: str) -> None:
    """Keep a rate; every worker prices by it within a second."""
    values = (currency, rate_nano, source, time.time())
    change_catalogue(database, lambda connection: connection.execute(_SET, values))


def get_rate(database: Runner, currency: str) -> Rate | None:
    """The last rate of a currency; None where none was ever kept."""
    sql = "SELECT currency, rate_nano, source, created_at FROM rates WHERE currency = ?"
    row = database.read(lambda connection: connection.row(sql, (currency,)))
    return Rate(**row) if row is not None else None


def read_rates(connection: Connection) -> dict[str, int]:
    """Currency -> units of it for one USD, in nano."""
    return dict(connection.tuples("SELECT currency, rate_nano FROM rates"))
