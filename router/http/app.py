"""The application: calls straight to the line, all else through Flask, every error in the dialect's one shape."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

from router import __version__
from router.errors import RouterError
from router.gateway.assembly import Assembly, assemble
from router.gateway.coding import UnsupportedCoding, coding_of
from router.gateway.estimate import BODY_MAX
from router.gateway.line import Answer, Incoming
from router.gateway.profile import DESCRIPTION, HEALTH, READY, RESERVED
from router.http.failures import Failures, Rendered
from router.http.incoming import incoming_of
from router.http.openapi import describe
from router.store.names import new_request_id
from router.types import StartupContext

__all__ = ["Application", "create_application"]

StartResponse = Callable[..., Callable[[bytes], object]]
Serve = Callable[[Incoming], Answer]
_OBSERVERS_S = 2.0
_SETTLE_S = 2.0
_READING = ("GET", "HEAD")
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


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

    Attributes:
        call_max_s: how long a call, and its aftermath, can take.
        plugins: name of each installed plugin -> why it does not load; empty where it does, or is left out.
        leaving: set by the server once it is told to stop: readiness says so.
        asked_at: monotonic seconds at which somebody last asked for readiness.
    """

    def __init__(self, assembly: Assembly) -> None:
        self.settings = assembly.settings
        self.call_max_s = assembly.settings.gateway.max_call_s + assembly.settings.gateway.drain_s
        plugins = assembly.registry.plugins.values()
        self.plugins = {one.name: one.problem if one.state == "failed" else "" for one in plugins}
        self.leaving = False
        self.asked_at: float | None = None
        self._assembly = assembly
        self._max_body_bytes = assembly.settings.gateway.max_body_bytes
        gateway, dialect = assembly.gateway, assembly.dialect
        self._calls: dict[str, Serve] = {
            **dict.fromkeys(dialect.chat_paths, gateway.chat),
            **dict.fromkeys(dialect.embeddings_paths, gateway.embeddings),
        }
        self._showcase = assembly.showcase if dialect.catalogue_paths else None
        self._catalogue_paths = frozenset(dialect.catalogue_paths)
        public = (*dialect.catalogue_paths, *dialect.estimator_paths, *dialect.health_paths, *RESERVED)
        paths = (*self._calls, *dialect.models_paths, *public)
        self._failures = Failures(dialect, assembly.log.write, paths)
        self._flask = _build_flask(assembly, self._calls, self._failures, self._readiness)
        active = tuple(name for name, provider in assembly.providers.items() if provider.active)
        for plugin in assembly.registry.having("startup"):
            context = StartupContext(str(assembly.settings.path), active, assembly.plugin_settings.get(plugin.name))
            assembly.registry.notify(plugin.name, "startup", context=context)

    def wsgi(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI callable. A call needs none of Flask's routing and request objects: they were a quarter of it."""
        request_id = environ["router.request_id"] = new_request_id()

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            headers.append(("x-request-id", request_id))
            return start_response(status, headers, *rest)

        path = environ["PATH_INFO"]
        if path[:2] == "//":  # a base URL with a slash at its end; Flask would skip it, so both roads do
            path = environ["PATH_INFO"] = "/" + path.lstrip("/")
        serve = self._calls.get(path) if environ["REQUEST_METHOD"] == "POST" else None
        if serve is None:
            environ.pop("HTTP_UPGRADE", None)  # which no server must heed, and Flask takes for a WebSocket's
            if path in self._catalogue_paths and environ["REQUEST_METHOD"] in _READING:
                return self._catalogue(start)
            return self._flask.wsgi_app(environ, start)
        status, headers, body = self._answer(serve, environ)
        start(_status_line(status), headers)
        return [body] if isinstance(body, bytes) else body

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

    def _catalogue(self, start: StartResponse) -> Iterable[bytes]:
        """Past Flask, as calls are: this is what a website asks for with every view."""
        assert self._showcase is not None
        page = self._showcase.page()
        start("200 OK", list(page.headers))
        return [page.body]

    def _answer(self, serve: Serve, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], Any]:
        try:
            answer = serve(incoming_of(environ, self._max_body_bytes))
        except OSError:
            raise  # the client's connection broke while its body was read: the server's business
        except SystemExit as raised:  # some library or plugin of a route: no reason for the worker to end
            failed = RuntimeError("a plugin called sys.exit()")
            failed.__cause__ = raised
            return self._failures.answer(failed, environ, environ["PATH_INFO"])
        except Exception as raised:
            return self._failures.answer(raised, environ, environ["PATH_INFO"])
        return answer.status, list(answer.headers.items()), answer.body


@cache
def _status_line(status: int) -> str:
    return f"{status} {_PHRASES.get(status, 'Status')}"


def _build_flask(
    assembly: Assembly, calls: Iterable[str], failures: Failures, readiness: Callable[[], Response]
) -> Flask:
    app = Flask("router", static_folder=None)
    gateway, dialect = assembly.gateway, assembly.dialect
    max_body_bytes = assembly.settings.gateway.max_body_bytes

    def incoming() -> Incoming:
        return incoming_of(request.environ, max_body_bytes)

    def on_error(raised: Exception) -> Response:
        if isinstance(raised, OSError):
            raise raised  # as for calls
        rule = request.url_rule.rule if request.url_rule is not None else ""
        status, headers, data = failures.answer(raised, request.environ, rule)
        return Response(data, status, headers)

    app.config["PROPAGATE_EXCEPTIONS"] = True  # what the handler lets through is for the server
    app.url_map.merge_slashes = False  # else //v1/models is redirected, to a host of the client's choice
    app.register_error_handler(Exception, on_error)

    def add(path: str, view: Callable[..., Response], method: str) -> None:
        app.add_url_rule(path, f"{method} {path}", view, methods=[method], provide_automatic_options=False)

    for path in calls:
        add(path, _served_already, "POST")
    for path in dialect.models_paths:
        add(path, lambda: _json(gateway.models(incoming())), "GET")
        add(f"{path}/<path:model_id>", lambda model_id: _json(gateway.model(incoming(), model_id)), "GET")
    for path in dialect.catalogue_paths:
        add(path, _served_already, "GET")
    for path in dialect.estimator_paths:
        add(path, lambda: _estimate(assembly), "POST")
    for path in (HEALTH, *dialect.health_paths):
        add(path, lambda: _json({"status": "ok", "version": __version__}), "GET")
    add(READY, readiness, "GET")
    description = cache(lambda: describe(dialect, assembly.settings.gateway))
    add(DESCRIPTION, lambda: Response(description(), content_type="application/json"), "GET")
    return app


def _served_already() -> Response:
    """The rules of calls, and of the public catalogue, stand in Flask's map for its 405 alone."""
    raise AssertionError("a call reached Flask")


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value).encode("ascii"), status, content_type="application/json")


def _estimate(assembly: Assembly) -> Response:
    """What a call would come to, for everybody: so a request costs what it sends, and is not decompressed."""
    encoding = request.environ.pop("HTTP_CONTENT_ENCODING", "")
    if encoding and coding_of(encoding):
        raise UnsupportedCoding("Estimates take no compressed requests.", headers={"Accept-Encoding": "identity"})
    raw = incoming_of(request.environ, BODY_MAX).read_body(None)
    return _json(assembly.dialect.estimate(assembly.estimator.answer(raw)))
