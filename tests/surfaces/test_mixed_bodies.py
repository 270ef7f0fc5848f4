"""Bodies of Responses on the path of chat, as Cursor sends them: served, and answered as a chat is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from gateway_wire import CHAT, post

from router.testing import Answer, Gateway, ScriptedUpstream, Stream, chunks, completion

FLAT = {"type": "function", "name": "look", "description": "Look", "parameters": {"type": "object", "properties": {}}}
NESTED = {"type": "function", "function": {"name": "edit", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, ScriptedUpstream]]:
    with ScriptedUpstream() as upstream:
        acme = {"kind": "compatible", "base_url": upstream.url, "api_key": "sk-x", "models": ["m"]}
        with Gateway(tmp_path_factory.mktemp("mixed"), providers={"acme": acme}, billing=False) as gateway:
            yield gateway, upstream


def ask(place: tuple[Gateway, ScriptedUpstream], **body: Any) -> Any:
    return post(place[0], CHAT, {"model": "acme/m", **body})


def sent(place: tuple[Gateway, ScriptedUpstream]) -> dict[str, Any]:
    found: dict[str, Any] = place[1].last.json()
    return found


def test_input_becomes_messages(place: tuple[Gateway, ScriptedUpstream]) -> None:
    place[1].script(Answer(completion("ok")))
    items = [
        {"role": "user", "content": "hello"},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "seen"},
    ]
    answer = ask(
        place, input=items, instructions="Be brief.", tools=[FLAT, {"type": "web_search"}], max_output_tokens=9
    )
    assert answer.json()["object"] == "chat.completion" and answer.json()["choices"][0]["message"]["content"] == "ok"
    body = sent(place)
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "tool"]
    assert [tool["function"]["name"] for tool in body["tools"]] == ["look"]
    assert "input" not in body and "instructions" not in body
    assert "web_search" in answer.headers["x-router-dropped-params"]


def test_a_stream_of_it_is_a_chats(place: tuple[Gateway, ScriptedUpstream]) -> None:
    place[1].script(Stream(chunks("one ", "two")))
    answer = ask(place, input="hello", stream=True)
    assert answer.body.endswith(b"data: [DONE]\n\n") and b'"usage":{' not in answer.body


@pytest.mark.parametrize(
    "shape", [{"messages": [{"role": "user", "content": "x"}]}, {"input": "x"}], ids=["chat", "input"]
)
def test_flat_and_nested_tools_may_be_mixed(place: tuple[Gateway, ScriptedUpstream], shape: dict[str, Any]) -> None:
    place[1].script(Answer(completion("ok")))
    assert ask(place, **shape, tools=[FLAT, NESTED]).status == 200
    tools = sent(place)["tools"]
    assert sorted(tool["function"]["name"] for tool in tools) == ["edit", "look"]
    assert all(set(tool) == {"type", "function"} for tool in tools)


def test_neither_is_still_refused_by_its_name(place: tuple[Gateway, ScriptedUpstream]) -> None:
    assert ask(place).json()["error"]["param"] == "messages"
    assert ask(place, input=[{"type": "never_heard_of"}]).json()["error"]["param"].startswith("input")


@pytest.mark.parametrize(
    "odd",
    [
        {"reasoning": "x"},
        {"reasoning": [1]},
        {"text": 5},
        {"include": 5},
        {"text": {"format": 5}},
        {"instructions": {}},
    ],
    ids=str,
)
def test_fields_of_other_types_are_refused_by_name(
    place: tuple[Gateway, ScriptedUpstream], odd: dict[str, Any]
) -> None:
    answer = ask(place, input="x", **odd)
    assert answer.status == 400
    assert answer.json()["error"]["param"] == ("text.format" if odd == {"text": {"format": 5}} else next(iter(odd)))


REFUSED: dict[str, Any] = {
    "background": True,
    "context_management": [{"type": "compaction"}],
    "conversation": "conv_1",
    "moderation": {"policy": {"mode": "block"}},
    "previous_response_id": "resp_1",
    "prompt": {"id": "pmpt_1"},
    "reasoning": {"mode": "pro"},
    "truncation": "auto",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_make_another_answer_is_refused_by_name(place: tuple[Gateway, ScriptedUpstream], name: str) -> None:
    before = len(place[1].requests)
    answer = ask(place, input="x", **{name: REFUSED[name]})
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (400, "unsupported_parameter"), answer.body
    assert error["param"] == ("reasoning.mode" if name == "reasoning" else name)
    assert error["param"] in error["message"] and len(place[1].requests) == before


def test_what_asks_for_nothing_is_no_reason_to_refuse(place: tuple[Gateway, ScriptedUpstream]) -> None:
    place[1].script(Answer(completion("ok")))
    harmless = {"background": False, "truncation": "disabled", "previous_response_id": None, "moderation": {}}
    answer = ask(place, input="x", store=False, metadata={}, include=[], **harmless)
    assert answer.status == 200 and "x-router-dropped-params" not in answer.headers
    assert not {*harmless, "store", "metadata", "include"} & sent(place).keys()


def test_what_has_no_place_in_a_chats_answer_is_named(place: tuple[Gateway, ScriptedUpstream]) -> None:
    place[1].script(Stream(chunks("ok", include_usage=True)))
    include = ["reasoning.encrypted_content", "message.output_text.logprobs"]
    body = {"store": True, "metadata": {"a": "b"}, "include": include}
    answer = ask(place, input="x", stream=True, stream_options={"include_usage": True}, **body)
    assert answer.headers["x-router-dropped-params"] == "store, metadata, include"
    assert b'"usage":{' in answer.body and sent(place)["logprobs"] is True


def test_a_chats_own_cap_holds_there(place: tuple[Gateway, ScriptedUpstream]) -> None:
    place[1].script(Answer(completion("ok")))
    assert ask(place, input="x", max_tokens=7, n=2).status == 200
    assert (sent(place)["max_tokens"], sent(place)["n"]) == (7, 2)


def test_many_things_that_are_left_out_fit_a_header(place: tuple[Gateway, ScriptedUpstream]) -> None:
    place[1].script(Answer(completion("ok")))
    searched = [{"type": "web_search_call", "id": f"ws_{number}"} for number in range(5000)]
    answer = ask(place, input=[*searched, {"role": "user", "content": "x"}])
    assert answer.status == 200 and len(answer.headers["x-router-dropped-params"]) < 4096
