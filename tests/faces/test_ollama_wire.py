"""Ollama's own client against the gateway, and its wire as it stands on the socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ollama
import pytest
from faces_room import CALL, EMBEDDER, MODEL, PNG, USED, Room
from gateway_wire import get

from router.testing import Answer, Stream, chunks, completion, embeddings, token_usage, vector

pytestmark = pytest.mark.slow

ASK = [{"role": "user", "content": "Hello"}]
CHAT = "/api/chat"
MODES = ("plain", "stream")
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture
def client(room: Room) -> Iterator[ollama.Client]:
    with ollama.Client(host=room.url, headers={"Authorization": f"Bearer {room.gateway.api_key}"}) as client:
        yield client


def script(room: Room, mode: str, *words: str, **fields: Any) -> None:
    if mode == "stream":
        room.upstream.script(Stream(chunks(*words, usage=USED, include_usage=True, **fields)))
    else:
        room.upstream.script(Answer(completion("".join(words) or None, usage=USED, **fields)))


def ask(client: ollama.Client, mode: str, messages: Any = ASK, **fields: Any) -> list[Any]:
    found: Any = client.chat(model=MODEL, messages=messages, stream=mode == "stream", **fields)
    return list(found) if mode == "stream" else [found]


def said(answers: list[Any]) -> str:
    return "".join(one.message.content or "" for one in answers)


@pytest.mark.parametrize("mode", MODES)
def test_text_options_and_counts(room: Room, client: ollama.Client, mode: str) -> None:
    script(room, mode, "Forty", "-two")
    options = {"temperature": 0.5, "top_p": 0.9, "num_predict": 33, "stop": ["END"], "seed": 7}
    answers = ask(client, mode, [{"role": "system", "content": "Be brief."}, *ASK], options=options)
    assert said(answers) == "Forty-two"
    last = answers[-1]
    assert (last.done, last.done_reason, last.model) == (True, "stop", MODEL)
    assert (last.prompt_eval_count, last.eval_count) == (100, 20) and last.total_duration > 0
    assert [one.done for one in answers[:-1]] == [False] * (len(answers) - 1)
    sent = room.sent
    assert sent["messages"] == [{"role": "system", "content": "Be brief."}, *ASK]
    assert (sent["temperature"], sent["top_p"], sent["stop"], sent["seed"]) == (0.5, 0.9, ["END"], 7)
    assert 33 in (sent.get("max_completion_tokens"), sent.get("max_tokens"))
    row = room.row()
    assert (row["route"], row["streamed"], row["charge"]) == ("ollama", mode == "stream", "0.0004")
    assert (row["prompt_tokens"], row["completion_tokens"], row["estimated"]) == (100, 20, False)


@pytest.mark.parametrize("mode", MODES)
def test_calls_and_their_results_in_the_next_turn(room: Room, client: ollama.Client, mode: str) -> None:
    script(room, mode, tool_calls=[CALL, CALL])
    answers = ask(client, mode, tools=[TOOL])
    calls = [call for one in answers for call in one.message.tool_calls or ()]
    assert [(call.function.name, call.function.arguments) for call in calls] == [("weather", {"city": "Oslo"})] * 2
    assert room.sent["tools"] == [TOOL]
    turns: list[Any] = [*ASK, {"role": "assistant", "content": "", "tool_calls": calls}]
    turns += [{"role": "tool", "tool_name": "weather", "content": f"rain {n}"} for n in (0, 1)]
    script(room, mode, "It rains.")
    assert said(ask(client, mode, turns, tools=[TOOL])) == "It rains."
    told = room.sent["messages"]
    assert [call["id"] for call in told[1]["tool_calls"]] == [one["tool_call_id"] for one in told[2:]]
    assert [one["content"] for one in told[2:]] == ["rain 0", "rain 1"]


@pytest.mark.parametrize("mode", MODES)
def test_thinking(room: Room, client: ollama.Client, mode: str) -> None:
    script(room, mode, "Yes.", reasoning_content="Hm." if mode == "plain" else ["H", "m."])
    answers = ask(client, mode, think="high")
    assert ("".join(one.message.thinking or "" for one in answers), said(answers)) == ("Hm.", "Yes.")
    assert room.sent["reasoning_effort"] == "high"


def test_pictures_and_forms(room: Room, client: ollama.Client) -> None:
    script(room, "plain", "{}")
    ask(client, "plain", [{**ASK[0], "images": [PNG]}], format={"type": "object"})
    text, shown = room.sent["messages"][0]["content"]
    assert shown == {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    assert text == {"type": "text", "text": "Hello"}
    assert room.sent["response_format"]["json_schema"]["schema"] == {"type": "object"}
    script(room, "plain", "{}")
    ask(client, "plain", format="json")
    assert room.sent["response_format"] == {"type": "json_object"}


def test_a_stream_is_what_is_asked_for_where_nothing_is_said(room: Room) -> None:
    script(room, "stream", "good ", "day", finish_reason="length")
    answer = room.post(CHAT, {"model": MODEL, "messages": ASK})
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert "".join(line["message"]["content"] for line in lines) == "good day"
    assert (lines[-1]["done"], lines[-1]["done_reason"]) == (True, "length")


def test_a_quiet_stream_is_kept_awake_by_lines_that_clients_read(room: Room, client: ollama.Client) -> None:
    go_on = threading.Event()
    made = chunks("good ", "day", usage=USED, include_usage=True)
    room.upstream.script(Stream([*made[:2], go_on, *made[2:]]))
    found = []
    for one in client.chat(model=MODEL, messages=ASK, stream=True):
        found.append(one)
        if one.message.content == "":
            go_on.set()
    assert said(found) == "good day" and go_on.is_set()


def test_a_stream_that_breaks_off_is_an_error_of_the_client(room: Room, client: ollama.Client) -> None:
    room.upstream.script(Stream(chunks("For", "ty"), cut_after=2))
    with pytest.raises(ollama.ResponseError):
        ask(client, "stream")
    row = room.row()
    assert (row["ending"], row["estimated"]) == ("cut", True)


@pytest.mark.parametrize("mode", MODES)
def test_an_error_is_the_clients_own(room: Room, client: ollama.Client, mode: str) -> None:
    room.upstream.script(Answer.error(400, "no such thing", code="nope"))
    with pytest.raises(ollama.ResponseError) as raised:
        ask(client, mode)
    assert raised.value.status_code == 400 and "no such thing" in raised.value.error


def test_vectors(room: Room, client: ollama.Client) -> None:
    room.upstream.script(Answer(embeddings(["one", "two"], usage=token_usage(5, 0))))
    found = client.embed(model=EMBEDDER, input=["one", "two"], dimensions=8)
    assert [list(one) for one in found.embeddings] == [vector("one"), vector("two")]
    assert found.prompt_eval_count == 5
    assert (room.sent["input"], room.sent["dimensions"]) == (["one", "two"], 8)
    assert (room.row()["route"], room.row()["charge"]) == ("ollama_embed", "0.000005")
    refused = room.post("/api/embed", {"model": EMBEDDER, "input": [1]})
    assert (refused.status, list(refused.json())) == (400, ["error"])


def test_lists(room: Room, client: ollama.Client) -> None:
    assert {one.model for one in client.list().models} >= {MODEL, EMBEDDER}
    shown = client.show(MODEL)
    assert shown.capabilities and "completion" in shown.capabilities
    assert (shown.modelinfo or {})["remote.context_length"] == 10_000
    with pytest.raises(ollama.ResponseError) as raised:
        client.show("acme/none")
    assert raised.value.status_code == 404
    assert get(room.gateway, "/api/version").json()["version"]
    assert not room.upstream.requests


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "images": ["AAAA"]}]}, "messages[0].images[0]"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0]"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "messages[0].tool_calls[0].function"),
        ({"messages": "x"}, "messages"),
        ({"format": "yaml"}, "format"),
        ({"logprobs": True}, "logprobs"),
        ({"options": {"num_predict": "many"}}, "options.num_predict"),
        ({"options": 1}, "options"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_a_bad_request_names_the_field(room: Room, fields: Any, named: str) -> None:
    answer = room.post(CHAT, {"model": MODEL, "messages": ASK, **fields})
    assert answer.status == 400 and f"'{named}'" in answer.json()["error"]
    assert not room.upstream.requests


def test_errors_are_texts_wherever_they_come_from(room: Room) -> None:
    asked = {"model": MODEL, "messages": ASK}
    found = [
        room.post(CHAT, asked, key="sk-wrong"),
        room.post(CHAT, {"model": "acme/none", "messages": ASK}),
        room.post(CHAT, b"["),
        get(room.gateway, CHAT),
        room.post("/api/generate", asked),
        room.post("/api/pull", asked),
    ]
    assert [one.status for one in found] == [401, 404, 400, 405, 404, 404]
    assert all(isinstance(one.json()["error"], str) for one in found)


def test_what_is_dropped_is_named(room: Room) -> None:
    script(room, "plain", "So")
    options = {"num_ctx": 4096, "top_k": 3, "shiny": 1, "num_predict": -1}
    fields = {"stream": False, "keep_alive": "5m", "novel": True, "options": options}
    answer = room.post(CHAT, {"model": MODEL, "messages": ASK, **fields})
    told = answer.headers["x-router-dropped-params"].split(", ")
    assert sorted(told) == ["keep_alive", "novel", "options.num_ctx", "options.shiny", "options.top_k"]


def test_the_table_of_fields_is_on_its_page() -> None:
    from router_plugins.ollama_surface.fields import CHAT as RUNGS
    from router_plugins.ollama_surface.fields import EMBED

    page = (Path(__file__).parents[2] / "docs" / "surfaces.md").read_text(encoding="utf-8")
    for rung in (*RUNGS, *EMBED):
        assert f"| `{rung.name}` | {rung.rung} | {rung.note} |" in page
