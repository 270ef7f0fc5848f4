"""What the figures are called in tables, and the bars that they are held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.measure import Figures
from bench.turns import FLOOR, MANY, NODES, NONE, ONE, POSTGRESQL, TWO

__all__ = ["BARS", "METRICS", "Bar", "Metric"]


@dataclass(frozen=True)
class Metric:
    """One line of a table.

    Attributes:
        name: in the figures.
        label: what it is, unit included.
        digits: after the decimal point.
        more_is_better: decides how a ratio between two systems reads.
    """

    name: str
    label: str
    digits: int = 0
    more_is_better: bool = False


def _rate(name: str, label: str, digits: int = 0) -> Metric:
    return Metric(f"{name}_per_s", label, digits, more_is_better=True)


def _work(name: str, what: str) -> Metric:
    return Metric(f"{name}_cpu_us", f"{what}: processor time for each, µs")


def _latency(name: str, what: str) -> list[Metric]:
    return [
        Metric(f"{name}_p50_ms", f"{what}: p50, ms", 2),
        Metric(f"{name}_p99_ms", f"{what}: p99, ms", 2),
        Metric(f"{name}_added_p50_ms", f"{what}: added p50, ms", 2),
        _work(name, what),
    ]


def _chat(connections: int) -> list[Metric]:
    what = f"chat, {connections} connection{'s' if connections > 1 else ''}"
    return [_rate(f"chat_{connections}", f"{what}: calls/s"), *_latency(f"chat_{connections}", what)]


def _body(mib: int) -> list[Metric]:
    return [
        _rate(f"body_{mib}mib_1", f"chat with {mib} MiB, 1 connection: calls/s", 1),
        Metric(f"body_{mib}mib_1_added_p50_ms", f"chat with {mib} MiB, 1 connection: added p50, ms", 1),
        _rate(f"body_{mib}mib_4", f"chat with {mib} MiB, 4 connections: calls/s", 1),
        _work(f"body_{mib}mib_4", f"chat with {mib} MiB, 4 connections"),
    ]


METRICS = (
    *(metric for connections in (1, 32, 256) for metric in _chat(connections)),
    _rate("streams", "streams of 50 chunks, 32 connections: streams/s"),
    _rate("chunks", "streams of 50 chunks, 32 connections: chunks/s"),
    _work("streams", "streams of 50 chunks, 32 connections"),
    _rate("dripped", "the same, a chunk a packet, 1 ms apart: streams/s"),
    _work("dripped", "the same, a chunk a packet, 1 ms apart"),
    _rate("streams_usage", "the same where the client asks for usage: streams/s"),
    _rate("open_chunks", "1,000 open streams, 20 chunks/s each: chunks/s"),
    Metric("open_first_p50_ms", "1,000 open streams: first byte, p50, ms", 2),
    Metric("open_delay_p50_ms", "1,000 open streams: delay of a chunk, p50, ms", 2),
    Metric("open_delay_p99_ms", "1,000 open streams: delay of a chunk, p99, ms", 2),
    Metric("open_delay_added_p50_ms", "1,000 open streams: added delay of a chunk, p50, ms", 2),
    Metric("open_added_p99_ms", "1,000 open streams: added delay of a chunk, p99, ms", 2),
    Metric("open_cpu_us", "1,000 open streams: processor time for a chunk, µs", 0),
    Metric("open_failed", "1,000 open streams: not ended well", 0),
    _rate("embeddings", "embeddings, 32 connections: calls/s"),
    _work("embeddings", "embeddings, 32 connections"),
    _rate("models", "GET /v1/models, 32 connections: calls/s"),
    *_body(1),
    *_body(10),
    Metric("idle_rss_mb", "memory of the worker, idle: RSS, MB", 1),
    Metric("idle_pss_mb", "memory of the worker, idle: PSS, MB", 1),
    Metric("open_rss_mb", "memory of the worker, 1,000 open streams: RSS, MB", 1),
    Metric("open_pss_mb", "memory of the worker, 1,000 open streams: PSS, MB", 1),
    Metric("start_s", "start to first answer, s", 2),
    Metric("version_s", "router --version, s", 2),
    Metric("failed", "calls refused or broken", 0),
    Metric("rows_missing", "calls at the upstream without a usage row", 0),
)
"""The lines of the tables, in order."""


@dataclass(frozen=True)
class Bar:
    """What a figure must reach.

    Attributes:
        label: as in the table of bars.
        figure: from the medians of all systems to the figure; a ``KeyError`` where it was not measured.
        least, stretch: bounds of the figure; None for none.
        up: whether more is better.
        digits: after the decimal point.
    """

    label: str
    figure: Callable[[Mapping[str, Figures]], float]
    least: float
    stretch: float | None = None
    up: bool = True
    digits: int = 2


def _ours(name: str) -> Callable[[Mapping[str, Figures]], float]:
    return lambda medians: medians["this gateway"][name]


def _ours_ms(name: str) -> Callable[[Mapping[str, Figures]], float]:
    return lambda medians: medians["this gateway"][name] / 1000


def _billed_times(peer: str) -> Callable[[Mapping[str, Figures]], float]:
    return lambda medians: medians["with billing"]["chat_32_per_s"] / medians[peer]["chat_32_per_s"]


def _times(peer: str) -> Callable[[Mapping[str, Figures]], float]:
    return lambda medians: medians["this gateway"]["chat_32_per_s"] / medians[peer]["chat_32_per_s"]


def _share(case: str, of: str, name: str = "chat_32_per_s") -> Callable[[Mapping[str, Figures]], float]:
    return lambda medians: medians[case][name] / medians[of][name]


def _best_share(of: str) -> Callable[[Mapping[str, Figures]], float]:
    """Of another commit's column ``of``, whichever commit that is."""

    def figure(medians: Mapping[str, Figures]) -> float:
        other = next((found for name, found in medians.items() if name.startswith(f"{of}, ")), {})
        return medians[of]["chat_32_per_s"] / other["chat_32_per_s"]

    return figure


def _accounting_ms(medians: Mapping[str, Figures]) -> float:
    return medians[ONE]["chat_1_p50_ms"] - medians[NONE]["chat_1_p50_ms"] - medians[NONE]["fsync_ms"]


def _tail_of_two(medians: Mapping[str, Figures]) -> float:
    return medians[TWO]["chat_32_p99_ms"] / medians[TWO]["chat_32_p50_ms"]


def _tail(medians: Mapping[str, Figures]) -> float:
    ours = medians["this gateway"]
    return ours["chat_32_p99_ms"] / ours["chat_32_p50_ms"]


def _lost_percent(medians: Mapping[str, Figures]) -> float:
    return 100 * (1 - medians["50 plugins"]["chat_32_per_s"] / medians["bundled plugins"]["chat_32_per_s"])


def _longer_start_s(medians: Mapping[str, Figures]) -> float:
    return medians["50 plugins"]["start_s"] - medians["bundled plugins"]["start_s"]


BARS = (
    Bar("chat calls/s at 32 connections", _ours("chat_32_per_s"), 2100, 3000, digits=0),
    Bar("the same, times Portkey's", _times("Portkey"), 2.5),
    Bar("the same, times LiteLLM's", _times("LiteLLM"), 18, digits=1),
    Bar("with all policies, times Portkey's", _billed_times("Portkey"), 3.5, 5),
    Bar("with all policies, times LiteLLM's", _billed_times("LiteLLM"), 40, 60, digits=1),
    Bar("streams/s of 50 chunks, usage:null on each", _ours("streams_per_s"), 1500, 2200, digits=0),
    Bar("1,000 open streams: p99 of a chunk's delay, ms", _ours("open_delay_p99_ms"), 60, 30, up=False, digits=0),
    Bar("chat with 1 MiB, processor time, ms", _ours_ms("body_1mib_4_cpu_us"), 2.5, 1.5, up=False),
    Bar("chat with 10 MiB, processor time, ms", _ours_ms("body_10mib_4_cpu_us"), 22, 12, up=False, digits=1),
    Bar("added p50 at one connection, ms", _ours("chat_1_added_p50_ms"), 1.0, 0.6, up=False),
    Bar("p99 at 32 connections, times p50", _tail, 3, 2, up=False),
    Bar("memory of the worker, idle, MB (RSS)", _ours("idle_rss_mb"), 70, 55, up=False, digits=1),
    Bar("memory with 1,000 open streams, MB (RSS)", _ours("open_rss_mb"), 150, 110, up=False, digits=1),
    Bar("start to first answer, s", _ours("start_s"), 0.7, up=False),
    Bar("`router --version`, s", _ours("version_s"), 0.15, up=False),
    Bar("throughput that 50 plugins cost against 8, %", _lost_percent, 5, up=False, digits=1),
    Bar("start that 50 plugins cost against 8, s", _longer_start_s, 0.3, up=False),
    Bar("chat without policies, of the floor", _share(NONE, FLOOR), 0.5, 0.7),
    Bar("chat with all policies, of the floor", _share(ONE, FLOOR), 0.35, 0.5),
    Bar("chat with all policies, of the rate without", _share(ONE, NONE), 0.65, 0.8),
    Bar("chat of 100 accounts, of the rate with one", _share(MANY, ONE), 0.8),
    Bar("streams in one burst, with all policies, of the floor", _share(ONE, FLOOR, "streams_per_s"), 0.4, 0.55),
    Bar("a chunk a packet: processor time, floor = 1", _share(ONE, FLOOR, "dripped_cpu_us"), 1.4, 1.25, up=False),
    Bar("PostgreSQL, of SQLite's rate", _share(POSTGRESQL, ONE), 0.6, 0.75),
    Bar("PostgreSQL, of the other commit's rate on it", _best_share(POSTGRESQL), 2.0),
    Bar("two nodes on one PostgreSQL, of one", _share(NODES, POSTGRESQL), 1.5, 1.8),
    Bar("added p50 of accounting at one connection less one fsync, ms", _accounting_ms, 1.0, up=False),
    Bar("p99 of two workers, times p50", _tail_of_two, 5, up=False),
)
"""The bars, in the order of what they are about."""
