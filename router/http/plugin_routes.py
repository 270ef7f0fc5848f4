"""Routes of plugins, below ``/plugins/NAME``: who may ask, a bounded body, and faults that harm nobody else."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import gevent

from router.app.plugin_contexts import PluginContexts
from router.calls.request import Incoming
from router.config.operator_secret import OPERATOR_FILE, is_operator
from router.errors import NotFound, RouterError, Unauthorized, Unavailable, faults
from router.http import samples
from router.http.incoming import incoming_of
from router.http.operations import KEYS, Json, Operations, answer, on_the_wire
from router.http.peer import PeerReader
from router.plugin_host.registry import Registry
from router.types.keys import Key
from router.types.routes import PluginRoute, RouteRequest, RouteResponse, RouteSchema

__all__ = ["Answered", "Answering", "PluginRoutes", "described_routes"]

_log = logging.getLogger("router.http")
_PART = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_OURS = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding", "x-request-id"})
_CREDENTIALS = frozenset({"authorization", "x-api-key", "api-key"})
_SCHEMES = {"public": (), "key": KEYS, "operator": ("operator",), "session": ("session",)}
_WORD = re.compile(r"[A-Za-z0-9]+")
_BODILESS = frozenset({"DELETE", "GET", "HEAD"})
Answered = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers and body."""
Answering = Callable[[dict[str, Any], Mapping[str, str]], Answered]
"""From a request's environment and the parts of its path."""


class PluginRoutes:
    """What plugins serve.

    Args:
        routes: plugin -> its routes, checked.
        key_of: the key that a request shows.
        config: the configuration's file, beside which the operator's secret is kept.
    """

    def __init__(
        self,
        routes: Mapping[str, list[PluginRoute]],
        registry: Registry,
        contexts: PluginContexts,
        key_of: Callable[[Incoming], Key],
        config: Path,
        peers: PeerReader,
    ) -> None:
        self._routes = routes
        self._registry = registry
        self._contexts = contexts
        self._key_of = key_of
        self._config = config
        self._peers = peers
        self._sessions = [plugin.name for plugin in registry.having("session")]

    def rules(self) -> Iterator[tuple[str, str, tuple[str, ...], Answering]]:
        """For each route its name, its pattern as Flask has it, its methods, and what answers (environment, parts)."""
        for plugin, routes in self._routes.items():
            for number, route in enumerate(routes):
                pattern = f"/plugins/{plugin}" + _PART.sub(r"<string:\1>", route.path)
                yield f"plugin {plugin} {number}", pattern, route.methods, self._answering(plugin, route)

    def _answering(self, plugin: str, route: PluginRoute) -> Answering:
        def answer(environ: dict[str, Any], params: Mapping[str, str]) -> Answered:
            incoming = incoming_of(environ, route.max_body_bytes, self._peers)
            key = self._admitted(route, incoming)
            headers = dict(_headers_of(environ, without=_CREDENTIALS if route.access in ("key", "operator") else ()))
            request = RouteRequest(
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"].removeprefix(f"/plugins/{plugin}").encode("latin-1").decode("utf-8", "replace"),
                params,
                dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
                headers,
                key=key,
                account=key.account if key is not None else "",
                client=incoming.peer.address,
                request_id=incoming.request_id,
            )
            if route.access == "session":
                request = self._with_session(request)
            body = incoming.read_body(None)
            return self._served(plugin, route, replace(request, body=body))

        return answer

    def _admitted(self, route: PluginRoute, incoming: Incoming) -> Key | None:
        """The key, of a route that wants one.

        Raises:
            Unauthorized: what the route wants is not shown.
        """
        if route.access == "key":
            return self._key_of(incoming)
        if route.access == "operator":
            scheme, _, secret = (incoming.authorization or "").partition(" ")
            if scheme.lower() != "bearer" or not is_operator(self._config, secret.strip()):
                message = "This path is the operator's: send 'Authorization: Bearer OPERATOR_SECRET'."
                detail = f"not the operator's secret, whose hash is in {OPERATOR_FILE} beside the configuration"
                raise Unauthorized(message, code="operator_only", detail=detail)
        return None

    def _with_session(self, request: RouteRequest) -> RouteRequest:
        """Raises:
        NotFound: nobody knows of sessions.
        Unauthorized: the request has none that is good.
        """
        if not self._sessions:
            raise NotFound("This page needs a portal, and no portal is configured.", code="no_portal")
        for name in self._sessions:
            account = _guarded(name, "its hook session", partial(self._session_of, name, request))
            if isinstance(account, str) and account:
                return replace(request, account=account)
        raise Unauthorized("Sign in first.", code="no_session")

    def _session_of(self, plugin: str, request: RouteRequest) -> Any:
        hook = self._registry.hook(plugin, "session")
        return None if hook is None else hook(context=self._contexts.of(plugin), request=request)

    def _served(self, plugin: str, route: PluginRoute, request: RouteRequest) -> Answered:
        def ask() -> RouteResponse | None:
            with gevent.Timeout(route.timeout_s, False):  # type: ignore[arg-type]
                return _checked(route.handler(request))
            return None

        response = _guarded(plugin, f"route {route.path}", ask)
        if response is None:
            _log.error("plugin %s did not answer at route %s within %g s", plugin, route.path, route.timeout_s)
            raise Unavailable(f"The plugin {plugin!r} did not answer in time.", code="plugin_timeout")
        headers = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
        own = {name.lower() for name in response.headers}
        kept = [(name, value) for name, value in headers.items() if name.lower() not in own]
        return response.status, [*kept, *response.headers.items()], response.body


def _guarded(plugin: str, what: str, ask: Callable[[], Any]) -> Any:
    """What a plugin's code gives. Its faults are for the log.

    Raises:
        RouterError: the plugin's own refusal, or that it failed.
    """
    try:
        return ask()
    except RouterError:
        raise
    except faults():
        _log.exception("plugin %s failed at %s", plugin, what)
        raise RouterError(f"The plugin {plugin!r} failed.", code="plugin_failed") from None


def _checked(response: Any) -> RouteResponse:
    if not isinstance(response, RouteResponse) or not isinstance(response.body, bytes):
        raise TypeError(f"a router.RouteResponse with bytes is wanted, not {type(response).__name__}")
    if type(response.status) is not int or not 200 <= response.status <= 599:
        raise ValueError(f"{response.status!r} is no status of an answer")
    for name, value in response.headers.items():
        if _HEADER.fullmatch(name) is None or _VALUE.fullmatch(value) is None or name.lower() in _OURS:
            raise ValueError(f"the header {name!r} cannot be sent")
    return response


def _headers_of(environ: Mapping[str, Any], without: Collection[str]) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            header = name[5:].replace("_", "-").lower()
            if header not in without:
                yield header, value
    if environ.get("CONTENT_TYPE"):
        yield "content-type", environ["CONTENT_TYPE"]


def described_routes(
    operations: Operations, routes: Mapping[str, Sequence[PluginRoute]]
) -> Iterator[tuple[str, dict[str, Json]]]:
    """Path of each route, and its operations by their methods in small letters.

    Args:
        routes: plugin -> its routes, checked.
    """
    for plugin, found in routes.items():
        for route in found:
            path = f"/plugins/{plugin}{route.path}"
            methods = {method.lower(): _operation(operations, plugin, route, path, method) for method in route.methods}
            yield path, methods


def _operation(operations: Operations, plugin: str, route: PluginRoute, path: str, method: str) -> Json:
    schema = route.schema or RouteSchema(f"A route of the plugin {plugin}.")
    name = "".join([method.lower(), *(word[:1].upper() + word[1:] for word in _WORD.findall(path))])
    good = answer("The answer.", {kind: {"schema": on_the_wire(shape)} for kind, shape in _plain(schema.answers)})
    errors = samples.plugin_errors(route.access)
    made = operations.operation(name, schema.summary, good, errors, _SCHEMES[route.access])
    made["responses"][str(schema.status)] = made["responses"].pop("200")
    places = [_parameter(part, "path", {"type": "string", "minLength": 1}) for part in _PART.findall(route.path)]
    queried = [_parameter(query, "query", on_the_wire(shape)) for query, shape in _plain(schema.query)]
    if places or queried:
        made["parameters"] = [*places, *queried]
    if schema.request and method not in _BODILESS:
        content = {kind: {"schema": on_the_wire(shape)} for kind, shape in _plain(schema.request)}
        made["requestBody"] = {"required": True, "content": content}
    return made


def _plain(shapes: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Json]]:
    return ((name, dict(shape)) for name, shape in shapes.items())


def _parameter(name: str, place: str, shape: Json) -> Json:
    return {"name": name, "in": place, "required": place == "path", "schema": shape}
