"""The machine that the figures come from: what it is, and what processes use of it."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["GATEWAY_CORE", "LOAD_CORE", "BenchError", "cpu_s", "describe", "fsync_ms", "memory_mb", "pinned", "until"]

GATEWAY_CORE, LOAD_CORE = 0, 1
"""One core for the gateway, the other for load and upstream."""

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """A benchmark cannot be run; the message says what is missing and what to do."""


def pinned(core: int | str, *command: str) -> list[str]:
    """``command`` for one core alone, or for several: ``"0,1"``."""
    return ["taskset", "-c", str(core), *command]


def until(condition: Callable[[], bool], timeout_s: float) -> None:
    """Wait until ``condition()`` is true.

    Raises:
        TimeoutError: it is not within ``timeout_s``.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.005)


def memory_mb(pids: Iterable[int]) -> dict[str, float]:
    """Memory of the processes together, in MB of 2**20 bytes: ``rss``, and ``pss`` where shared pages count in part."""
    totals = {"rss": 0.0, "pss": 0.0}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            if name.lower() in totals:
                totals[name.lower()] += int(rest.split()[0]) / 1024
    return totals


def cpu_s(pids: Iterable[int]) -> float:
    """Processor time that the processes have used so far, in seconds."""
    return sum(_ticks(pid) for pid in pids) / _TICKS_PER_S


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def fsync_ms(folder: Path, count: int = 100) -> dict[str, float]:
    """How long the disk takes to make 4 KiB durable: ``p50`` and ``p99`` in milliseconds."""
    taken = []
    path = folder / "fsync"
    with path.open("wb", buffering=0) as file:
        for _ in range(count):
            file.write(b"x" * 4096)
            started = time.perf_counter()
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - started) * 1000)
    path.unlink()
    return {"p50": statistics.median(taken), "p99": statistics.quantiles(taken, n=100)[98]}


def describe() -> dict[str, str]:
    """Processor, cores, kernel and Python."""
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": _commit(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
