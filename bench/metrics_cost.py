"""``python -m bench.metrics_cost``: what measuring costs a call: two gateways that differ in ``[metrics]``
alone, loaded in turns, while somebody asks the one that measures every second."""

from __future__ import annotations

import argparse
import http.client
import statistics
import sys
import tempfile
import threading
import time
import timeit
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from bench.gateway import BILLED, PLAIN, OurGateway, Setup
from bench.load import chat_body, load
from bench.machine import BenchError, cpu_s, describe
from bench.report import table, write_between
from bench.systems import Upstreams
from bench.tools import prepare
from bench.upstream import FastUpstream
from router.metrics.call_meter import CallMeter
from router.metrics.sheet import MetricSheet, SheetFile, map_sheet
from router.testing import free_port
from router.types.records import Attempt, CallRecord

__all__ = ["counting_us", "main"]

_ROUNDS = 15
_SECONDS = 3.0
_LOADS = {"chat": False, "streams of 50 chunks": True}
_SETUPS = {"no policies": PLAIN, "with billing": BILLED}
_CONNECTIONS = 32
_COUNTED = 20_000

Figures = dict[str, list[tuple[float, float]]]
"""Load -> for each round calls/s and the processor time of a call in microseconds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            found = _measured(Path(name), options.rounds, options.seconds)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    text = f"{_told(found, options.rounds)}\n\n{_alone(found)}"
    print(text)
    if options.write:
        write_between("metrics", text)
    return 0


def _measured(folder: Path, rounds: int, seconds: float) -> dict[str, tuple[Figures, Figures]]:
    """Setup -> figures without and with metrics."""
    with ExitStack() as stack:
        fast = stack.enter_context(FastUpstream(prepare(folder).upstream))
        found = {}
        for name, setup in _SETUPS.items():
            with ExitStack() as gateways:
                port = free_port()
                both = enumerate((setup, replace(setup, metrics_port=port)))
                pair = [_gateway(folder / f"{name} {number}", fast, one) for number, one in both]
                for gateway in pair:
                    gateways.enter_context(gateway)
                gateways.enter_context(_asked_every_second(port))
                found[name] = _in_turns(pair, rounds, seconds)
        return found


def _gateway(place: Path, fast: FastUpstream, setup: Setup) -> OurGateway:
    place.mkdir()
    return OurGateway(place, Upstreams(fast.port, 0), setup)


def _in_turns(pair: Sequence[OurGateway], rounds: int, seconds: float) -> tuple[Figures, Figures]:
    """Each round both, and who comes first changes: whatever warms up or wears out falls on both alike."""
    found: tuple[Figures, Figures] = ({}, {})
    for number in range(rounds + 1):
        for name, streamed in _LOADS.items():
            for which in (0, 1) if number % 2 else (1, 0):
                figures = _one(pair[which], streamed, seconds)
                if number:  # the first warms up
                    found[which].setdefault(name, []).append(figures)
    return found


def _one(gateway: OurGateway, streamed: bool, seconds: float) -> tuple[float, float]:
    target, workers = gateway.target(), gateway.workers()
    body = chat_body(target.model, stream=streamed, include_usage=streamed)
    used_s = cpu_s(workers)
    done = load(target, "/chat/completions", body, connections=_CONNECTIONS, seconds=seconds)
    if done.failed:
        raise BenchError(f"{done.failed} calls failed")
    return done.rate, (cpu_s(workers) - used_s) * 1e6 / max(1, done.answers)


@contextmanager
def _asked_every_second(port: int) -> Iterator[None]:
    """Read the figures as Prometheus would, only more often."""
    stop = threading.Event()

    def ask() -> None:
        while not stop.wait(1.0):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/metrics")
            connection.getresponse().read()
            connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _told(found: Mapping[str, tuple[Figures, Figures]], rounds: int) -> str:
    rows = []
    for setup, (off, on) in found.items():
        for name in _LOADS:
            for part, what in enumerate(("calls/s", "processor time, µs")):
                without, with_ = ([one[part] for one in figures[name]] for figures in (off, on))
                ratio = statistics.median(more / less for more, less in zip(with_, without, strict=True) if less)
                middle = [f"{statistics.median(figures):,.0f}" for figures in (without, with_)]
                rows.append([f"{name}, {setup}: {what}", *middle, f"{100 * (ratio - 1):+.1f} %"])
    machine = "; ".join(f"{name} {value}" for name, value in describe().items())
    day = time.strftime("%Y-%m-%d", time.gmtime())
    head = (
        f"`python -m bench.metrics_cost`, {day}, {_CONNECTIONS} connections, medians of {rounds} rounds in turns; the "
    )
    head += f"last column is the median of what each round's pair differs by.\n\n{machine}."
    return f"{head}\n\n{table(['what', 'off', 'on', 'more'], rows)}"


def _alone(found: Mapping[str, tuple[Figures, Figures]]) -> str:
    """What counting a call takes by itself, which pairs of loads on a machine with neighbours cannot show."""
    counted_us = counting_us()
    shares = [
        f"{100 * counted_us / statistics.median(used for _, used in off['chat']):.1f} % of a chat {setup}"
        for setup, (off, _) in found.items()
    ]
    return f"Counting one call takes {counted_us:.1f} µs by itself: {', '.join(shares)}."


def counting_us() -> float:
    """How many microseconds a finished call takes to be counted, on a sheet that a master could read."""
    file, sheet = SheetFile(), MetricSheet()
    sheet.move_to(map_sheet(file.fd))
    meter = CallMeter(sheet, lambda model: True)
    whose = ("req_1", 1.0, "chat", "acct_1", "key_1", "openai/gpt-4o", "openai", "gpt-4o")
    attempts = (Attempt("openai", "gpt-4o", "ok", 200, 3),)
    record = CallRecord(*whose, 200, "ok", "", False, 10, 20, 0, 0, False, 3, 2, attempts, charge_nano=5, cost_nano=4)
    times = timeit.repeat(lambda: meter.finished(record), number=_COUNTED, repeat=9)
    file.close()
    return min(times) / _COUNTED * 1e6


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.metrics_cost", description=__doc__)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="of each load")
    parser.add_argument("--write", action="store_true", help="replace the table in bench/RESULTS.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
