"""A transport to test, and shorthand for calls through it."""

from __future__ import annotations

from typing import Any

import pytest
from raw_upstream import client_ssl_context

from router.errors import UpstreamError
from router.http_client.pool import PoolTransport
from router.types.records import Timeouts
from router.types.transport import Request, Response

__all__ = ["QUICK", "Client", "make_transport"]

QUICK = Timeouts(connect=5, first_byte=5, idle=5, whole=10)


class Client:
    """A transport, and shorthand for calls through it."""

    def __init__(self, transport: PoolTransport) -> None:
        self.transport = transport

    def send(self, url: str, body: bytes | None = b"{}", *, timeouts: Timeouts = QUICK, **headers: str) -> Response:
        method = "GET" if body is None else "POST"
        return self.transport.send(Request(method, url, headers, body, timeouts))

    def fetch(self, url: str, body: bytes | None = b"{}", *, timeouts: Timeouts = QUICK) -> bytes:
        """Send and read all; the response is closed whatever happens."""
        response = self.send(url, body, timeouts=timeouts)
        try:
            return response.read(1 << 30)
        finally:
            response.close()

    def failure(self, url: str, body: bytes | None = b"{}", *, timeouts: Timeouts = QUICK) -> UpstreamError:
        """The error of a call that must fail, in its head or in its body."""
        with pytest.raises(UpstreamError) as caught:
            self.fetch(url, body, timeouts=timeouts)
        return caught.value


def make_transport(**options: Any) -> PoolTransport:
    return PoolTransport(ssl_context=client_ssl_context(), **options)
