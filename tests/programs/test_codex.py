"""Codex, by its base URL and a key alone: it edits a file through ``apply_patch``, a tool that is no function."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from programs_wire import Desk, arguments

pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]

PATCH = "*** Begin Patch\n*** Add File: hello.txt\n+Hello from the gateway\n*** End Patch\n"
CONFIG = """
model = "{model}"
model_provider = "gateway"

[model_providers.gateway]
name = "gateway"
base_url = "{base_url}"
env_key = "GATEWAY_KEY"
wire_api = "responses"
"""


def codex(desk: Desk, programs: Path, model: str) -> str:
    home = desk.folder / "home"
    home.mkdir()
    text = CONFIG.format(model=model, base_url=desk.gateway.base_url)
    home.joinpath("config.toml").write_text(text, encoding="utf-8")
    command = [str(programs / "codex"), "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
    env = {"CODEX_HOME": str(home), "GATEWAY_KEY": desk.gateway.api_key}
    done = desk.run([*command, "Create hello.txt"], env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_codex_edits_a_file_through_apply_patch(desk: Desk, programs: Path) -> None:
    def wants(names: Sequence[str]) -> tuple[str, str]:
        assert "apply_patch" in names
        return "apply_patch", arguments(input=PATCH)

    desk.model_that(wants, "The file is there.")
    assert "The file is there." in codex(desk, programs, "gpt-5.5")
    assert (desk.folder / "hello.txt").read_text() == "Hello from the gateway\n"
    rows = desk.rows()
    assert [row["route"] for row in rows] == ["responses", "responses"]
    assert all((row["prompt_tokens"], row["completion_tokens"]) == (1_000, 50) for row in rows)


def test_codex_runs_a_command_where_all_of_its_tools_come_in_namespaces(desk: Desk, programs: Path) -> None:
    def wants(names: Sequence[str]) -> tuple[str, str]:
        return next(name for name in names if name.endswith("exec")), arguments(input="text('ran it')")

    desk.model_that(wants, "It ran.")
    assert "It ran." in codex(desk, programs, "gpt-6.2-sol")
    assert len(desk.rows()) == 2
