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
from bench.past import Mix, fill, owners_of_all
from bench.postgres import postgresql
from bench.report import table, write_between
from bench.systems import Upstreams
from bench.tools import prepare
from bench.upstream import FastUpstream
from router.db.database import Database
from router.ledger.statement import statement
from router.metering.usage_hours import sum_hours
from router.metering.usage_rows import export_usage, list_usage

__all__ = ["main"]

_ROWS = 2_000_000
_ROUNDS = 3


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
        fill(database, rows, Mix(owners_of_all(database)))
        print(f"  {gateway.name}: filled in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        with gateway:
            found["calls/s with the rows"] = _rate(gateway)
            with gateway.running("usage", "export", "--output", "rows.csv"):
                found["calls/s while all are exported"] = _rate(gateway)
            account, key = owners_of_all(database)[0]
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
