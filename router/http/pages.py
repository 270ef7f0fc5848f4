"""Pages for browsers that a worker serves beside calls: the portal's, where it has no workers of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["Pages"]

_HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Pages:
    """What serves browsers.

    Attributes:
        wsgi: serves them; errors of its paths are its own.
        prefixes: paths that are its own, with all below them.
        shared: paths that it has of the gateway's where a browser asks for a page.
        close: releases what it holds, before the gateway's parts are closed.
    """

    wsgi: WSGIApplication
    prefixes: tuple[str, ...]
    shared: frozenset[str]
    close: Callable[[], None]

    def take(self, environ: dict[str, Any]) -> bool:
        """Whether a request is for them."""
        path: str = environ["PATH_INFO"]
        if any(path == prefix or path.startswith(f"{prefix}/") for prefix in self.prefixes):
            return True
        return path in self.shared and environ["REQUEST_METHOD"] == "GET" and _HTML in environ.get("HTTP_ACCEPT", "")
