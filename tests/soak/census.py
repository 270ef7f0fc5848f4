"""A plugin that says what its worker holds: greenlets, threads, descriptors, memory."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from greenlet import greenlet

from router import PluginContext, PluginRoute, RouteRequest, RouteResponse, hookimpl


class Census:
    @hookimpl
    def routes(self, context: PluginContext) -> Sequence[PluginRoute]:
        def held(request: RouteRequest) -> RouteResponse:
            gc.collect()
            alive = [one for one in gc.get_objects() if isinstance(one, greenlet) and not one.dead]
            resident = int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
            return RouteResponse.json(
                {
                    "process": os.getpid(),
                    "greenlets": len(alive),
                    "threads": threading.active_count(),
                    "descriptors": sum(1 for _ in Path("/proc/self/fd").iterdir()),
                    "resident": resident,
                }
            )

        return [PluginRoute("/held", ("GET",), "public", held)]


plugin = Census()
