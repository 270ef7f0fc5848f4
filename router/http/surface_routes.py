"""The paths of surfaces: their calls, whose key may stand elsewhere, and what they serve besides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flask import Response, request

from router.app.assembly import Assembly
from router.calls.line import CallPipeline
from router.calls.request import Incoming
from router.http.calls import CallRoutes, Serve
from router.http.incoming import incoming_of
from router.surfaces.surface import Surface, SurfaceRequest, SurfaceRoute
from router.types.keys import Key

__all__ = ["ERRORS_AT", "lists_by_header", "routed", "serving", "surface_routes"]

ERRORS_AT = "router.errors_at"
"""In an environment: the path in whose shape a request's errors are told."""


def serving(gateway: CallPipeline, surface: Surface) -> Serve:
    """What serves a surface's calls."""
    serve = partial(gateway.call, surface)
    return partial(_shown_key, serve, surface) if surface.key_header or surface.key_argument else serve


def _shown_key(serve: Callable[[Incoming], Any], surface: Surface, incoming: Incoming) -> Any:
    """Serve a request whose key may stand where this surface's clients put it."""
    if incoming.x_api_key is None:
        shown = incoming.header(surface.key_header) if surface.key_header else None
        if shown is None and surface.key_argument:
            shown = incoming.query_values.get(surface.key_argument)
        incoming.x_api_key = shown
    return serve(incoming)


def surface_routes(assembly: Assembly) -> list[tuple[Surface, SurfaceRoute]]:
    """What surfaces serve besides their calls."""
    return [(surface, route) for surface in assembly.surfaces for route in surface.routes()]


def routed(assembly: Assembly, calls: CallRoutes, surface: Surface, route: SurfaceRoute, **arguments: str) -> Response:
    """The answer of a surface's own route."""
    incoming = incoming_of(request.environ, calls.max_body_bytes, calls.peers)
    key: Key = _shown_key(assembly.gateway.calling_key, surface, incoming)
    given = SurfaceRequest(
        key,
        request.method,
        incoming.path,
        incoming.request_id,
        arguments,
        request.args.to_dict(),
        incoming.header,
        incoming.read_body,
        incoming.peer,
        partial(assembly.gateway.served, key),
    )
    answer = route.serve(given)
    return Response(answer.body, answer.status, dict(answer.headers))


def lists_by_header(
    assembly: Assembly, calls: CallRoutes, every: Callable[..., Response], one: Callable[..., Response]
) -> Iterator[tuple[str, Callable[..., Response]]]:
    """The paths of lists of models and of one, with their views: the usual ones, or what tells a surface's own clients
    by their header.
    """
    beside = {route.path: (surface, route) for surface, route in surface_routes(assembly) if route.header}
    for path in assembly.dialect.models_paths:
        for rule, usual in ((path, every), (f"{path}/<path:model_id>", one)):
            yield rule, usual if rule not in beside else _by_header(assembly, calls, *beside[rule], usual)


def _by_header(
    assembly: Assembly, calls: CallRoutes, surface: Surface, route: SurfaceRoute, usual: Callable[..., Response]
) -> Callable[..., Response]:
    header = f"HTTP_{route.header.upper().replace('-', '_')}"

    def chosen(**arguments: str) -> Response:
        environ = request.environ
        if header not in environ:
            return usual(**arguments)
        environ[ERRORS_AT] = surface.paths(assembly.dialect)[0]
        return routed(assembly, calls, surface, route, **arguments)

    return chosen
