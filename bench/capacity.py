"""``python -m bench.capacity``: how far nodes on one PostgreSQL go.

What a batch of the ledger costs there is measured, then up to 20,000 calls a second are simulated, and the sizes that
follow for 10,000 are told. The simulation is of the one queue that all nodes share: each worker has a journal, in which
what arrives while a batch is being written goes into the next; PostgreSQL writes batches one after the other, as each
locks the head of the ledger's log. What a batch costs is measured in one process, so it holds the worker's own work as
well, which on several machines is done side by side: the figures are on the safe side.
"""

from __future__ import annotations

import argparse
import heapq
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.batches import call_batches
from bench.machine import BenchError
from bench.postgres import postgresql
from bench.report import table, write_between
from router.db.database import Database
from router.store.opening import open_database

__all__ = ["BatchCost", "Simulated", "main", "simulate"]

_SIZES = (1, 16, 64, 256)
_ROUNDS = 40
_TARGET = 10_000
_RATES = (1_000, 2_500, 5_000, 10_000, 20_000)
_CPU_US = 450.0  # of a call with twelve claims on PostgreSQL, bench/RESULTS.md "The floor, and what accounting costs"


@dataclass(frozen=True, slots=True)
class BatchCost:
    """What the database takes for a batch, in seconds: so much for each, and so much for each call in it."""

    base_s: float
    call_s: float

    def of(self, calls: int) -> float:
        """For a batch of so many."""
        return self.base_s + self.call_s * calls


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a rate of calls came to.

    Attributes:
        calls: per second, as asked for.
        served: per second, as done.
        p50_ms, p99_ms: how long a call waited for its hold.
        batch: operations in a batch, at the median.
        busy: share of the time that the database wrote.
    """

    calls: int
    served: float
    p50_ms: float
    p99_ms: float
    batch: float
    busy: float


def simulate(calls: int, workers: int, cost: BatchCost, *, seconds: float = 5.0, seed: int = 1) -> Simulated:
    """So many calls a second for some seconds, of which each writes twice: its hold, and its end."""
    chance = random.Random(seed)
    operations = int(2 * calls * seconds)
    arrivals = sorted((chance.random() * seconds, chance.randrange(workers)) for _ in range(operations))
    waiting: list[list[float]] = [[] for _ in range(workers)]
    idle, waits, sizes = [True] * workers, [], []
    free_at = busy = 0.0
    written: list[tuple[float, int]] = []  # when, and whose batch
    place = 0
    while place < operations or written:
        if written and (place == operations or written[0][0] <= arrivals[place][0]):
            now, worker = heapq.heappop(written)
            idle[worker] = True
        else:
            now, worker = arrivals[place]
            place += 1
            waiting[worker].append(now)
        if idle[worker] and waiting[worker]:
            batch, waiting[worker], idle[worker] = waiting[worker], [], False
            takes = cost.of(len(batch))
            free_at, busy = max(free_at, now) + takes, busy + takes
            waits += [free_at - one for one in batch]
            sizes.append(len(batch))
            heapq.heappush(written, (free_at, worker))
    waits.sort()
    ended = max(free_at, seconds)
    return Simulated(
        calls,
        calls * seconds / ended,
        1000 * waits[len(waits) // 2],
        1000 * waits[int(len(waits) * 0.99)],
        statistics.median(sizes),
        min(busy / ended, 1.0),
    )


def measure(database: Database) -> tuple[BatchCost, list[tuple[int, float]]]:
    """What batches cost here: the line through the medians, and the medians (size, seconds)."""
    found = []
    with call_batches(database) as write:
        for size in _SIZES:
            taken = []
            for number in range(_ROUNDS + 5):
                begun = time.perf_counter()
                write(size)
                if number >= 5:
                    taken.append((time.perf_counter() - begun) / 2)  # holds, then ends
            found.append((size, statistics.median(taken)))
    (small, low), (large, high) = found[0], found[-1]
    call_s = (high - low) / (large - small)
    return BatchCost(max(low - call_s * small, 0.0), call_s), found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, simulate, tell; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as name,
            postgresql(Path(name) / "server") as url,
            closing(open_database(url, Path(name), create=True)) as database,
        ):
            cost, measured = measure(database)
            row_bytes = _row_bytes(database)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    text = _report(cost, measured, row_bytes, options.workers)
    print(text)
    if options.write:
        write_between("capacity", text)
    return 0


def _row_bytes(database: Database) -> float:
    """Bytes of disk that one call leaves for good: its usage row and its transfer, with their indexes."""
    sizes = "SELECT SUM(pg_total_relation_size(name)) FROM (VALUES ('usage'), ('transfers')) AS t (name)"
    rows = "SELECT COUNT(*) FROM usage"
    return database.read(lambda c: float(c.tuples(sizes)[0][0]) / int(c.tuples(rows)[0][0]))


def _report(cost: BatchCost, measured: Sequence[tuple[int, float]], row_bytes: float, workers: int) -> str:
    batches = [[str(size), f"{1000 * took:.2f}", f"{size / took:,.0f}"] for size, took in measured]
    runs = [simulate(rate, workers, cost) for rate in _RATES]
    rates = [
        [f"{one.calls:,}", f"{one.served:,.0f}", *_shown(one.p50_ms, one.p99_ms, one.batch), f"{100 * one.busy:.0f} %"]
        for one in runs
    ]
    cores = _TARGET * _CPU_US / 1e6
    sizes = [
        ["gateway cores for 10,000 calls/s", f"{cores:.1f}"],
        ["bytes on disk of a call (row, transfer, indexes)", f"{row_bytes:,.0f}"],
        ["rows of a day at 10,000 calls/s", f"{_TARGET * 86_400:,}"],
        ["GiB of a day at 10,000 calls/s", f"{_TARGET * 86_400 * row_bytes / 2**30:,.0f}"],
    ]
    told = f"{1000 * cost.base_s:.2f} ms, and {1e6 * cost.call_s:.0f} µs for each operation in it"
    heads = ["calls/s", "served", "p50 of a hold, ms", "p99, ms", "operations in a batch", "database busy"]
    parts = (
        f"A batch on PostgreSQL takes {told}:",
        table(["operations in a batch", "ms", "operations/s"], batches),
        f"Simulated, with {workers} workers on all nodes together, two operations a call:",
        table(heads, rates),
        table(["what follows", "how much"], sizes),
    )
    return "\n\n".join(parts)


def _shown(*values: float) -> list[str]:
    return [f"{value:,.1f}" for value in values]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__)
    parser.add_argument("--workers", type=int, default=16, help="workers of all nodes together (default: 16)")
    parser.add_argument("--write", action="store_true", help="replace the table in bench/RESULTS.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
