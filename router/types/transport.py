"""The transport contract: how a provider plugin reaches its upstream.

One method; ``router.http_client.pool`` implements it, directly or through HTTP proxies (``router.http_client.proxy``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from router.config.provider import Timeouts
from router.errors import UpstreamError

__all__ = ["RESEND_S", "Request", "Resent", "Response", "ResponseHead", "Sending", "Transport"]

RESEND_S = 1.0
"""Seconds in which the end of a connection that was idle means that it had been closed before the request came."""

Resent = Callable[[UpstreamError], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to an upstream.

    Attributes:
        method: ``GET`` or ``POST``.
        url: absolute, ``http`` or ``https``.
        headers: sent as given; ``Host``, ``Content-Length``, ``Accept-Encoding``, ``Connection`` are the transport's.
        body: the bytes to send; None for no body.
        timeouts: limits for this request; None in a field means no limit of that kind.
        sent: called once the whole request is on its way: from then on the upstream may be at work on it.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeouts: Timeouts = field(default=Timeouts())
    sent: Callable[[], None] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The head of an upstream's answer.

    Attributes:
        status: HTTP status.
        headers: lower-case names.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Sending(Protocol):
    """Whoever wants to know how the sending of a request goes.

    Attributes:
        taken_on: set once the whole request is on its way: from then on the upstream may be at work on it.
    """

    taken_on: bool

    def resent(self, failure: UpstreamError) -> None:
        """The request is sent a second time, after this failure."""


class Response(Protocol):
    """An upstream's answer: its head is there, its body may still be on the way.

    Every error while reading is an ``UpstreamError`` of kind ``connection``, ``timeout`` or ``malformed``.
    """

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Lower-case names; repeated headers are joined by ``", "``."""
        ...

    def next(self) -> bytes:
        """The next piece of the decoded body, as one read of the socket gave it; empty at the end of the body."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """The decoded body as it arrives: one non-empty piece per read of the socket. Ends at the end of the body."""
        ...

    def read(self, limit_bytes: int) -> bytes:
        """The whole decoded body.

        Raises:
            AnswerTooLong: it is longer than ``limit_bytes``.
        """
        ...

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else close it. Harmless when called again."""
        ...


class Transport(Protocol):
    """Sends requests. Safe to call from many greenlets (or threads) at once."""

    def send(self, request: Request, *, resent: Resent | None = None) -> Response:
        """Send, and wait for the response's head.

        Redirects are handed back, never followed. A pooled connection that turns out to be dead before any byte of
        the response is replaced once by a new one: a ``GET`` always, a ``POST`` only when it could not be written, or
        when the end came within ``RESEND_S`` of it. After a longer silence the upstream may be at work on it. An
        exception of any class that passes through (a killed greenlet's among them) leaves no socket behind.

        Args:
            resent: hears of the failure before the request is sent a second time.

        Raises:
            UpstreamError: of kind ``connection``, ``timeout`` or ``malformed``; its message names the host, and
                never a header, a body or a query string.
        """
        ...

    def close(self) -> None:
        """Close every idle connection."""
        ...
