"""Both transports, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from upstream_client import Client, make_transport


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
