"""OpenAI's SDK for Node, against the scripted upstream itself and through the gateway.

Pinned to the last 6.x: 7.x wants Node 22, and Node 20 is still widely installed.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client_caches import node_folder
from sdk_target import Target

from router.testing import Answer, Stream, chunks, completion, stream, vector

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent

Play = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def sdk() -> Path:
    return node_folder(FOLDER)


@pytest.fixture
def play(sdk: Path, target: Target) -> Play:
    """Plays a scenario of ``client.mjs`` and returns what it printed."""

    def run(scenario: str, model: str = "gpt-4o") -> dict[str, Any]:
        command = ["node", str(FOLDER / "client.mjs"), target.base_url, target.api_key, scenario, target.prefix + model]
        done = subprocess.run(command, cwd=sdk, capture_output=True, text=True, timeout=40, check=False)
        assert done.returncode == 0, done.stderr
        printed: dict[str, Any] = json.loads(done.stdout)
        return printed

    return run


def test_chat(play: Play, target: Target) -> None:
    reply = play("chat")
    assert (reply["content"], reply["finish_reason"]) == ("Hello there", "stop")
    assert reply["model"] == f"{target.prefix}gpt-4o"
    assert (reply["usage"]["prompt_tokens"], reply["usage"]["completion_tokens"]) == (2, 2)


def test_stream(play: Play, target: Target) -> None:
    reply = play("stream")
    assert reply["pieces"] == [f"n1.{number} " for number in range(20)]
    assert reply["finish_reasons"] == ["stop"]
    assert reply["models"] == [f"{target.prefix}gpt-4o"]
    assert reply["usage"]["completion_tokens"] == 20


def test_interleaved_tool_calls(play: Play, target: Target) -> None:
    calls = [("weather", '{"city":"Oslo"}'), ("weather", '{"city":"Rome"}')]
    target.upstream.script(Stream(chunks(tool_calls=calls)))
    reply = play("tools")
    assert reply["finish_reason"] == "tool_calls"
    assert reply["calls"] == [[f"call_{number}", *call] for number, call in enumerate(calls)]


def test_embeddings_in_the_encoding_that_the_sdk_asks_for(play: Play, target: Target) -> None:
    reply = play("embeddings", model="text-embedding-3-small")
    assert reply["vectors"] == [pytest.approx(vector("one")), pytest.approx(vector("two words"))]
    assert reply["usage"]["prompt_tokens"] == 3
    assert target.upstream.last.json()["encoding_format"] == "base64"


def test_models(play: Play, target: Target) -> None:
    assert f"{target.prefix}gpt-4o" in play("models")["ids"]


@pytest.mark.row("ST-3")
def test_errors_have_their_classes(play: Play) -> None:
    reply = play("errors")
    assert (reply["wrong_key"]["class"], reply["wrong_key"]["code"]) == ("AuthenticationError", "invalid_api_key")
    assert (reply["no_messages"]["class"], reply["no_messages"]["param"]) == ("BadRequestError", "messages")
    assert reply["no_messages"]["type"] == "invalid_request_error"
    assert reply["no_route"]["class"] == "NotFoundError"


@pytest.mark.parametrize(
    ("status", "name", "shown"),
    [(400, "BadRequestError", 400), (429, "RateLimitError", 429), (500, "InternalServerError", 502)],
)
def test_refusals_of_the_upstream(play: Play, target: Target, status: int, name: str, shown: int) -> None:
    target.upstream.script(Answer.error(status, "No.", param="x"))
    reply = play("refused")
    assert (reply["class"], reply["status"]) == (name, shown if target.is_gateway else status)


def test_a_stream_that_is_cut_fails(play: Play, target: Target) -> None:
    target.upstream.script(stream("Hello", " there", cut_after=2))
    reply = play("cut")
    assert reply["text"] == "Hello"
    assert reply["failed"]


def test_several_choices(play: Play) -> None:
    reply = play("choices")
    assert (reply["contents"], reply["indexes"]) == (["Hello"] * 3, [0, 1, 2])


def test_unknown_fields_travel_both_ways(play: Play, target: Target) -> None:
    body = completion("x", x_new={"a": [None, 1.5]})
    body["choices"][0]["message"]["novel"] = "kept"
    target.upstream.script(Answer(body))
    reply = play("unknown")
    assert reply["x_new"] == {"a": [None, 1.5]}
    assert reply["choices"][0]["message"]["novel"] == "kept"
    assert target.upstream.last.json()["unheard_of"] == {"deep": [1]}


def test_retries_end_with_the_answer(play: Play, target: Target) -> None:
    target.upstream.script(Answer.error(500), Answer(completion("at last")))
    reply = play("retries")
    assert reply["content"] == "at last"
    assert reply["statuses"] == [502 if target.is_gateway else 500, 200]
