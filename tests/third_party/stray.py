"""A third party's plugin that does what it may not, and is told so."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from router import Migration, PluginContext, PluginRoute, RouteRequest, RouteResponse, hookimpl


class Stray:
    @hookimpl
    def storage_migrations(self) -> Sequence[Migration]:
        return [Migration(1, "another's name", "CREATE TABLE elsewhere_things (id TEXT)")]

    @hookimpl
    def routes(self, context: PluginContext) -> Sequence[PluginRoute]:
        def holds(request: RouteRequest) -> RouteResponse:
            return RouteResponse.json(context.database.read(lambda connection: connection.rows("SELECT id FROM holds")))

        def slow(request: RouteRequest) -> RouteResponse:
            time.sleep(5)
            return RouteResponse()

        def ends(request: RouteRequest) -> RouteResponse:
            raise SystemExit(3)

        def nothing(request: RouteRequest) -> Any:
            return "text"

        def headers(request: RouteRequest) -> RouteResponse:
            return RouteResponse(b"", headers={"X-Split": "a\r\nSet-Cookie: b"})

        found = {"/holds": holds, "/ends": ends, "/nothing": nothing, "/headers": headers}
        routes = [PluginRoute(path, ("GET",), "public", handler) for path, handler in found.items()]
        return [*routes, PluginRoute("/slow", ("GET",), "public", slow, timeout_s=0.1)]


plugin = Stray()
