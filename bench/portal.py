"""``python -m bench.portal``: two million usage rows and fifty people who click through the customers' pages: how soon
each page is there, and whether calls are slower for it, with and without them in turns."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from bench.clicking import Clicked, Clicking, Clicks
from bench.gateway import OurGateway, Setup
from bench.load import chat_body, load
from bench.machine import GATEWAY_CORE, LOAD_CORE, BenchError, describe, pinned
from bench.past import fill
from bench.people import BIG, make_crowd
from bench.postgres import postgresql, vacuum
from bench.report import table, write_between
from bench.systems import Upstreams
from bench.tools import prepare
from bench.upstream import FastUpstream

__all__ = ["Found", "main", "told"]

_ROWS, _PEOPLE, _ACCOUNTS = 2_000_000, 50, 300
_ROUNDS, _SECONDS, _CONNECTIONS = 5, 10.0, 32
_QUICK_ROWS, _QUICK_SECONDS = 50_000, 5.0
_PAGE_MS, _CHAT_RATIO = 500.0, 0.95
"""The bars: what a page's median may be, and what of the rate of calls must be left."""
_ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass
class Found:
    """What was measured.

    Attributes:
        alone, beside: calls/s in each round, without the people and with them.
        clicked: how long pages took.
    """

    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    clicked: Clicked = field(default_factory=Clicked)

    @property
    def ratio(self) -> float:
        """What is left of the rate of calls: the median of the rounds' own."""
        return statistics.median(after / before for before, after in zip(self.alone, self.beside, strict=True))

    @property
    def problems(self) -> list[str]:
        """The bars that were missed, a line each."""
        slow = [
            f"{page}{mark and f' ({mark})'}: median {statistics.median(ms):,.0f} ms"
            for mark, pages in self.clicked.ms.items()
            for page, ms in pages.items()
            if statistics.median(ms) >= _PAGE_MS
        ]
        chat = [f"chat has {self.ratio:.3f} of its rate"] if self.ratio < _CHAT_RATIO else []
        return [*slow, *chat, *self.clicked.failed]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; the exit status."""
    options = _parser().parse_args(arguments)
    rows = options.rows or (_QUICK_ROWS if options.quick else _ROWS)
    rounds, seconds = (1, _QUICK_SECONDS) if options.quick else (options.rounds, _SECONDS)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
            folder = Path(name)
            fast = stack.enter_context(FastUpstream(prepare(folder).upstream))
            url = stack.enter_context(postgresql(folder / "server")) if options.engine == "postgresql" else ""
            cores = f"{GATEWAY_CORE},{LOAD_CORE}"
            setup = Setup("gateway", _ACCOUNTS, database_url=url, cores=cores, portal=True)
            place = folder / setup.name
            place.mkdir()
            gateway = OurGateway(place, Upstreams(fast.port, 0), setup)
            clicks = _prepare(gateway, rows, options.people)
            if url:
                vacuum(url)
            with gateway:
                found = _in_turns(gateway, clicks, rounds, seconds)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    head = f"`python -m bench.portal`, {time.strftime('%Y-%m-%d', time.gmtime())}, {_ENGINES[options.engine]}"
    head = f"{head}, {rows:,} rows, {options.people} people, {_rounds(rounds)}."
    machine = "; ".join(f"{name} {value}" for name, value in describe().items())
    text = f"{head}\n\n{machine}.\n\n{told(found)}"
    print(text)
    for line in found.problems:
        print(f"bench: missed: {line}", file=sys.stderr)
    if options.write:
        write_between("portal" if options.engine == "sqlite" else f"portal-{options.engine}", text)
    return 0


def told(found: Found) -> str:
    """What was measured, as tables."""
    chat = [
        ["calls/s without them", f"{statistics.median(found.alone):,.0f}"],
        ["calls/s while they click", f"{statistics.median(found.beside):,.0f}"],
        ["what is left", f"{found.ratio:.3f}"],
        ["pages opened", f"{sum(len(ms) for pages in found.clicked.ms.values() for ms in pages.values()):,}"],
        ["of these failed", f"{len(found.clicked.failed):,}"],
    ]
    own, big = (found.clicked.ms.get(mark, {}) for mark in ("", BIG))
    pages = [[page, *_cells(own.get(page)), *_cells(big.get(page))] for page in {**own, **big}]
    worst = max((statistics.median(ms) for pages in (own, big) for ms in pages.values()), default=0.0)
    bars = [
        ["a page's median, ms, at most", f"{_PAGE_MS:,.0f}", f"{worst:,.0f}", _verdict(worst < _PAGE_MS)],
        ["chat beside them, at least", f"{_CHAT_RATIO:g}", f"{found.ratio:.3f}", _verdict(found.ratio >= _CHAT_RATIO)],
    ]
    heads = ["page", "median, ms", "p95, ms", f"{BIG}: median, ms", "p95, ms"]
    return "\n\n".join(
        [table(["chat", "median"], chat), table(heads, pages), table(["bar", "wanted", "measured", "verdict"], bars)]
    )


def _prepare(gateway: OurGateway, rows: int, people: int) -> Clicks:
    """Past calls, and people with what they will open."""
    with closing(gateway.database()) as database:
        crowd = make_crowd(gateway, database, people)
        started = time.monotonic()
        fill(database, rows, crowd.mix)
        print(f"  filled in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        return Clicks(gateway.portal_port, crowd.with_pages(database))


def _in_turns(gateway: OurGateway, clicks: Clicks, rounds: int, seconds: float) -> Found:
    """Calls without people, calls with them, again and again."""
    found = Found()
    _rate(gateway, 2.0)  # connections are opened, caches filled
    with Clicking(clicks, pinned(LOAD_CORE)) as warm:
        time.sleep(clicks.pause_s[1])
    if warm.found.failed:
        raise BenchError(f"pages do not open: {', '.join(warm.found.failed[:5])}")
    for _ in range(rounds):
        found.alone.append(_rate(gateway, seconds))
        with Clicking(clicks, pinned(LOAD_CORE)) as clicking:
            found.beside.append(_rate(gateway, seconds))
        found.clicked.add(clicking.found)
    return found


def _rate(gateway: OurGateway, seconds: float) -> float:
    target = gateway.target()
    found = load(target, "/chat/completions", chat_body(target.model), connections=_CONNECTIONS, seconds=seconds)
    if found.failed:
        raise BenchError(f"{found.failed} calls failed:\n{gateway.output()}")
    return found.rate


def _cells(taken_ms: Sequence[float] | None) -> tuple[str, str]:
    """Median and 95th percentile."""
    if not taken_ms:
        return "-", "-"
    p95 = sorted(taken_ms)[max(0, -(-len(taken_ms) * 95 // 100) - 1)]
    return f"{statistics.median(taken_ms):,.0f}", f"{p95:,.0f}"


def _verdict(reached: bool) -> str:
    return "reached" if reached else "not reached"


def _rounds(count: int) -> str:
    return f"{count} rounds in turns" if count > 1 else "one round"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.portal", description=__doc__)
    parser.add_argument("--rows", type=int, help=f"how many usage rows there are ({_ROWS:,})")
    parser.add_argument("--people", type=int, default=_PEOPLE, help="how many click")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how many rounds count")
    parser.add_argument("--engine", choices=sorted(_ENGINES), default="sqlite")
    parser.add_argument("--quick", action="store_true", help="one short round over few rows, to see that all works")
    parser.add_argument("--write", action="store_true", help="replace the table in bench/RESULTS.md")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
