"""Web pages of other origins (CORS): which may read what the gateway answers, and what browsers ask before.

A browser sends ``Origin`` with what a page asks for, and shows the page an answer only where that allows it. It asks by
an ``OPTIONS`` before a request that no form could have sent, such as one with a key: that preflight has no key itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from router.config.origins import EVERYBODY

__all__ = ["CrossOrigin", "Marks", "is_preflight"]

Marks = dict[str, str]
"""Header fields that an answer has besides its own."""

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_FIELDS = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")
_FIELDS_MAX = 4096
_USUAL_FIELDS = "authorization, x-api-key, api-key, content-type, idempotency-key"
_MAX_AGE_S = 7200
"""How long a browser may remember a preflight's answer; none remembers it for longer than it likes to."""
_ALWAYS_READABLE = frozenset(
    {"cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma"}
)
"""Headers that a page may read in any case."""
_OF_NO_USE = frozenset({"connection", "date", "keep-alive", "transfer-encoding", "vary"})


class CrossOrigin:
    """Tells which headers let a web page read an answer. One per application.

    Args:
        origins: as ``[server] cors_origins`` has them.
        credentials: whether pages may send cookies and what else their browser adds; never together with ``*``.
        open_paths: paths whose answers all pages may read.
    """

    def __init__(self, origins: Iterable[str], *, credentials: bool = False, open_paths: Iterable[str] = ()) -> None:
        self._origins = frozenset(origin.lower() for origin in origins)
        self._all = EVERYBODY in self._origins
        self._credentials = credentials and not self._all
        self._open_paths = frozenset(open_paths)

    def allows(self, origin: str, path: str) -> bool:
        """Whether pages of ``origin`` may read what is answered at ``path``."""
        return self._all or path in self._open_paths or origin.lower() in self._origins

    def marks(self, origin: str, path: str, names: Iterable[str]) -> Marks:
        """What an answer has besides.

        Args:
            origin: the request's header; empty where it has none.
            path: the request's; empty where it could not be read.
            names: of all other headers of the answer: a page may read each of them.
        """
        if self._all or path in self._open_paths:
            allowed = {"Access-Control-Allow-Origin": EVERYBODY} if origin else {}
        elif not self._origins:
            return {}
        else:
            allowed = {"Vary": "Origin"}  # without an origin, too: what is kept of it must not answer a page
            if origin.lower() in self._origins:
                allowed["Access-Control-Allow-Origin"] = origin
                if self._credentials:
                    allowed["Access-Control-Allow-Credentials"] = "true"
        shown = [name for name in names if name.lower() not in _ALWAYS_READABLE | _OF_NO_USE]
        if shown and "Access-Control-Allow-Origin" in allowed:
            allowed["Access-Control-Expose-Headers"] = ", ".join(shown)
        return allowed

    def preflight(self, environ: Mapping[str, Any]) -> Marks | None:
        """The headers of a 204 to a preflight; None where the request is none, or its origin is not let in."""
        origin, path = environ.get("HTTP_ORIGIN", ""), environ["PATH_INFO"]
        if not is_preflight(environ) or not self.allows(origin, path):
            return None
        asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        known = len(asked) <= _FIELDS_MAX and _FIELDS.fullmatch(asked) is not None
        marks = self.marks(origin, path, ())
        varies = [*marks.get("Vary", "").split(), "Access-Control-Request-Headers"]
        return {
            **marks,
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": asked if known else _USUAL_FIELDS,
            "Access-Control-Max-Age": str(_MAX_AGE_S),
            "Vary": ", ".join(varies),
        }


def is_preflight(environ: Mapping[str, Any]) -> bool:
    """Whether a browser asks what a page may send."""
    return (
        environ["REQUEST_METHOD"] == "OPTIONS"
        and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        and bool(environ.get("HTTP_ORIGIN"))
    )
