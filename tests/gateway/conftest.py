"""Two lines for all tests of a process: one with the usual limits, one whose limits are short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from line_wire import Line, sections

from router.testing import Gateway, ScriptedUpstream

HASTY: dict[str, Any] = {
    "gateway": {
        "commit_after_s": 0.3,
        "heartbeat_s": 0.1,
        "drain_s": 1.0,
        "client_stall_s": 0.6,
        "stream_buffer_bytes": 65536,
    },
    "server": {"send_timeout_s": 1.0},
}


@pytest.fixture(scope="session")
def usual_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("usual")
    with ScriptedUpstream() as upstream, Gateway(folder, providers=sections(upstream), billing=False) as gateway:
        yield Line(gateway, upstream)


@pytest.fixture(scope="session")
def hasty_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("hasty")
    options: dict[str, Any] = {"billing": False, "config": HASTY}
    with ScriptedUpstream() as upstream, Gateway(folder, providers=sections(upstream), **options) as gateway:
        yield Line(gateway, upstream)


@pytest.fixture
def line(usual_line: Line) -> Line:
    """With the limits that an operator gets who sets none."""
    usual_line.upstream.reset()
    return usual_line


@pytest.fixture
def hasty(hasty_line: Line) -> Line:
    """With ``HASTY`` limits."""
    hasty_line.upstream.reset()
    return hasty_line
