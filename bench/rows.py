"""``python -m bench.rows``: a database with two million usage rows: how soon statements, queries and exports answer,
and whether calls are slower for it."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from bench.gateway import BILLED, OurGateway, Setup
from bench.load import chat_body, load
from bench.machine import BenchError, describe
from bench.postgres import postgresql
from bench.report import table, write_between
from bench.systems import Upstreams
from bench.tools import prepare
from bench.upstream import FastUpstream
from router.db.connection import Connection
from router.db.database import Database
from router.ledger.chain import link
from router.ledger.statement import statement
from router.metering.usage_hours import sum_hours
from router.metering.usage_rows import export_usage, list_usage

__all__ = ["fill", "main"]

_ROWS = 2_000_000
_DAYS = 30
_CHARGE_NANO = 1000
_ROUNDS = 3
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
_OF_ACCOUNT = (
    "SELECT id AS account, k AS key_id, place FROM (SELECT a.id, (SELECT MIN(id) FROM api_keys WHERE account_id = a.id)"
    " AS k, ROW_NUMBER() OVER (ORDER BY a.id) - 1 AS place FROM accounts a) AS owners WHERE k IS NOT NULL"
)
_USAGE = """
INSERT INTO usage (request_id, created_at, route, account_id, key_id, model, provider, upstream_model, status, ending,
    error_code, streamed, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, estimated, latency_ms,
    attempts, charge_nano)
{numbers}, owners AS ({owners})
SELECT 'req_00000000000000' || CAST(1000000000 + i AS TEXT), {since} + {step} * i, 'chat', account, key_id,
    'openai/gpt-4o', 'openai', 'gpt-4o', 200, 'ok', '', FALSE, 20, 10, 0, 0, FALSE, 500, '[]', {charge}
FROM n JOIN owners ON place = i % {accounts}
"""
_TRANSFERS = """
{numbers}, owners AS ({owners})
SELECT 'req:req_00000000000000' || CAST(1000000000 + i AS TEXT), 'usage', account, '@revenue', {charge},
    credits - debits - {charge} * (i / {accounts} + 1), NULL, 'openai/gpt-4o',
    CAST({since} + {step} * i AS DOUBLE PRECISION)
FROM n JOIN owners ON place = i % {accounts} JOIN balances ON account_id = account
WHERE i >= {page} AND i < {page} + {size}
ORDER BY i
"""
_TRANSFER = """
INSERT INTO transfers (reference, kind, debit, credit, amount_nano, balance_nano, about, reason, created_at, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_PAGE = 100_000
_BALANCES = """
UPDATE balances SET debits = debits + (SELECT COALESCE(SUM(charge_nano), 0) FROM usage u
    WHERE u.account_id = balances.account_id AND u.request_id LIKE 'req_00000000000000%')
"""
_HOURS = """
INSERT INTO usage_hours (account_id, hour, key_id, model, provider, calls, errors, prompt_tokens, cached_tokens,
    completion_tokens, reasoning_tokens, charge_nano, cost_nano, uncosted)
SELECT account_id, CAST(created_at AS BIGINT) / 3600 * 3600, key_id, model, provider, COUNT(*), 0, SUM(prompt_tokens),
    SUM(cached_tokens), SUM(completion_tokens), SUM(reasoning_tokens), SUM(charge_nano), 0, COUNT(*)
FROM usage WHERE request_id LIKE 'req_00000000000000%' GROUP BY 1, 2, 3, 4, 5
"""


def fill(database: Database, rows: int) -> None:
    """Give every account that has a key its share of past calls, each charged; the ledger stays whole."""

    def write(connection: Connection) -> None:
        accounts = len(connection.rows(_OF_ACCOUNT))
        span_s = _DAYS * 86400 - 7200
        names = {
            "numbers": _NUMBERS.format(last=rows - 1),
            "owners": _OF_ACCOUNT,
            "since": time.time() - _DAYS * 86400,
            "step": span_s / rows,
            "charge": _CHARGE_NANO,
            "accounts": accounts,
        }
        connection.execute(_USAGE.format(**names))
        _transfers(connection, rows, names)
        for sql in (_BALANCES, _HOURS):
            connection.execute(sql.format(**names))
        connection.execute("ANALYZE")  # as both engines do by themselves, in time

    database.write(write, timeout_s=1800)


def _transfers(connection: Connection, rows: int, names: dict[str, object]) -> None:
    """One for each charged call, each with the hash that chains it to its account's one before."""
    heads = dict(connection.tuples("SELECT account_id, head FROM balances"))
    for page in range(0, rows, _PAGE):
        for values in connection.tuples(_TRANSFERS.format(**names, page=page, size=_PAGE)):
            heads[values[2]] = link(heads[values[2]], *values)
            connection.execute(_TRANSFER, (*values, heads[values[2]]))
    for account, head in heads.items():
        connection.execute("UPDATE balances SET head = ? WHERE account_id = ?", (head, account))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both engines; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
            folder = Path(name)
            fast = stack.enter_context(FastUpstream(prepare(folder).upstream))
            url = stack.enter_context(postgresql(folder / "postgresql"))
            columns = []
            for setup in (BILLED, Setup("PostgreSQL", accounts=100, database_url=url)):
                place = folder / setup.name
                place.mkdir()
                columns.append(_measure(OurGateway(place, Upstreams(fast.port, 0), setup), options.rows))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    rows = [[what, *(column[what] for column in columns)] for what in columns[0]]
    machine = "; ".join(f"{name} {value}" for name, value in describe().items())
    text = f"`python -m bench.rows`, {time.strftime('%Y-%m-%d', time.gmtime())}, {options.rows:,} rows.\n\n{machine}."
    text = f"{text}\n\n{table(['what', 'SQLite', 'PostgreSQL'], rows)}"
    print(text)
    if options.write:
        write_between("rows", text)
    return 0


def _measure(gateway: OurGateway, rows: int) -> dict[str, str]:
    found: dict[str, str] = {}
    with gateway:
        found["calls/s at 32 connections, before"] = _rate(gateway)
    with closing(gateway.database()) as database:
        started = time.monotonic()
        fill(database, rows)
        print(f"  {gateway.name}: filled in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        with gateway:
            found["calls/s with the rows"] = _rate(gateway)
            with gateway.running("usage", "export", "--output", "rows.csv"):
                found["calls/s while all are exported"] = _rate(gateway)
            account, key = database.read(lambda connection: connection.tuples(_OF_ACCOUNT)[0][:2])
            for what, ask in _questions(database, account, key).items():
                found[f"{what}, ms"] = f"{_slowest_ms(ask):.1f}"
            started = time.monotonic()
            verdict = gateway.router("ledger", "verify")
            found["router ledger verify, s"] = f"{time.monotonic() - started:.1f}" + (
                "" if verdict["ok"] else " (failed)"
            )
    return found


def _rate(gateway: OurGateway) -> str:
    target = gateway.target()
    body = chat_body(target.model)
    load(target, "/chat/completions", body, connections=32, seconds=2)
    rates = [load(target, "/chat/completions", body, connections=32, seconds=3).rate for _ in range(_ROUNDS)]
    return f"{statistics.median(rates):,.0f}"


def _questions(database: Database, account: str, key: str) -> dict[str, Callable[[], object]]:
    since = time.time() - 86400
    return {
        "statement, first page": lambda: statement(database, account),
        "statement, a page far down": lambda: statement(database, account, before=1000),
        "usage, the newest rows": lambda: list_usage(database),
        "usage of an account": lambda: list_usage(database, account=account),
        "usage of a key": lambda: list_usage(database, key=key),
        "usage of an account, last day": lambda: list_usage(database, account=account, since=since),
        "hourly sums by day, 30 days": lambda: sum_hours(database, by=("day",)),
        "export, first row": lambda: next(export_usage(database)),
        "export of an account, first row": lambda: next(export_usage(database, account=account)),
    }


def _slowest_ms(ask: Callable[[], object]) -> float:
    taken = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - started) * 1000)
    return max(taken)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.rows", description=__doc__)
    parser.add_argument("--rows", type=int, default=_ROWS, help="how many usage rows there are")
    parser.add_argument("--write", action="store_true", help="replace the table in bench/RESULTS.md")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
