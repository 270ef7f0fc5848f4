"""The application: Flask's routes in front of the line, every error in the dialect's one shape."""

from __future__ import annotations

import difflib
import json
import logging
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from router import __version__
from router.errors import BadRequest, MethodNotAllowed, NotFound, RouterError, StoreError, TooLarge
from router.gateway.assembly import Assembly, assemble
from router.gateway.body import read_body
from router.gateway.line import Answer, Incoming
from router.gateway.record import refusal_line
from router.types import StartupContext

__all__ = ["Application", "create_application"]

_log = logging.getLogger("router.http")
StartResponse = Callable[..., Callable[[bytes], object]]


def create_application(config_path: str) -> Application:
    """Build everything that a worker needs from the configuration.

    Raises:
        ConfigError: what is wrong, where, and the remedy.
    """
    return Application(assemble(Path(config_path)))


class Application:
    """What the server runs: ``wsgi``, the settings, and what to do at the end."""

    def __init__(self, assembly: Assembly) -> None:
        self.settings = assembly.settings
        self._assembly = assembly
        self._flask = _build_flask(assembly, self.render_error)
        active = tuple(name for name, provider in assembly.providers.items() if provider.active)
        for plugin in assembly.registry.having("startup"):
            context = StartupContext(str(assembly.settings.path), active, assembly.plugin_settings.get(plugin.name))
            assembly.registry.notify(plugin.name, "startup", context=context)

    def wsgi(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI callable: Flask, with a request ID on every response."""
        request_id = environ["router.request_id"] = f"req_{secrets.token_hex(12)}"

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            headers.append(("x-request-id", request_id))
            return start_response(status, headers, *rest)

        return self._flask.wsgi_app(environ, start)

    def render_error(self, error: RouterError, request_id: str) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body of an error in the dialect's shape."""
        dialect = self._assembly.dialect
        headers = [("Content-Type", "application/json"), ("x-request-id", request_id), *error.headers.items()]
        return dialect.error_status(error), headers, json.dumps(dialect.error_body(error)).encode("ascii")

    def busy(self) -> int:
        """Calls whose accounting is not finished."""
        return self._assembly.gateway.busy()

    def close(self) -> None:
        """Write what is still to be written, tell the plugins, close the connections."""
        self._assembly.registry.broadcast("shutdown")
        self._assembly.close()


def _build_flask(assembly: Assembly, render_error: Callable[..., tuple[int, list[tuple[str, str]], bytes]]) -> Flask:
    app = Flask("router", static_folder=None)
    gateway, dialect = assembly.gateway, assembly.dialect
    max_bytes = assembly.settings.gateway.max_body_bytes

    def incoming() -> Incoming:
        environ = request.environ

        def body() -> bytes:
            encoding = environ.get("HTTP_CONTENT_ENCODING", "")
            return read_body(environ["wsgi.input"], _length(environ), encoding, max_bytes)

        return Incoming(
            request_id=environ["router.request_id"],
            received_at=environ.get("router.received_at") or time.time(),
            authorization=environ.get("HTTP_AUTHORIZATION"),
            x_api_key=environ.get("HTTP_X_API_KEY"),
            read_body=body,
            client=environ.get("router.client"),
        )

    def on_error(raised: Exception) -> Response:
        if isinstance(raised, OSError):
            raise raised  # the client's connection broke while its body was read: the server's business
        error = _translate(raised)
        if error.status >= 500 and not isinstance(raised, RouterError):
            _log.error("request %s failed", request.environ["router.request_id"], exc_info=raised)
        if not error.recorded:
            rule = request.url_rule.rule if request.url_rule is not None else ""
            assembly.log.write(refusal_line(error, request.environ["router.request_id"], rule))
        status, headers, data = render_error(error, "")
        kept = [(name, value) for name, value in headers if name != "x-request-id"]
        return Response(data, status, kept)

    app.config["PROPAGATE_EXCEPTIONS"] = True  # what the handler lets through is for the server
    app.url_map.merge_slashes = False  # else //v1/models is redirected, to a host of the client's choice
    app.register_error_handler(Exception, on_error)

    def add(path: str, name: str, view: Callable[..., Response], method: str) -> None:
        app.add_url_rule(path, name, view, methods=[method], provide_automatic_options=False)

    for path in dialect.chat_paths:
        add(path, f"chat {path}", lambda: _response(gateway.chat(incoming())), "POST")
    for path in dialect.embeddings_paths:
        add(path, f"embeddings {path}", lambda: _response(gateway.embeddings(incoming())), "POST")
    for path in dialect.models_paths:
        add(path, f"models {path}", lambda: _json(gateway.models(incoming())), "GET")
        add(
            f"{path}/<path:model_id>",
            f"model {path}",
            lambda model_id: _json(gateway.model(incoming(), model_id)),
            "GET",
        )
    add("/healthz", "healthz", lambda: _json({"status": "ok", "version": __version__}), "GET")
    add("/readyz", "readyz", lambda: _readiness(assembly), "GET")
    return app


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers, direct_passthrough=True)


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value).encode("ascii"), status, content_type="application/json")


def _readiness(assembly: Assembly) -> Response:
    """Whether a call could be served and recorded; asks the database and the plugins, never an upstream."""
    problems = assembly.problems()
    return _json({"status": "unavailable" if problems else "ready", "problems": problems}, 503 if problems else 200)


def _length(environ: dict[str, Any]) -> int | None:
    """``Content-Length``; None for a chunked body, 0 for none."""
    text = environ.get("CONTENT_LENGTH") or ""
    if not text:
        return None if environ.get("wsgi.input_terminated") or "HTTP_TRANSFER_ENCODING" in environ else 0
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("The Content-Length header is not a whole number.")
    return int(text)


def _paths_hint(path: str) -> str:
    """What a path may have been meant to be: the base URL without its /v1, or with it twice, is a common slip."""
    paths = sorted({rule.rule for rule in current_app.url_map.iter_rules() if "<" not in rule.rule})
    near = difflib.get_close_matches(path, paths, n=1, cutoff=0.75)
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(paths)}."


def _translate(raised: Exception) -> RouterError:
    """Any exception as one of ours; what is not ours shows the client nothing of itself."""
    if isinstance(raised, StoreError):  # its message names the database's place: that is for the log
        message = "The database does not answer; calls are refused until it does."
        return StoreError(message, headers={"Retry-After": "5"})
    if isinstance(raised, RouterError):
        return raised
    if isinstance(raised, HTTPException):
        where = f"{request.method} {request.path[:120]}"
        if raised.code == 404:
            return NotFound(f"There is nothing at {where}. {_paths_hint(request.path[:120])}")
        if raised.code == 405:
            allowed = ", ".join(sorted(getattr(raised, "valid_methods", None) or ()))
            headers = {"Allow": allowed} if allowed else {}
            return MethodNotAllowed(
                f"{where} is not possible; the method here is {allowed or 'another'}.", headers=headers
            )
        if raised.code == 413:
            return TooLarge("The request body is larger than this gateway takes.")
        if raised.code is not None and 400 <= raised.code < 500:
            return BadRequest("The request is malformed: its Host header is not the name of a host.")
    return RouterError("The gateway failed on this request; its log says why, under the request ID.")
