"""Servers that the tests of one file share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from server_processes import Gateway
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


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    started: list[Gateway] = []

    def start(**options: Any) -> Gateway:
        gateway = Gateway(tmp_path, **options)
        started.append(gateway)
        if gateway.port:
            gateway.children()
        return gateway

    yield start
    for gateway in started:
        if gateway.process.poll() is None:
            with suppress(psutil.NoSuchProcess):
                gateway.children()
            gateway.process.kill()
            gateway.process.wait()
        for pid in gateway.workers_seen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
