"""Past calls by the million: usage rows, the sums of their hours, and what they were charged, written in bulk."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from router.db.bulk import Columns, write_rows
from router.db.connection import Connection
from router.db.database import Database
from router.ledger.chain import link

__all__ = ["DAYS", "Mix", "fill", "owners_of_all"]

DAYS = 30
"""Over how many days until now the calls are spread."""

_CHARGE_NANO = 1000
_PAGE = 50_000
_FILL_MAX_S = 3600
_FIRST_ID = 1_000_000_000
_ID = "req_00000000000000"
_OF_ALL = "SELECT account_id, MIN(id) FROM api_keys GROUP BY account_id ORDER BY account_id"
_USAGE = """
INSERT INTO usage (request_id, created_at, route, account_id, key_id, model, provider, upstream_model, status, ending,
    error_code, streamed, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, estimated, latency_ms,
    attempts, charge_nano)
WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}),
    owners(place, account, key_id) AS (VALUES {owners}), models(number, model) AS (VALUES {models}),
    calls AS (SELECT i, i % {failing} = {failing} - 1 AS failed FROM n)
SELECT '{id}' || CAST({first_id} + i AS TEXT), {since} + {step} * i, 'chat', account, key_id, 'openai/' || model,
    'openai', model, CASE WHEN failed THEN 502 ELSE 200 END, CASE WHEN failed THEN 'upstream_error' ELSE 'ok' END,
    CASE WHEN failed THEN 'bad_gateway' ELSE '' END, FALSE, 20, CASE WHEN failed THEN 0 ELSE 10 END, 0, 0, FALSE, 500,
    '[]', CASE WHEN failed THEN 0 ELSE {charge} END
FROM calls JOIN owners ON place = i % {places} JOIN models ON number = i / {places} % {kinds}
"""
_CHARGED = """
SELECT request_id, account_id, charge_nano, model, created_at FROM usage
WHERE request_id >= ? AND request_id < ? AND charge_nano > 0 ORDER BY request_id
"""
_TRANSFERS: Columns = (
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
_HOURS = """
INSERT INTO usage_hours (account_id, hour, key_id, model, provider, calls, errors, prompt_tokens, cached_tokens,
    completion_tokens, reasoning_tokens, charge_nano, cost_nano, uncosted)
SELECT account_id, CAST(FLOOR(created_at / 3600) AS BIGINT) * 3600, key_id, model, provider, COUNT(*),
    SUM(CASE WHEN ending = 'ok' THEN 0 ELSE 1 END), SUM(prompt_tokens), SUM(cached_tokens), SUM(completion_tokens),
    SUM(reasoning_tokens), SUM(charge_nano), 0, SUM(CASE WHEN charge_nano > 0 THEN 1 ELSE 0 END)
FROM usage WHERE request_id >= ? AND request_id < ? GROUP BY 1, 2, 3, 4, 5 ORDER BY 2
"""
_TOTALS = """
INSERT INTO usage_totals
SELECT hour, model, provider, SUM(calls), SUM(errors), SUM(prompt_tokens), SUM(cached_tokens), SUM(completion_tokens),
    SUM(reasoning_tokens), SUM(charge_nano), SUM(cost_nano), SUM(uncosted), 0, 0, 0, 0, 0
FROM usage_hours GROUP BY 1, 2, 3
"""


@dataclass(frozen=True)
class Mix:
    """Whose the calls are, and of what.

    Attributes:
        owners: the account and the key of one call after another, again and again: who stands here often called often.
        models: which the calls of each of these are for, in turns.
        failing: of so many calls one failed; 0: none.
    """

    owners: Sequence[tuple[str, str]]
    models: Sequence[str] = ("gpt-4o",)
    failing: int = 0


def owners_of_all(database: Database) -> list[tuple[str, str]]:
    """Every account that has a key, with the first of them."""
    return [(account, key) for account, key in database.read(lambda connection: connection.tuples(_OF_ALL))]


def fill(database: Database, rows: int, mix: Mix) -> None:
    """Write so many past calls, each charged if it went well; the ledger stays whole."""

    def write(connection: Connection) -> None:
        usage = _usage(rows, mix)
        for first in range(0, rows, _PAGE):
            connection.execute(usage.format(first=first, last=min(first + _PAGE, rows) - 1))
        _charge(connection, rows)
        connection.execute(_hours(connection), (_name(0), _name(rows)))
        connection.execute(_TOTALS)
        connection.execute("ANALYZE")  # as both engines do by themselves, in time

    database.write(write, timeout_s=_FILL_MAX_S)


def _usage(rows: int, mix: Mix) -> str:
    """The statement that writes those from ``{first}`` to ``{last}``."""
    owners = ", ".join(f"({place}, '{account}', '{key}')" for place, (account, key) in enumerate(mix.owners))
    span_s = DAYS * 86_400 - 7200
    return _USAGE.format(
        first="{first}",
        last="{last}",
        owners=owners,
        places=len(mix.owners),
        models=", ".join(f"({number}, '{name}')" for number, name in enumerate(mix.models)),
        kinds=len(mix.models),
        failing=mix.failing or rows + 1,
        id=_ID,
        first_id=_FIRST_ID,
        since=time.time() - DAYS * 86_400,
        step=span_s / rows,
        charge=_CHARGE_NANO,
    )


def _hours(connection: Connection) -> str:
    return _HOURS.replace("FLOOR(created_at / 3600)", "created_at / 3600") if connection.engine == "sqlite" else _HOURS


def _charge(connection: Connection, rows: int) -> None:
    """A transfer for each charged call, with the hash that chains it to its account's one before; the balances."""
    heads: dict[str, str] = {}
    left: dict[str, int] = {}
    for account, head, balance in connection.tuples("SELECT account_id, head, credits - debits FROM balances"):
        heads[account], left[account] = head, balance
    before = dict(left)
    for first in range(0, rows, _PAGE):
        found = connection.tuples(_CHARGED, (_name(first), _name(min(first + _PAGE, rows))))
        write_rows(connection, "transfers", _TRANSFERS, [_transfer(heads, left, *row) for row in found])
    sql = "UPDATE balances SET debits = debits + ?, head = ? WHERE account_id = ?"
    for account, balance in left.items():
        connection.execute(sql, (before[account] - balance, heads[account], account))


def _transfer(
    heads: dict[str, str], left: dict[str, int], request_id: str, account: str, charge: int, model: str, at: float
) -> tuple[Any, ...]:
    left[account] -= charge
    values = (f"req:{request_id}", "usage", account, "@revenue", charge, left[account], None, model, at)
    heads[account] = link(heads[account], *values)
    return (*values, heads[account])


def _name(number: int) -> str:
    """The ID of a call; those of later calls come after it."""
    return f"{_ID}{_FIRST_ID + number}"
