"""The application: Flask in front of all there is, calls by the line, every error in the dialect's one shape.

Our own server hands calls to ``Application.calls`` itself: Flask's routing and request objects were a quarter of one.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from werkzeug.routing import PathConverter

from router import __version__
from router.app.assembly import Assembly
from router.app.start import assemble
from router.calls.line import CallPipeline
from router.calls.request import Incoming
from router.charging.estimator import BODY_MAX
from router.config.tls import gateway_tls
from router.db.ids import new_request_id
from router.errors import Forbidden, RouterError
from router.http.calls import CallRoutes
from router.http.cross_origin import CrossOrigin, is_preflight
from router.http.directions import Directions, base_paths
from router.http.failures import WEBSOCKET, Failures, Rendered
from router.http.incoming import client_request_id, incoming_of
from router.http.key_api import key_api_paths
from router.http.management.own import OWN_ROUTES
from router.http.management.routes import script_views
from router.http.openapi import describe
from router.http.pages import Pages
from router.http.paths import PathReader
from router.http.peer import PeerReader
from router.http.piped import piped
from router.http.plugin_routes import Answering, PluginRoutes
from router.http.surface_routes import ERRORS_AT, lists_by_header, routed, serving, surface_routes
from router.providers.profile import DESCRIPTION, HEALTH, READY, RESERVED
from router.surfaces.coding import UnsupportedCoding, coding_of
from router.surfaces.messages.listing import VERSION_HEADER, model_shown, models_shown
from router.types.dialect import Dialect
from router.types.masking import one_line
from router.types.offers import Listed
from router.types.routes import PluginRoute

__all__ = ["Application", "create_application"]

StartResponse = Callable[..., Callable[[bytes], object]]
_OBSERVERS_S = 2.0
_SETTLE_S = 2.0
_PATH_SHOWN = 120
_MESSAGES = "/v1/messages"  # below which errors have Anthropic's shape
_ORIGIN_SHOWN = 100
_UPGRADE = "router.upgrade"
_READING = ("GET", "HEAD")
_VERSION = f"HTTP_{VERSION_HEADER.upper().replace('-', '_')}"


def create_application(config_path: str, content: bytes | None = None) -> Application:
    """Build everything that a worker needs from the configuration.

    Args:
        content: what to take for the file's content; None reads the file.

    Raises:
        ConfigError: what is wrong, where, and the remedy.
    """
    return Application(assemble(Path(config_path), content=content))


class Application:
    """What the server runs: ``wsgi``, the settings, and what to do at the end.

    Args:
        assembly: one configuration, opened; closed with this.
        pages: what is served to browsers besides; None for nothing.

    Attributes:
        calls: what serves calls, for a server that hands it requests of the line's own kind, without WSGI.
        tls: the certificate that it is served with; None for HTTP.
        flask: the whole application as Flask knows it, for its test client and for other servers.
        call_max_s: how long a call, and its aftermath, can take.
        plugins: name of each installed plugin -> why it does not load; empty where it does, or is left out.
        leaving: set by the server once it is told to stop: readiness says so.
        asked_at: monotonic seconds at which somebody last asked for readiness.
        metrics: what is counted; None where nothing is.
    """

    def __init__(self, assembly: Assembly, pages: Pages | None = None) -> None:
        self.settings = assembly.settings
        self.tls = gateway_tls(assembly.settings)
        self._pages = pages
        self.call_max_s = assembly.settings.gateway.max_call_s + assembly.settings.gateway.drain_s
        plugins = assembly.registry.plugins.values()
        self.plugins = {one.name: one.problem if one.state == "failed" else "" for one in plugins}
        self.leaving = False
        self.metrics = assembly.metrics
        self.asked_at: float | None = None
        self._assembly = assembly
        gateway, dialect = assembly.gateway, assembly.dialect
        serves = {path: serving(gateway, one) for one in assembly.surfaces for path in one.paths(dialect)}
        self._showcase = assembly.showcase if dialect.catalogue_paths else None
        self._catalogue_paths = frozenset(dialect.catalogue_paths)
        public = (*dialect.catalogue_paths, *dialect.estimator_paths, *dialect.health_paths, *RESERVED)
        routes = (*(route.path for _, route in surface_routes(assembly) if not route.header), *key_api_paths(dialect))
        paths = dict.fromkeys((*serves, *dialect.models_paths, *routes, *public, *base_paths(dialect)))
        reader = PathReader([*paths, *(f"{path}/<id>" for path in dialect.models_paths)], serves)
        plugins_routes = assembly.plugin_routes
        told = [path for path in (*paths, *(route.path for route in OWN_ROUTES)) if "<" not in path]
        told += [f"/plugins/{name}{one.path}" for name, found in plugins_routes.items() for one in found]
        directions = Directions(dialect, assembly.settings.gateway.profile, told, reader.meant)
        refused = assembly.recorder.refused
        self._failures = Failures(dialect, assembly.log.write, directions, refused, assembly.surfaces)
        peers = PeerReader(assembly.settings.server.trusted_proxies)
        self._cross_origin = _cross_origin(assembly)
        max_body_bytes = assembly.settings.gateway.max_body_bytes
        self.calls = CallRoutes(serves, self._failures, max_body_bytes, peers, self._cross_origin, reader.read)
        self.flask = _build_flask(assembly, self.calls, self._failures, self._readiness, directions, plugins_routes)
        self._behind = self.flask.wsgi_app
        self.flask.wsgi_app = self.wsgi  # type: ignore[method-assign]
        for plugin in assembly.registry.having("startup"):
            assembly.registry.notify(plugin.name, "startup", context=assembly.contexts.of(plugin.name))

    def wsgi(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI callable: whatever it is asked, calls among it, whichever server asks."""
        environ["router.request_id"] = new_request_id()
        environ[_UPGRADE] = environ.pop("HTTP_UPGRADE", "")  # no server must heed it, and Flask takes it for its own
        if self._pages is not None and self._pages.take(environ):
            return self._pages.wsgi(environ, start_response)
        environ["PATH_INFO"], environ["router.model"] = self.calls.read_path(environ["PATH_INFO"])
        if self._cross_origin is not None:
            if is_preflight(environ):
                return self._preflight(self._cross_origin, environ, start_response)
            start_response = _marking(self._cross_origin, environ, start_response)
        if environ["PATH_INFO"] in self._catalogue_paths and environ["REQUEST_METHOD"] in _READING:
            return self._catalogue(environ, start_response)
        return self._behind(environ, start_response)

    def render_error(self, error: RouterError, request_id: str) -> Rendered:
        """Status, headers and body of an error that never reached ``wsgi``."""
        status, headers, body = self._failures.render(error)
        return status, [*headers, ("x-request-id", request_id)], body

    def busy(self) -> int:
        """Calls whose accounting is not finished."""
        return self._assembly.gateway.busy()

    def close(self) -> None:
        """End the calls whose grace is over, write what is still to be written, tell the plugins, close everything."""
        self._assembly.gateway.stop(_SETTLE_S)
        self._assembly.gateway.tell_observers(_OBSERVERS_S)
        self._assembly.registry.broadcast("shutdown")
        if self._pages is not None:
            self._pages.close()
        self._assembly.close()

    def _readiness(self) -> Response:
        """Whether a call could be served and recorded, and what is missing; asks the database and the plugins, never an
        upstream.
        """
        self.asked_at = time.monotonic()
        problems = ["the gateway stops"] if self.leaving else self._assembly.problems()
        warnings = self._assembly.warnings()
        value = {"status": "unavailable" if problems else "ready", "problems": problems, "warnings": warnings}
        return _json(value, 503 if problems else 200)

    def _preflight(
        self, cross_origin: CrossOrigin, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """What a browser asks before a page's request: without a key, a record or a line in the log."""
        request_id = environ["router.request_id"]
        marks = cross_origin.preflight(environ)
        if marks is not None:
            start_response("204 No Content", [*marks.items(), ("x-request-id", request_id)])
            return []
        status, headers, body = self.render_error(_foreign(environ["HTTP_ORIGIN"]), request_id)
        start_response(f"{status} Refused", [*headers, ("Vary", "Origin"), ("Content-Length", str(len(body)))])
        return [body]

    def _catalogue(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Past Flask: this is what a website asks for with every view."""
        assert self._showcase is not None
        page = self._showcase.page()
        start_response("200 OK", [*page.headers, ("x-request-id", environ["router.request_id"])])
        return [page.body]


def _cross_origin(assembly: Assembly) -> CrossOrigin | None:
    """Which web pages may read answers; None where none may read any."""
    server, dialect = assembly.settings.server, assembly.dialect
    open_paths = dialect.catalogue_paths if dialect.catalogue_for_pages else ()
    if not server.cors_origins and not open_paths:
        return None
    return CrossOrigin(server.cors_origins, credentials=server.cors_credentials, open_paths=open_paths)


def _marking(cross_origin: CrossOrigin, environ: dict[str, Any], start_response: StartResponse) -> StartResponse:
    """``start_response`` with what a web page needs to read the answer, whatever it is."""
    origin, path = environ.get("HTTP_ORIGIN", ""), environ["PATH_INFO"]

    def start(status: str, headers: list[tuple[str, str]], *raised: Any) -> Callable[[bytes], object]:
        marks = cross_origin.marks(origin, path, [name for name, _ in headers])
        return start_response(status, [*headers, *marks.items()], *raised)

    return start


def _foreign(origin: str) -> Forbidden:
    return Forbidden(
        f"Web pages of {one_line(origin, _ORIGIN_SHOWN)} may not call this gateway: [server] cors_origins of its "
        "configuration does not name that origin.",
        code="origin_not_allowed",
    )


def _build_flask(
    assembly: Assembly,
    calls: CallRoutes,
    failures: Failures,
    readiness: Callable[[], Response],
    directions: Directions,
    routes: Mapping[str, list[PluginRoute]],
) -> Flask:
    app = Flask("router", static_folder=None)
    gateway, dialect = assembly.gateway, assembly.dialect

    def incoming() -> Incoming:
        return incoming_of(request.environ, calls.max_body_bytes, calls.peers)

    def shown() -> Callable[[Listed], Any]:
        return model_shown if _is_anthropics() else dialect.model

    def on_error(raised: Exception) -> Response:
        if isinstance(raised, OSError):
            raise raised  # as for calls
        rule = request.url_rule.rule if request.url_rule is not None else ""
        environ = request.environ
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")[:_PATH_SHOWN]
        status, headers, data = failures.answer(
            raised,
            environ["router.request_id"],
            rule,
            peer=calls.peers.of_environ(environ),
            client_request_id=client_request_id(environ.get("HTTP_X_REQUEST_ID", "")),
            where=f"{WEBSOCKET * _asks_for_websocket()}{environ['REQUEST_METHOD']} {path}",
            path=_errors_at(rule, dialect),
        )
        return Response(data, status, headers)

    app.config["PROPAGATE_EXCEPTIONS"] = True  # what the handler lets through is for the server
    app.url_map.converters["path"] = _but_for([*calls.paths, *(route.path for _, route in surface_routes(assembly))])
    app.url_map.merge_slashes = app.url_map.strict_slashes = False  # else redirected, to a host of the client's choice
    app.register_error_handler(Exception, on_error)
    app.after_request(_with_request_id)

    def add(path: str, view: Callable[..., Response], method: str) -> None:
        app.add_url_rule(path, f"{method} {path}", view, methods=[method], provide_automatic_options=False)

    for path in sorted(calls.paths):
        add(path, lambda **places: _called(calls), "POST")
    for surface, route in surface_routes(assembly):
        if not route.header:
            add(route.path, partial(routed, assembly, calls, surface, route), route.method)
    one = lambda model_id: _json(gateway.model(incoming(), model_id, shown()))  # noqa: E731
    for path, view in lists_by_header(assembly, calls, lambda: _listed(gateway, incoming, dialect), one):
        add(path, view, "GET")
    for path, method, script in script_views(assembly, calls.peers):
        add(path, script, method)
    for path in dialect.catalogue_paths:
        add(path, _served_already, "GET")
    for path in dialect.estimator_paths:
        add(path, lambda: _estimate(assembly, calls.peers), "POST")
    for path in (HEALTH, *dialect.health_paths):
        add(path, lambda: _json({"status": "ok", "version": __version__}), "GET")
    add(READY, readiness, "GET")
    served = _plugins_routes(assembly, calls, routes)
    for name, pattern, methods, answering in served.rules():
        app.add_url_rule(pattern, name, _of_plugin(answering), methods=methods, provide_automatic_options=False)
    for path in base_paths(dialect):
        if path not in (*dialect.catalogue_paths, *dialect.health_paths):
            add(path, lambda: _json(directions.page(calls.peers.of_environ(request.environ))), "GET")
    description = cache(lambda: describe(dialect, assembly.settings.gateway, assembly.surfaces, routes))
    add(DESCRIPTION, lambda: Response(description(), content_type="application/json"), "GET")
    return app


def _plugins_routes(assembly: Assembly, calls: CallRoutes, routes: Mapping[str, list[PluginRoute]]) -> PluginRoutes:
    registry, key_of = assembly.registry, assembly.gateway.calling_key
    return PluginRoutes(routes, registry, assembly.contexts, key_of, assembly.settings.path, calls.peers)


def _but_for(paths: Iterable[str]) -> type[PathConverter]:
    """What stands for an ID with slashes, at the end of a path or within: it does not end as the paths do that have
    something behind an ID, such as ``/v1beta/models/<path:model>:countTokens``, which are resources of their own.
    """
    ends = sorted({path.rpartition(">")[2] for path in paths if ":" in path.rpartition(">")[2]})
    regex = "[^/].*?" + "".join(f"(?<!{re.escape(end)})" for end in ends)
    return type("IdConverter", (PathConverter,), {"regex": regex})


def _asks_for_websocket() -> bool:
    """Whether the client would rather speak by a WebSocket; some then send plain requests for good."""
    return bool(request.environ[_UPGRADE].lower() == "websocket")


def _listed(gateway: CallPipeline, incoming: Callable[[], Incoming], dialect: Dialect) -> Response:
    return _json(gateway.models(incoming(), _models_shown(dialect)))


def _errors_at(rule: str, dialect: Dialect) -> str:
    """The path in whose shape a request's error is told."""
    if rule.startswith(dialect.models_paths) and _is_anthropics():
        return _MESSAGES
    return str(request.environ.get(ERRORS_AT) or request.environ["PATH_INFO"])


def _is_anthropics() -> bool:
    """Whether the client of the request is one of Anthropic's, which knows lists and errors in another shape."""
    return _VERSION in request.environ


def _models_shown(dialect: Dialect) -> Callable[[Iterable[Listed]], Any]:
    environ = request.environ  # once, and the query unread: each look through Flask's proxy is a dozen calls
    if _VERSION in environ:
        return partial(models_shown, query=request.args)
    return partial(_models_of_codex, dialect) if "client_version=" in environ["QUERY_STRING"] else dialect.models


def _models_of_codex(dialect: Dialect, listed: Iterable[Listed]) -> Any:
    """The list for Codex, which looks for ``models``, its own descriptions of models with their instructions. None of
    ours are there, so that it keeps to those that it knows; without the member it takes the answer for a broken one.
    """
    found = dialect.models(listed)
    return {**found, "models": []} if isinstance(found, dict) and "models" not in found else found


def _called(calls: CallRoutes) -> Response:
    """A call, served by the same line as at the server's own door."""
    answer, stream = piped(calls.serve, incoming_of(request.environ, calls.max_body_bytes, calls.peers))
    return Response(answer.body if stream is None else stream, answer.status, answer.headers)


def _of_plugin(answering: Answering) -> Callable[..., Response]:
    def view(**params: str) -> Response:
        status, headers, body = answering(request.environ, params)
        return Response(body, status, headers)

    return view


def _served_already() -> Response:
    """The rule of the public catalogue stands in Flask's map for its 405 alone."""
    raise AssertionError("the catalogue was asked of Flask")


def _with_request_id(response: Response) -> Response:
    response.headers["x-request-id"] = request.environ["router.request_id"]
    return response


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value).encode("ascii"), status, content_type="application/json")


def _estimate(assembly: Assembly, peers: PeerReader) -> Response:
    """What a call would come to, for everybody: so a request costs what it sends, and is not decompressed."""
    encoding = request.environ.pop("HTTP_CONTENT_ENCODING", "")
    if encoding and coding_of(encoding):
        raise UnsupportedCoding("Estimates take no compressed requests.", headers={"Accept-Encoding": "identity"})
    raw = incoming_of(request.environ, BODY_MAX, peers).read_body(None)
    return _json(assembly.dialect.estimate(assembly.estimator.answer(raw)))
