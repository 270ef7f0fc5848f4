"""Claude Code, by its base URL and a key alone: it runs a tool, and answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from programs_wire import Desk, arguments

pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]


def test_claude_runs_a_tool_and_answers(desk: Desk, claude: Path) -> None:
    def wants(names: Sequence[str]) -> tuple[str, str]:
        assert "Bash" in names
        return "Bash", arguments(command="echo made > made.txt", description="Make a file")

    desk.model_that(wants, "I made it.")
    env = {
        "ANTHROPIC_BASE_URL": desk.gateway.url,
        "ANTHROPIC_AUTH_TOKEN": desk.gateway.api_key,
        "ANTHROPIC_MODEL": "claude-test",
        "ANTHROPIC_SMALL_FAST_MODEL": "claude-test",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    command = [str(claude), "-p", "Make a file", "--allowedTools", "Bash", "--output-format", "json"]
    done = desk.run(command, env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["result"] == "I made it."
    assert (desk.folder / "made.txt").read_text() == "made\n"
    rows = [row for row in desk.rows() if row["route"] == "messages"]
    assert len(rows) >= 2 and all((row["prompt_tokens"], row["completion_tokens"]) == (1_000, 50) for row in rows)
    system = json.dumps(desk.upstream.requests[-1].json()["messages"][0])
    assert "x-anthropic-billing-header" not in system, "it changes with every call, and no cache of a prefix would hit"
