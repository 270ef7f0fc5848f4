"""What a plugin serves and shows: routes, and a menu that leads to them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from router.app.plugin_contexts import menu_entries, plugin_routes
from router.errors import RouterError, faults
from router.plugin_host.registry import Registry
from router.testing.conformance.base import Failed, expect
from router.testing.conformance.host.bench import HOST, HostBench
from router.types.keys import Key
from router.types.routes import PluginRoute, RouteRequest, RouteResponse

__all__ = ["answers", "menu", "routes"]

_BODIES = (b"", b"\xff\xfe", b"{}", b"[1, 2]", b'{"code": null}', b"null")
_PART = re.compile(r"\{(\w+)\}")


def _routes(bench: HostBench) -> list[PluginRoute]:
    bench.hook("routes")
    registry = Registry([bench.plugin])
    found = plugin_routes(registry, bench.contexts)
    problem = registry.plugins[bench.plugin.name].problem
    expect(not problem, problem)
    return found.get(bench.plugin.name, [])


@HOST.rule(
    "H10",
    "Its routes can be served: plain paths, known methods, and one of the four kinds of access.",
    remedy="Write PluginRoute('/one/{two}', ('GET',), 'public', handler); each method and path once.",
)
def routes(bench: HostBench) -> None:
    _routes(bench)


@HOST.rule(
    "H11",
    "Whatever a request holds, a route answers with a RouteResponse or refuses with a RouterError.",
    remedy="Check what was sent before you use it: raise router.BadRequest for what is wrong with it.",
)
def answers(bench: HostBench) -> None:
    for route in _routes(bench):
        for request in _requests(route):
            try:
                found = route.handler(request)
            except RouterError:
                continue
            except faults() as error:
                what = f"{request.method} {route.path} with {request.body!r}"
                raise Failed(f"{what} raised {type(error).__name__}: {error}") from error
            expect(isinstance(found, RouteResponse), f"{route.path} gave {type(found).__name__}")
            expect(isinstance(found.body, bytes), f"{route.path} gave a body that is no bytes")


@HOST.rule(
    "H12",
    "Each entry of its menu leads to a route of its own that a browser can open.",
    remedy="Let the path be one of the plugin's GET routes, without a part in braces.",
)
def menu(bench: HostBench) -> None:
    bench.hook("menu")
    registry = Registry([bench.plugin])
    entries = menu_entries(registry, bench.contexts).get(bench.plugin.name, [])
    problem = registry.plugins[bench.plugin.name].problem
    expect(not problem, problem)
    opened = {f"/plugins/{bench.plugin.name}{one.path}" for one in _routes(bench) if "GET" in one.methods}
    for entry in entries:
        expect(entry.path in opened, f"{entry.title!r} leads to {entry.path}, which is no GET route of it")


def _requests(route: PluginRoute) -> Iterator[RouteRequest]:
    key = Key("key_1", "acct_1") if route.access == "key" else None
    account = "acct_1" if route.access in ("key", "session") else ""
    params = dict.fromkeys(_PART.findall(route.path), "what ' is \x00 this")
    for method in route.methods:
        for body in _BODIES:
            yield RouteRequest(method, route.path, params, {"q": ""}, {}, body, key, account, "192.0.2.7", "req_1")
