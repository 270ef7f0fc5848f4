"""Status line and header fields of a call's answer, as bytes; ``x-request-id`` is added here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache

from router.http1.responder import OWN_FIELDS, http_date, status_line

__all__ = ["answer_head"]

_CLOSE, _KEEP = b"Connection: close\r\n", b"Connection: keep-alive\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"


def answer_head(
    status: int, headers: Mapping[str, str], request_id: str, length: int | None, *, keep: bool, version: str = "1.1"
) -> bytes:
    """The head of a response.

    Args:
        length: of the body, bytes; None where it is to follow piece by piece.
        keep: whether the client may use the connection again.
        version: of the request.

    Raises:
        ValueError: a header holds a line break or NUL.
    """
    lines = [f"{name}: {value}" for name, value in headers.items() if name.lower() not in OWN_FIELDS]
    lines.append(f"x-request-id: {request_id}\r\n")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
        raise ValueError("a response header holds a line break or NUL")
    connection = _CLOSE if not keep else b"" if version == "1.1" else _KEEP
    chunked = _CHUNKED if version == "1.1" else b""
    framing = chunked if length is None else b"Content-Length: %d\r\n" % length
    return b"%b%b%b%b\r\n" % (_start(status, int(time.time())), text.encode("latin-1"), framing, connection)


@lru_cache(maxsize=16)
def _start(status: int, second: int) -> bytes:
    return f"HTTP/1.1 {status_line(status)}\r\nDate: {http_date(second)}\r\n".encode("ascii")
