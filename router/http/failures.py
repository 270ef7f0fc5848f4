"""Whatever is raised while a request is served, as the one error body of the dialect and a line in the log."""

from __future__ import annotations

import difflib
import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.exceptions import HTTPException

from router.dialect import Dialect
from router.errors import BadRequest, MethodNotAllowed, NotFound, RouterError, StoreError, TooLarge
from router.gateway.record import refusal_line

__all__ = ["Failures", "Rendered"]

_log = logging.getLogger("router.http")
Rendered = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers and body."""


class Failures:
    """Renders failures.

    Args:
        log: takes the line of a request that never became a call.
        paths: what there is, for the hint of a 404.
    """

    def __init__(self, dialect: Dialect, log: Callable[[bytes], None], paths: Iterable[str]) -> None:
        self._dialect = dialect
        self._log_line = log
        self._paths = sorted(paths)

    def render(self, error: RouterError) -> Rendered:
        """An error in the dialect's shape."""
        headers = [("Content-Type", "application/json"), *error.headers.items()]
        return self._dialect.error_status(error), headers, json.dumps(self._dialect.error_body(error)).encode("ascii")

    def answer(self, raised: Exception, environ: dict[str, Any], route: str) -> Rendered:
        """What the client is told of ``raised``; what is not ours shows nothing of itself.

        Args:
            route: the route's pattern, for the log.
        """
        error = self._translate(raised, environ)
        request_id = environ["router.request_id"]
        if error.status >= 500 and not isinstance(raised, RouterError):
            _log.error("request %s failed", request_id, exc_info=raised)
        if not error.recorded:
            self._log_line(refusal_line(error, request_id, route))
        return self.render(error)

    def _translate(self, raised: Exception, environ: dict[str, Any]) -> RouterError:
        if isinstance(raised, StoreError):
            _log.warning("request %s was refused: %s", environ["router.request_id"], raised.message)
            return raised.for_clients()
        if isinstance(raised, RouterError):
            return raised
        if isinstance(raised, HTTPException):
            return self._of_flask(raised, environ)
        return RouterError("The gateway failed on this request; its log says why, under the request ID.")

    def _of_flask(self, raised: HTTPException, environ: dict[str, Any]) -> RouterError:
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")[:120]
        where = f"{environ['REQUEST_METHOD']} {path}"
        if raised.code == 404:
            return NotFound(f"There is nothing at {where}. {self._hint(path)}")
        if raised.code == 405:
            allowed = ", ".join(sorted(getattr(raised, "valid_methods", None) or ()))
            message = f"{where} is not possible; the method here is {allowed or 'another'}."
            return MethodNotAllowed(message, headers={"Allow": allowed} if allowed else {})
        if raised.code == 413:
            return TooLarge("The request body is larger than this gateway takes.")
        return BadRequest("The request is malformed: its Host header is not the name of a host.")

    def _hint(self, path: str) -> str:
        """What a path may have been meant to be: the base URL without its /v1, or with it twice, is a common slip."""
        near = difflib.get_close_matches(path, self._paths, n=1, cutoff=0.75)
        return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(self._paths)}."
