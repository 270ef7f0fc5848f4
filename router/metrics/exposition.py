"""All series as Prometheus reads them, written by its own client library."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from router.errors import ConfigError
from router.metrics.families import FAMILIES, PREFIX, Family
from router.metrics.gathering import Totals

if TYPE_CHECKING:
    from prometheus_client.core import Metric

__all__ = ["check_installed", "expose"]


def check_installed(where: str) -> None:
    """Look for the library.

    Args:
        where: names what asks for it.

    Raises:
        ConfigError: it is not there; says how to get it.
    """
    try:
        import prometheus_client  # noqa: F401
    except ImportError:
        raise ConfigError(f"{where}: needs prometheus_client: pip install 'tollrouter[metrics]'") from None


def expose(totals: Totals, accept: str) -> tuple[str, bytes]:
    """Content type and body of an answer.

    Args:
        accept: the ``Accept`` header: plain text where it asks for nothing newer.
    """
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(totals))
    encode, content_type = choose_encoder(accept)
    return content_type, encode(registry)


class _Collected:
    """What the library asks for."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals

    def collect(self) -> Iterator[Metric]:
        by_family: defaultdict[Family, list[tuple[tuple[str, ...], list[int]]]] = defaultdict(list)
        for (family, labels), numbers in self._totals.items():
            by_family[family].append((labels, numbers))
        for family in FAMILIES.values():
            if family in by_family:
                yield _metric(family, sorted(by_family[family]))


def _metric(family: Family, series: list[tuple[tuple[str, ...], list[int]]]) -> Metric:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily, "histogram": HistogramMetricFamily}
    metric: Any = kinds[family.kind](f"{PREFIX}{family.name}", family.meaning, labels=family.all_labels)
    for labels, numbers in series:
        if family.kind == "histogram":
            metric.add_metric(labels, _buckets(family, numbers[1:]), numbers[0] / family.unit)
        else:
            metric.add_metric(labels, numbers[0] / family.unit)
    return cast("Metric", metric)


def _buckets(family: Family, counts: list[int]) -> list[tuple[str, float]]:
    """Upper bounds, and how many were at most that."""
    bounds = [*(repr(bound / family.unit) for bound in family.buckets), "+Inf"]
    total, found = 0, []
    for bound, count in zip(bounds, counts, strict=True):
        total += count
        found.append((bound, float(total)))
    return found
