"""One gateway for all tests of a process: paid calls, and every provider played by one upstream."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from messages_wire import TRANSLATED, Room, sections

from router.testing import Gateway, ScriptedUpstream
from router.testing.upstream.wires.anthropic import ANTHROPIC


@pytest.fixture(scope="session")
def running_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("messages")
    more = {name: {"kind": "anthropic"} for name in ("cut", "spare1", "spare6", "late", "poor", "busy")}
    more["first"] = {"kind": "anthropic", "fallback": ["openai/gpt-4o"]}
    options = {"config": {"gateway": {"heartbeat_s": 0.1}}}
    with (
        ScriptedUpstream() as upstream,
        Gateway(folder, providers=sections(upstream, **more), **options) as gateway,
    ):
        room = Room(gateway, upstream)
        for name in more:
            gateway.router("models", "price", f"{name}/{ANTHROPIC.model}", "--input", "2", "--output", "10")
        for plugin in TRANSLATED:
            gateway.router("models", "price", room.model_of(plugin), "--input", "1", "--output", "2")
        yield room


@pytest.fixture
def room(running_room: Room) -> Room:
    running_room.upstream.reset()
    return running_room
