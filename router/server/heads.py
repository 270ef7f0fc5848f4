"""Heads of responses to calls, put together from parts that are made once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache

from router.server.responder import OWN_FIELDS, http_date, status_line

__all__ = ["stream_head", "whole_head"]

_CLOSE, _KEEP = b"Connection: close\r\n", b"Connection: keep-alive\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"


def whole_head(
    status: int, headers: Mapping[str, str], request_id: str, length: int, *, keep: bool, version: str = "1.1"
) -> bytes:
    """The head of a response whose body is here.

    Args:
        length: of the body, bytes.
        keep: whether the client may use the connection again.
        version: of the request.

    Raises:
        ValueError: a header holds a line break or NUL.
    """
    connection = _CLOSE if not keep else b"" if version == "1.1" else _KEEP
    fields = _fields(headers, request_id)
    return b"%b%bContent-Length: %d\r\n%b\r\n" % (_start(status, int(time.time())), fields, length, connection)


def stream_head(headers: Mapping[str, str], request_id: str, *, keep: bool, version: str = "1.1") -> bytes:
    """The head of a 200 whose body is to follow piece by piece. Arguments as for ``whole_head``."""
    chunked, connection = _CHUNKED if version == "1.1" else b"", b"" if keep else _CLOSE
    return b"%b%b%b%b\r\n" % (_start(200, int(time.time())), _fields(headers, request_id), chunked, connection)


def _fields(headers: Mapping[str, str], request_id: str) -> bytes:
    lines = [f"{name}: {value}" for name, value in headers.items() if name.lower() not in OWN_FIELDS]
    lines.append(f"x-request-id: {request_id}\r\n")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
        raise ValueError("a response header holds a line break or NUL")
    return text.encode("latin-1")


@lru_cache(maxsize=16)
def _start(status: int, second: int) -> bytes:
    return f"HTTP/1.1 {status_line(status)}\r\nDate: {http_date(second)}\r\n".encode("ascii")
