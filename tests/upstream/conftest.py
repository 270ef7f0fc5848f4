"""The transport under test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from upstream_client import Client, make_transport


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client(make_transport())
    yield client
    client.transport.close()


@pytest.fixture
def narrow() -> Iterator[Client]:
    """A client with a single connection."""
    client = Client(make_transport(max_connections=1))
    yield client
    client.transport.close()
