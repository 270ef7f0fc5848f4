"""Foreign exceptions, and what they mean: one table, applied by one context manager.

The manager surrounds sending and every step of reading a body, so that a failure in mid-stream is translated too.
"""

from __future__ import annotations

import socket
import ssl
import zlib
from collections.abc import Mapping
from types import TracebackType

import brotli
from httptools.parser import errors as httptools_errors

from router.errors import UpstreamError

__all__ = ["AnswerTooLong", "Malformed", "kind_of", "table", "translated", "translating"]


class AnswerTooLong(UpstreamError):
    """The answer is longer than is read of one: what was asked for is too much, and says nothing of the endpoint.

    Args:
        what: of what, with its host where that is known.
        limit_bytes: the most that is read.

    Attributes:
        limit_bytes: what came of it, at least.
    """

    def __init__(self, what: str, limit_bytes: int) -> None:
        message = f"{what} is longer than {limit_bytes:,} bytes, which is the most that is passed on: ask for less."
        super().__init__("bad_request", message, code="answer_too_long", upstream_status=200)
        self.limit_bytes = limit_bytes


class Malformed(Exception):
    """The upstream's bytes are not a response that we accept; the text says what is wrong with them."""


_TIMEOUT = (TimeoutError,)
_CONNECTION = (
    OSError,
    socket.gaierror,
    socket.herror,
    ssl.SSLCertVerificationError,
    ssl.SSLEOFError,
    ssl.SSLError,
    ssl.SSLSyscallError,
    ssl.SSLWantReadError,
    ssl.SSLWantWriteError,
    ssl.SSLZeroReturnError,
)
_MALFORMED = (
    Malformed,
    zlib.error,
    brotli.error,
    httptools_errors.HttpParserCallbackError,
    httptools_errors.HttpParserError,
    httptools_errors.HttpParserInvalidMethodError,
    httptools_errors.HttpParserInvalidStatusError,
    httptools_errors.HttpParserInvalidURLError,
    httptools_errors.HttpParserUpgrade,
)

_table: dict[type[BaseException], str] = {
    **dict.fromkeys(_CONNECTION, "connection"),
    **dict.fromkeys(_MALFORMED, "malformed"),
    **dict.fromkeys(_TIMEOUT, "timeout"),
}


def table() -> Mapping[type[BaseException], str]:
    """Exception class -> kind of ``UpstreamError``. The entry nearest in the raised class's MRO holds."""
    return _table


def kind_of(error: BaseException) -> str | None:
    """The kind that ``error`` means; None where it is not for this table (a bug of ours, a killed greenlet)."""
    for base in type(error).__mro__:
        kind = _table.get(base)
        if kind is not None:
            return kind
    return None


class translating:
    """Raise a foreign exception as an ``UpstreamError`` that names ``host``; let all others pass.

    A class with two methods, since ``contextlib`` costs more than the rest of a small read.
    """

    __slots__ = ("_host",)

    def __init__(self, host: str) -> None:
        self._host = host

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, cls: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, UpstreamError):
            return
        found = translated(error, self._host)
        if found is not None:
            raise found from error


def translated(error: BaseException, host: str) -> UpstreamError | None:
    """A foreign exception as an ``UpstreamError`` that names ``host``; None where it is not for the table."""
    kind = kind_of(error)
    return None if kind is None else UpstreamError(kind, f"upstream {host}: {_describe(error)}")


def _describe(error: BaseException) -> str:
    """What happened, without any text that the upstream or the request could have put there."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its TLS certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failure: {getattr(error, 'reason', None) or type(error).__name__}"
    if isinstance(error, socket.gaierror):
        return f"its name cannot be looked up: {error.strerror}"
    if isinstance(error, OSError) and error.strerror:
        return f"connection failed: {error.strerror}"
    if type(error) in (Malformed, TimeoutError, ConnectionError):
        return str(error)
    if isinstance(error, httptools_errors.HttpParserError):
        return f"its answer is not valid HTTP: {error}"
    if isinstance(error, zlib.error | brotli.error):
        return "its compressed answer cannot be decoded"
    return type(error).__name__
