"""The WSGI environment: what is the same for a connection, and what a request line and its fields add."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from router.errors import BadRequest

__all__ = ["Environ", "cgi_key", "connection_environ", "put_field", "put_target"]

Environ = dict[str, Any]

_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]+)(.*)")


def connection_environ(client: tuple[str, int], server: tuple[str, int], scheme: str = "http") -> Environ:
    """The keys that all requests of a connection share.

    Args:
        client: address and port of the other side.
        server: address and port that it connected to.
        scheme: what it speaks there: ``http`` or ``https``.
    """
    return {
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SCRIPT_NAME": "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }


@lru_cache(maxsize=1024)
def cgi_key(name: bytes) -> str:
    """``HTTP_X_API_KEY`` for ``X-Api-Key``; empty for a name with an underscore, which could pose as another."""
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else "HTTP_" + key


def put_field(environ: Environ, name: bytes, value: bytes) -> None:
    """Add one header field; repeated ones are joined by a comma, ``Cookie`` by a semicolon.

    Raises:
        BadRequest: a second ``Host``.
    """
    key = cgi_key(name)
    if not key:
        return
    text = value.strip(b" \t").decode("latin-1")
    if key in environ:
        if key == "HTTP_HOST":
            raise BadRequest("The request has more than one Host header. Send exactly one.")
        text = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{text}"
    environ[key] = text


def put_target(environ: Environ, method: str, target: bytes) -> None:
    """Add ``PATH_INFO``, ``QUERY_STRING`` and ``RAW_URI``; an absolute target also sets ``HTTP_HOST``.

    Raises:
        BadRequest: a target that is neither a path, nor an absolute URL, nor ``*`` with OPTIONS.
    """
    environ["RAW_URI"] = target.decode("latin-1")
    if not target.startswith(b"/"):
        target = _path_of(environ, method, target)
    path, _, query = target.partition(b"#")[0].partition(b"?")
    environ["PATH_INFO"] = (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")
    environ["QUERY_STRING"] = query.decode("latin-1")


def _path_of(environ: Environ, method: str, target: bytes) -> bytes:
    if target == b"*" and method == "OPTIONS":
        return target
    parts = _ABSOLUTE.fullmatch(target)
    if parts is None:
        raise BadRequest("The request's target is not a path. Send it as GET /path HTTP/1.1.")
    host, path = parts.groups()
    environ["HTTP_HOST"] = host.rpartition(b"@")[2].decode("latin-1")
    return path if path.startswith(b"/") else b"/" + path
