"""What one worker counts, and what it looks at from time to time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from router.metrics.sheet import MetricSheet

__all__ = ["Reading", "WorkerMetrics"]

_log = logging.getLogger("router.metrics")

Reading = tuple[str, tuple[str, ...], int]
"""A family's name, labels, and the whole number."""


class WorkerMetrics:
    """One process's counts.

    Attributes:
        sheet: where they are.
        samplers: what to ask once a second for gauges of this process; each is guarded.
    """

    def __init__(self) -> None:
        self.sheet = MetricSheet()
        self.samplers: list[Callable[[], Iterable[Reading]]] = []
        self._told: set[str] = set()
        self.sheet.place("journal_commit_seconds")  # now, since no thread but this may ask for a new place
        self.sheet.place("journal_operations")

    def sample(self) -> None:
        """Ask the samplers. Never raises."""
        for sampler in self.samplers:
            self.guarded(lambda sampler=sampler: self._put(sampler()))  # type: ignore[misc]

    def guarded(self, count: Callable[[], None]) -> None:
        """Count, whatever is wrong with that: nobody's call may fail for it. Each kind of fault is logged once."""
        try:
            count()
        except Exception as error:
            self.failed(error)

    def failed(self, error: Exception) -> None:
        """Something could not be counted."""
        kind = type(error).__name__
        if kind not in self._told:
            self._told.add(kind)
            _log.error("something could not be measured; further faults of this kind are not told", exc_info=error)

    def read(self, readings: Iterable[Reading], now: float) -> None:
        """Take what the database told, in the name of all workers."""
        self._put(readings)
        self.sheet.stamp(int(now * 1000))

    def job_done(self, name: str, well: bool) -> None:
        """A leased job has run."""
        self.sheet.place("job_runs", name, "failed")  # from zero, so that the first one is a rise
        self.sheet.add("job_runs", name, "ok" if well else "failed")
        if well:
            self.sheet.put("job_last_success_timestamp_seconds", name, value=int(time.time() * 1000))

    def answered_by_cache(self, plugin: str) -> None:
        """A call was answered with what a plugin had kept. Never raises."""
        self.guarded(lambda: self.sheet.add("cached_answers", plugin))

    def batch_done(self, operations: int, seconds: float) -> None:
        """The journal has written a batch. Called in its thread, which alone counts these."""
        self.sheet.observe("journal_commit_seconds", int(seconds * 1_000_000))
        self.sheet.add("journal_operations", by=operations)

    def _put(self, readings: Iterable[Reading]) -> None:
        for name, labels, value in readings:
            self.sheet.put(name, *labels, value=value)
