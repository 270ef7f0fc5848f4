"""Servers that the tests of one file share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from server_wire import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the usual limits."""
    with serving(tmp_path_factory.mktemp("server") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that is short of patience and of space."""
    with serving(
        tmp_path_factory.mktemp("strict") / "log",
        header_timeout_s=0.4,
        body_timeout_s=0.4,
        body_total_s=1.0,
        keep_alive_s=0.4,
        send_timeout_s=0.5,
        max_header_bytes=4096,
        max_headers=20,
        max_target_bytes=1000,
    ) as running:
        yield running
