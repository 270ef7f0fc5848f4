"""A ``Request`` as bytes: where it goes, and its head."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from router.types.transport import Request

__all__ = ["Origin", "RequestTarget", "encode_head", "header_items", "parse_target"]

_PORTS = {"http": 80, "https": 443}
_OURS = frozenset({"accept-encoding", "connection", "content-length", "host", "transfer-encoding"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSAFE = re.compile(r"[\0\r\n]")
_METHOD = re.compile(r"[A-Z]+")
_SAFE_IN_TARGET = "!#$%&'()*+,/:;=?@[]~"


class Origin(NamedTuple):
    """What connections are pooled by. ``host`` has no brackets and is ASCII."""

    scheme: str
    host: str
    port: int


class RequestTarget(NamedTuple):
    """A URL, taken apart: ``authority`` is the ``Host`` header, ``path`` holds the query as well."""

    origin: Origin
    authority: str
    path: str


@lru_cache(maxsize=1024)
def parse_target(url: str) -> RequestTarget:
    """Take a URL apart.

    Raises:
        ValueError: not an absolute http or https URL, or one with credentials in it.
    """
    parts = urlsplit(url)
    default_port = _PORTS.get(parts.scheme)
    if default_port is None or not parts.hostname:
        raise ValueError("an upstream URL must be absolute and begin with http:// or https://")
    if parts.username is not None:
        raise ValueError(f"the URL of {parts.hostname} must not hold credentials: put them in a header")
    try:
        host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode("ascii")
        port = parts.port or default_port
    except ValueError as error:
        raise ValueError("an upstream URL has a host or port that is not valid") from error
    authority = f"[{host}]" if ":" in host else host
    if port != default_port:
        authority = f"{authority}:{port}"
    path = quote(parts.path or "/", safe=_SAFE_IN_TARGET)
    if parts.query:
        path = f"{path}?{quote(parts.query, safe=_SAFE_IN_TARGET)}"
    return RequestTarget(Origin(parts.scheme, host, port), authority, path)


@lru_cache(maxsize=1024)
def _is_callers(name: str) -> bool:
    """Whether a header of this name is sent as given; False for those that the transport sets.

    Raises:
        ValueError: not a header name.
    """
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is not a header name")
    return name.lower() not in _OURS


def header_items(request: Request) -> list[tuple[str, str]]:
    """The request's own headers, checked.

    Raises:
        ValueError: a name or value that cannot be sent; the message holds the name, never the value.
    """
    items = [(name, value) for name, value in request.headers.items() if _is_callers(name)]
    for name, value in items:
        if _UNSAFE.search(value):
            raise ValueError(f"the value of request header {name!r} holds a line break or a NUL")
        if not value.isascii() and max(value) > "\xff":
            raise ValueError(f"the value of request header {name!r} holds characters outside Latin-1")
    return items


def encode_head(request: Request, target: RequestTarget) -> bytes:
    """Request line and headers, the blank line included.

    Raises:
        ValueError: a method, header name or value that cannot be sent.
    """
    method, body = request.method, request.body
    if not _METHOD.fullmatch(method) or method in ("HEAD", "CONNECT"):
        raise ValueError(f"method {method!r} is not supported")
    lines = [f"{method} {target.path} HTTP/1.1\r\nHost: {target.authority}\r\nAccept-Encoding: identity\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in header_items(request)]
    if body is not None or method != "GET":
        lines.append(f"Content-Length: {len(body or b'')}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1")
