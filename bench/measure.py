"""One system's figures in one run: a name for each, with its unit at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench.load import Load, chat_body, load
from bench.machine import cpu_s, memory_mb
from bench.streams import open_streams, paced_chunks
from bench.systems import System
from bench.tools import Programs

__all__ = ["Figures", "Plan", "add_differences", "measure", "measure_plugins"]

Figures = dict[str, float]

_MIB = 2**20
_SETTLE_S = 2.0
_REST_MAX_S, _REST_STEP_S = 60.0, 0.25
_EMBEDDINGS = b'{"model":"%s","input":"The food was delicious and the waiter was friendly."}'


@dataclass(frozen=True)
class Plan:
    """How thorough a run is.

    Attributes:
        runs: how many; the tables show medians.
        seconds: each load with ``wrk``.
        open_streams, open_s: how many streams are open at once, and for how long.
    """

    runs: int = 3
    seconds: float = 5.0
    open_streams: int = 1000
    open_s: float = 6.0

    @classmethod
    def quick(cls) -> Plan:
        """One short run, to see whether everything works."""
        return cls(runs=1, seconds=2.0, open_s=2.0)


def measure(system: System, plan: Plan, programs: Programs) -> Figures:
    """Everything, for a system that is running."""
    figures: Figures = {"failed": 0.0}
    if system.start_s:
        figures["start_s"] = system.start_s
    figures |= {f"idle_{kind}_mb": value for kind, value in memory_mb(system.workers()).items() if value}
    _settle(system)
    for connections in (1, 32, 256):
        _chat(figures, f"chat_{connections}", system, plan, connections=connections)
    _chat(figures, "streams", system, plan, connections=32, stream=True)
    _chat(figures, "streams_usage", system, plan, connections=32, stream=True, include_usage=True)
    embedder = system.target(model="text-embedding-3-small")
    body = _EMBEDDINGS % embedder.model.encode("ascii")
    _load(figures, "embeddings", system, plan, partial(load, embedder, "/embeddings", body, connections=32))
    _load(figures, "models", system, plan, partial(load, system.target(), "/models", None, connections=32))
    _open(figures, system, plan, programs)
    for mib in (1, 10):  # last: they leave memory behind
        for connections in (1, 4):
            name = f"body_{mib}mib_{connections}"
            _chat(figures, name, system, plan, connections=connections, text_bytes=mib * _MIB)
    return figures


def measure_plugins(system: System, plan: Plan) -> Figures:
    """What many installed plugins could slow down: the start, and calls."""
    figures: Figures = {"start_s": system.start_s, "failed": 0.0}
    _settle(system)
    _chat(figures, "chat_32", system, plan, connections=32)
    return figures


def add_differences(figures: Figures, direct: Figures) -> None:
    """Add what the system's latencies are above those of the direct call in the same run."""
    for name in [name for name in figures if name.endswith("_p50_ms") and name in direct]:
        figures[name.replace("_p50_ms", "_added_p50_ms")] = figures[name] - direct[name]
    figures["open_added_p99_ms"] = figures["open_delay_p99_ms"] - direct["open_delay_p99_ms"]


def _settle(system: System) -> None:
    """Let connections be opened and caches filled before anything is measured."""
    target = system.target()
    load(target, "/chat/completions", chat_body(target.model), connections=32, seconds=_SETTLE_S)


def _rest(system: System) -> None:
    """Wait until the system has done with what the last load left behind, a minute at most."""
    deadline = time.monotonic() + _REST_MAX_S
    while system.workers() and time.monotonic() < deadline:
        used_s = cpu_s(system.workers())
        time.sleep(_REST_STEP_S)
        if cpu_s(system.workers()) - used_s < _REST_STEP_S / 5:
            return


def _chat(
    figures: Figures,
    name: str,
    system: System,
    plan: Plan,
    *,
    connections: int,
    stream: bool = False,
    include_usage: bool = False,
    text_bytes: int = 0,
) -> None:
    target = system.target()
    asks = include_usage or (stream and system.name == "direct")  # a gateway asks for the usage by itself
    body = chat_body(target.model, stream=stream, include_usage=asks, text_bytes=text_bytes)
    _load(figures, name, system, plan, partial(load, target, "/chat/completions", body, connections=connections))


def _load(figures: Figures, name: str, system: System, plan: Plan, run: Callable[..., Load]) -> None:
    """Run one load and note what it gives, and the processor time that the system used for it."""
    _rest(system)
    used_s = cpu_s(system.workers())
    found = run(seconds=plan.seconds)
    used_s = cpu_s(system.workers()) - used_s
    figures[f"{name}_per_s"] = found.rate
    figures[f"{name}_p50_ms"] = found.p50_ms
    figures[f"{name}_p99_ms"] = found.p99_ms
    figures["failed"] += found.failed
    if used_s and found.answers:
        figures[f"{name}_cpu_us"] = used_s * 1e6 / found.answers


def _open(figures: Figures, system: System, plan: Plan, programs: Programs) -> None:
    def note_memory() -> None:
        figures.update({f"open_{kind}_mb": value for kind, value in memory_mb(system.workers()).items() if value})

    _rest(system)
    used_s = cpu_s(system.workers())
    count, seconds = plan.open_streams, plan.open_s
    found = open_streams(programs.streams, system.target("paced"), count=count, seconds=seconds, midway=note_memory)
    used_s = cpu_s(system.workers()) - used_s
    figures["open_chunks_per_s"] = found.chunks_per_s
    figures["open_first_p50_ms"] = found.first_p50_ms
    figures["open_delay_p50_ms"] = found.delay_p50_ms
    figures["open_delay_p99_ms"] = found.delay_p99_ms
    figures["open_failed"] = found.failed
    if used_s and not found.failed:
        figures["open_cpu_us"] = used_s * 1e6 / (count * paced_chunks(seconds))
