"""Frameworks of agents in Python, by their default surfaces."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from client_caches import BUILD, framework_python
from programs_wire import Desk, arguments

pytestmark = [pytest.mark.clients, pytest.mark.timeout(900)]

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def python() -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(BUILD, "build")
        yield framework_python(FOLDER / "requirements-agents.txt")


def run(desk: Desk, python: Path, framework: str) -> dict[str, Any]:
    command = [
        str(python),
        str(FOLDER / "frameworks.py"),
        framework,
        desk.gateway.base_url,
        desk.gateway.api_key,
        "acme/m",
    ]
    done = desk.run(command, {})
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def weather(names: Sequence[str]) -> tuple[str, str]:
    """A hand-off where one is offered, else the weather."""
    handoff = [name for name in names if name.startswith("transfer")]
    return (handoff[0], "{}") if handoff else ("weather", arguments(city="Oslo"))


def test_openai_agents_with_a_hand_off(desk: Desk, python: Path) -> None:
    desk.model_that(weather, "It is cold in Oslo.")
    assert run(desk, python, "openai_agents") == {"text": "It is cold in Oslo.", "agent": "Forecaster"}
    assert {row["route"] for row in desk.rows()} == {"responses"}


@pytest.mark.parametrize(
    ("framework", "surface"), [("pydantic_ai", "responses"), ("pydantic_ai_anthropic", "messages")]
)
def test_pydantic_ai(desk: Desk, python: Path, framework: str, surface: str) -> None:
    desk.model_that(weather, "It is cold in Oslo.")
    assert run(desk, python, framework) == {"text": "It is cold in Oslo.", "streamed": "It is cold in Oslo."}
    assert [row["route"] for row in desk.rows()] == [surface] * 4


def test_langchain_by_responses(desk: Desk, python: Path) -> None:
    desk.model_that(weather, "It is cold in Oslo.")
    found = run(desk, python, "langchain")
    assert found == {"text": "It is cold in Oslo.", "calls": [["weather", {"city": "Oslo"}]]}
    assert {row["route"] for row in desk.rows()} == {"responses"}
