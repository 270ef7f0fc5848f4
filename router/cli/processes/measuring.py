"""The listener for Prometheus beside the gateway's: opened before the first worker starts, by the master itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from router.config.file import Settings
from router.config.metrics import check_metrics
from router.metrics.exposition import check_installed, expose
from router.metrics.gathering import Gathering
from router.metrics.listener import METRICS_PATH, MetricsListener
from router.metrics.masters import GatheringMetrics, PortalSheets
from router.server.listener import METRICS_KEYS, listen, url_of

__all__ = ["Measuring", "measuring"]


class Measuring(NamedTuple):
    """What the gateway's master and the portal's keeper are given.

    Attributes:
        url: where Prometheus asks; empty for nowhere.
    """

    url: str = ""
    metrics: GatheringMetrics | None = None
    sheets: PortalSheets | None = None


@contextmanager
def measuring(settings: Settings) -> Iterator[Measuring]:
    """Answer Prometheus while the gateway runs; nothing is done where ``[metrics] listen`` is empty.

    Raises:
        ConfigError: strangers could ask, the library is not there, or the address cannot be used.
    """
    wanted = settings.metrics
    if not wanted.enabled:
        yield Measuring()
        return
    check_metrics(wanted, settings.where)
    check_installed(settings.where("metrics.listen"))
    sock = listen(wanted.host, wanted.port, METRICS_KEYS)
    gathering = Gathering(lambda: int(time.time() * 1000))
    listener = MetricsListener(sock, wanted.token.reveal(), lambda accept: expose(gathering.totals(), accept))
    url = url_of(sock) + METRICS_PATH
    listener.start()
    try:
        yield Measuring(url, GatheringMetrics(gathering), PortalSheets(gathering))
    finally:
        listener.close()
