"""One gateway for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from faces_room import EMBEDDER, MODEL, Room, sections

from router.testing import Gateway, ScriptedUpstream


@pytest.fixture(scope="session")
def running_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("faces")
    prices = {MODEL: {"input": "3", "output": "5"}, EMBEDDER: {"input": "1", "output": "0"}}
    config = {"prices": prices, "gateway": {"heartbeat_s": 0.1}}
    with (
        ScriptedUpstream() as upstream,
        Gateway(folder, providers=sections(upstream), config=config) as gateway,
    ):
        yield Room(gateway, upstream)


@pytest.fixture
def room(running_room: Room) -> Room:
    running_room.upstream.reset()
    return running_room
