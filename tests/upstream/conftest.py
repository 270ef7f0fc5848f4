"""Both transports, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from raw_upstream import client_ssl_context

from router.errors import UpstreamError
from router.settings import Timeouts
from router.upstream.pool import PoolTransport
from router.upstream.requests_transport import RequestsTransport
from router.upstream.transport import Request, Response, Transport

QUICK = Timeouts(connect=5, first_byte=5, idle=5, whole=10)


class Client:
    """A transport, and shorthand for calls through it."""

    def __init__(self, transport: Transport) -> None:
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


def make_transport(kind: str, **options: Any) -> Transport:
    make: Callable[..., Transport] = PoolTransport if kind == "pool" else RequestsTransport
    return make(ssl_context=client_ssl_context(), **options)


@pytest.fixture(params=["pool", "requests"])
def kind(request: pytest.FixtureRequest) -> str:
    """The transport under test."""
    return str(request.param)


@pytest.fixture
def client(kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("NO_PROXY", "*")
    client = Client(make_transport(kind))
    yield client
    client.transport.close()


@pytest.fixture
def narrow(kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client with a single connection."""
    monkeypatch.setenv("NO_PROXY", "*")
    client = Client(make_transport(kind, max_connections=1))
    yield client
    client.transport.close()


@pytest.fixture
def pooled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client on the default transport alone."""
    client = Client(make_transport("pool"))
    yield client
    client.transport.close()
