"""Vercel's AI SDK by its default surfaces, with and without what it keeps on the server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from programs_wire import Desk, arguments

pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]


@pytest.mark.parametrize(("vendor", "store"), [("openai", "default"), ("openai", "false"), ("anthropic", "default")])
def test_a_loop_of_two_turns_with_a_tool(desk: Desk, programs: Path, vendor: str, store: str) -> None:
    def wants(names: Sequence[str]) -> tuple[str, str]:
        assert names == ["weather"]
        return "weather", arguments(city="Oslo")

    desk.model_that(wants, "It is cold in Oslo.")
    script = programs.parents[1] / "aisdk.mjs"
    shutil.copy(Path(__file__).parent / "aisdk.mjs", script)
    done = desk.run(["node", str(script), desk.gateway.base_url, desk.gateway.api_key, "acme/m", vendor, store], {})
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["plain"] == told["streamed"] == "It is cold in Oslo."
    assert (told["steps"], told["calls"]) == (2, [["weather", {"city": "Oslo"}]])
    assert told["usage"] == told["streamedUsage"] == 2_000
    assert told["finish"] == "stop"
    surface = "responses" if vendor == "openai" else "messages"
    assert [row["route"] for row in desk.rows()] == [surface] * 4
