"""Whatever is raised while a request is served, as the one error body of the dialect and a line in the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.routing import RequestRedirect, WebsocketMismatch

from router.calls.call_log import refusal_line
from router.errors import (
    BadRequest,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    RouterError,
    StoreError,
    TooLarge,
    UpgradeRequired,
)
from router.http.directions import Directions
from router.surfaces.surface import Surface
from router.types.dialect import Dialect
from router.types.peer import NOBODY, Peer

__all__ = ["WEBSOCKET", "Failures", "Rendered"]

WEBSOCKET = "WebSocket "
"""What stands before the place of a request that asks for one."""

_log = logging.getLogger("router.http")
_STATUSES = frozenset(map(int, HTTPStatus))
_KEPT = frozenset({"accept", "accept-encoding", "allow", "location", "retry-after", "www-authenticate"})
"""Headers of an error of Flask's that tell its client what to do."""

Rendered = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers and body."""


class Failures:
    """Renders failures.

    Args:
        log: takes the line of a request that never became a call.
        directions: for the hint of a 404.
        refused: told of such a request besides, as ``Recorder.refused`` is; None where nobody watches.
        surfaces: whose paths have errors of their shape.
    """

    def __init__(
        self,
        dialect: Dialect,
        log: Callable[[bytes], None],
        directions: Directions,
        refused: Callable[..., None] | None = None,
        surfaces: Iterable[Surface] = (),
    ) -> None:
        self._dialect = dialect
        self._surfaces = {path: one for one in surfaces for path in one.paths(dialect)}
        self._surfaces |= {route.path: one for one in surfaces for route in one.routes() if not route.header}
        self._below = [(prefix, one) for one in surfaces for prefix in one.prefixes]
        self._log_line = log
        self._directions = directions
        self._refused = refused

    def render(self, error: RouterError, path: str = "", request_id: str = "") -> Rendered:
        """An error in the shape of the path's surface; elsewhere in the dialect's."""
        headers = [("Content-Type", "application/json"), *error.headers.items()]
        dialect, surface = self._dialect, self._surface_at(path)
        if surface is None:
            return dialect.error_status(error), headers, json.dumps(dialect.error_body(error)).encode("ascii")
        body = json.dumps(surface.error_body(dialect, error, request_id)).encode("ascii")
        if surface.id_header and request_id:
            headers.append((surface.id_header, request_id))
        return surface.error_status(dialect, error), headers, body

    def _surface_at(self, path: str) -> Surface | None:
        found = self._surfaces.get(path)
        if found is None and self._below:
            found = next((one for prefix, one in self._below if path == prefix or path.startswith(f"{prefix}/")), None)
        return found

    def answer(
        self,
        raised: Exception,
        request_id: str,
        route: str,
        *,
        peer: Peer = NOBODY,
        client_request_id: str = "",
        where: str = "",
        path: str = "",
    ) -> Rendered:
        """What the client is told of ``raised``; what is not ours shows nothing of itself.

        Args:
            route: the route's pattern, for the log.
            peer: whose request it is.
            client_request_id: its own ID of the request.
            where: method and path, ``GET /v1/models``.
            path: of the request, whose surface gives the shape; the route where omitted.
        """
        error = self._translate(raised, request_id, route, where, peer)
        if error.status >= 500 and not isinstance(raised, RouterError):
            _log.error("request %s failed", request_id, exc_info=raised)
        rendered = self.render(error, route if route in self._surfaces else path or route, request_id)
        if not error.recorded:
            own_id = client_request_id
            line = refusal_line(error, request_id, route, rendered[0], peer=peer, client_request_id=own_id)
            self._log_line(line)
            if self._refused is not None:
                self._refused(error, request_id, route, rendered[0], peer=peer, client_request_id=own_id)
        return rendered

    def _translate(self, raised: Exception, request_id: str, route: str, where: str, peer: Peer) -> RouterError:
        if isinstance(raised, StoreError):
            _log.warning("request %s was refused: %s", request_id, raised.in_full)
            told = raised.for_clients()
            told.detail, told.about = raised.in_full, raised.about
            return told
        if isinstance(raised, RouterError):
            return raised
        if isinstance(raised, HTTPException):
            return self._of_flask(raised, route, where, peer)
        return RouterError("The gateway failed on this request; its log says why, under the request ID.")

    def _of_flask(self, raised: HTTPException, route: str, where: str, peer: Peer) -> RouterError:
        if raised.code == 404:
            message = self._directions.not_found(where, peer)
            return NotFound(message, detail="there is nothing at the path of the request")
        if isinstance(raised, WebsocketMismatch) or where.startswith(WEBSOCKET):
            message = f"There is no WebSocket at {where.removeprefix(WEBSOCKET)}: send plain HTTP requests."
            return UpgradeRequired(message)
        if raised.code == 405:
            allowed = ", ".join(sorted(getattr(raised, "valid_methods", None) or ()))
            message = self._directions.wrong_method(where, allowed, peer)
            detail = f"the method here is {allowed or 'another'}"
            return MethodNotAllowed(message, headers={"Allow": allowed} if allowed else {}, detail=detail)
        if raised.code == 413:
            return TooLarge("The request body is larger than this gateway takes.")
        if isinstance(raised, SecurityError) or (raised.code == 400 and not route):  # before any rule matched
            return BadRequest("The request is malformed: its Host header is not the name of a host.")
        return _of_status(raised)


def _of_status(raised: HTTPException) -> RouterError:
    """An error of Flask's that has no words of ours: its status, and the headers that belong to it."""
    response = raised.get_response()
    status = response.status_code
    if not 300 <= status < 600:
        return RouterError("The gateway failed on this request; its log says why, under the request ID.")
    kept = {name: value for name, value in response.headers.items() if name.lower() in _KEPT}
    if isinstance(raised, RequestRedirect):  # within this gateway, whatever host the client named
        kept["Location"] = urlsplit(raised.new_url)._replace(scheme="", netloc="").geturl()
    phrase = HTTPStatus(status).phrase if status in _STATUSES else "An error"
    message = f"{phrase}: the request cannot be served in this form."
    if status >= 500:
        error = RouterError(f"{phrase}: the gateway cannot serve this request now.", headers=kept)
    elif status == 429:
        error = RateLimited(f"{phrase}: send this request again later.", headers=kept)
    else:
        error = BadRequest(message, headers=kept, code=phrase.lower().replace(" ", "_"))
    error.status = status
    return error
