"""The part that measures, for Prometheus; it is None where ``[metrics]`` is off."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cached_property

from router import __version__
from router.app.parts import AssemblyParts
from router.jobs.leased import LeasedJob
from router.metering.open_figures import open_figures
from router.metrics.worker_metrics import Reading, WorkerMetrics
from router.providers.circuit_breaker import CLOSED, HALF_OPEN, OPEN

__all__ = ["MetricParts"]

_READ_S = 15.0


class MetricParts(AssemblyParts):
    """What this process counts."""

    @cached_property
    def metrics(self) -> WorkerMetrics | None:
        """The counts; None where nothing is measured."""
        if not self.settings.metrics.enabled:
            return None
        metrics = WorkerMetrics()
        metrics.sheet.put("info", __version__, self.settings.gateway.currency, value=1)
        return metrics

    def endpoint_states(self) -> Iterator[Reading]:
        """How this worker sees each provider's endpoints."""
        for name, provider in self.providers.items():
            if provider.active:
                for place in provider.endpoints.places:
                    for state in (CLOSED, OPEN, HALF_OPEN):
                        yield "endpoints", (name, place.name, state), int(place.breaker.state == state)

    def leased_jobs(self) -> Iterator[LeasedJob]:
        yield from super().leased_jobs()
        metrics = self.metrics
        if metrics is not None:
            yield LeasedJob("metrics", _READ_S, lambda: self._read_figures(metrics))

    def _read_figures(self, metrics: WorkerMetrics) -> None:
        """One worker of all nodes reads for all: a scrape asks no database."""
        now, begun = time.time(), time.perf_counter()
        found = self.database.read(lambda connection: open_figures(connection, now), whole=False)
        took = int((time.perf_counter() - begun) * 1_000_000)
        own = ("database_read_seconds", (), took), ("database_read_timestamp_seconds", (), int(now * 1000))
        metrics.read([*found, *own], now)
