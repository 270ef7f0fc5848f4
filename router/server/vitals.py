"""What a worker tells of its own process: memory, descriptors, connections, and how late its event loop runs."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent

from router.metrics.sheet import map_sheet
from router.metrics.worker_metrics import Reading, WorkerMetrics

__all__ = ["keep_measuring"]

_LOOK_S = 0.25
_LOOKS_A_SAMPLE = 4
_FILES = Path("/proc/self/fd")
_MEMORY = Path("/proc/self/statm")


def keep_measuring(metrics: WorkerMetrics, fd: int, connections: Callable[[], int]) -> gevent.Greenlet[..., None]:
    """Count on the sheet that the master handed over, from now on.

    Args:
        fd: its descriptor; closed.
        connections: how many are open.
    """
    metrics.sheet.move_to(map_sheet(fd))
    os.close(fd)
    started_ms = int(time.time() * 1000)
    metrics.samplers.append(lambda: _vitals(started_ms, connections()))
    metrics.sample()
    return gevent.spawn(_look, metrics)


def _look(metrics: WorkerMetrics) -> None:
    looks = 0
    while True:
        due = time.monotonic() + _LOOK_S
        gevent.sleep(_LOOK_S)
        lag_us = max(0, int((time.monotonic() - due) * 1_000_000))
        metrics.guarded(lambda lag_us=lag_us: metrics.sheet.observe("event_loop_lag_seconds", lag_us))  # type: ignore[misc]
        looks += 1
        if looks % _LOOKS_A_SAMPLE == 0:
            metrics.sample()


def _vitals(started_ms: int, connections: int) -> Iterator[Reading]:
    yield "connections", (), connections
    yield "resident_memory_bytes", (), _resident()
    with contextlib.suppress(OSError):
        yield "open_files", (), sum(1 for _ in _FILES.iterdir())
    yield "start_time_seconds", (), started_ms


def _resident() -> int:
    try:
        return int(_MEMORY.read_text("ascii").split()[1]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):  # no such file but on Linux: the most that there was
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
