"""Anthropic's own SDK against the gateway: plain, streamed, tools and thinking, at providers of other wires."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from messages_wire import ASK, NATIVE, TOOL, TRANSLATED, WIRES, Room

CALLS = [("weather", '{"city":"Oslo"}'), ("weather", '{"city":"Tromsø","days":[1,2.5,null]}')]
MODES = ("plain", "stream")


def ask(room: Room, mode: str, model: str, **fields: Any) -> Any:
    """The message of one call; a stream's as the SDK's helper puts it together."""
    given: dict[str, Any] = {"model": model, "max_tokens": 64, "messages": ASK, **fields}
    with room.sdk() as client:
        if mode == "plain":
            return client.messages.create(**given)
        with client.messages.stream(**given) as stream:
            return stream.get_final_message()


def script(room: Room, mode: str, plugin: str, *words: str, **fields: Any) -> None:
    wire = WIRES[plugin]
    room.upstream.script((wire.stream if mode == "stream" else wire.plain)(*words, **fields))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("plugin", [*TRANSLATED, "anthropic"])
def test_text_and_its_counts(room: Room, mode: str, plugin: str) -> None:
    script(room, mode, plugin, "Forty", "-two")
    found = ask(room, mode, room.model_of(plugin))
    assert [block.text for block in found.content] == ["Forty-two"]
    assert (found.role, found.type, found.stop_reason) == ("assistant", "message", "end_turn")
    assert found.model == room.model_of(plugin)
    counts = WIRES[plugin].counts
    cache = counts.cached_tokens + counts.cache_write_tokens
    assert (found.usage.input_tokens, found.usage.output_tokens) == (
        counts.prompt_tokens - cache,
        counts.completion_tokens,
    )
    assert (found.usage.cache_read_input_tokens or 0) == counts.cached_tokens


@pytest.mark.parametrize("mode", MODES)
def test_the_echo_answers_too(room: Room, mode: str) -> None:
    found = ask(room, mode, "echo/echo")
    assert "six times seven" in found.content[0].text


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("plugin", [*TRANSLATED, "anthropic"])
def test_parallel_calls_of_tools_and_the_way_back(room: Room, mode: str, plugin: str) -> None:
    script(room, mode, plugin, tool_calls=CALLS)
    found = ask(room, mode, room.model_of(plugin), tools=[TOOL])
    uses = [block for block in found.content if block.type == "tool_use"]
    assert [use.input for use in uses] == [{"city": "Oslo"}, {"city": "Tromsø", "days": [1, 2.5, None]}]
    assert found.stop_reason == "tool_use"
    results = [
        {"type": "tool_result", "tool_use_id": use.id, "content": f"rain {number}"} for number, use in enumerate(uses)
    ]
    turns = [*ASK, {"role": "assistant", "content": found.content}, {"role": "user", "content": results}]
    script(room, mode, plugin, "It rains.")
    last = ask(room, mode, room.model_of(plugin), tools=[TOOL], messages=turns)
    assert last.content[0].text == "It rains."
    sent = room.upstream.last.json()["messages"]
    assert "rain 0" in str(sent) and "rain 1" in str(sent)


@pytest.mark.parametrize("mode", MODES)
def test_reasoning_comes_back_to_whom_it_came_from(room: Room, mode: str) -> None:
    script(room, mode, "deepseek", "Yes.", reasoning=["Let me", " see."], tool_calls=CALLS[:1])
    found = ask(room, mode, room.model_of("deepseek"), tools=[TOOL])
    assert [block.type for block in found.content] == ["thinking", "text", "tool_use"]
    assert found.content[0].thinking == "Let me see."
    assert found.content[0].signature.startswith("gw1:")
    result = {"type": "tool_result", "tool_use_id": found.content[2].id, "content": "rain"}
    turns = [*ASK, {"role": "assistant", "content": found.content}, {"role": "user", "content": [result]}]
    script(room, mode, "deepseek", "So.")
    ask(room, mode, room.model_of("deepseek"), messages=turns, tools=[TOOL])
    assert room.upstream.last.json()["messages"][1]["reasoning_content"] == "Let me see."


def test_reasoning_of_another_provider_never_reaches_anthropic(room: Room) -> None:
    script(room, "plain", "deepseek", "Yes.", reasoning=["Hm."])
    found = ask(room, "plain", room.model_of("deepseek"))
    turns = [*ASK, {"role": "assistant", "content": found.content}, {"role": "user", "content": "Sure?"}]
    script(room, "plain", "anthropic", "So.")
    ask(room, "plain", NATIVE, messages=turns)
    sent = room.upstream.last.json()["messages"]
    assert sent[1] == {"role": "assistant", "content": [{"type": "text", "text": "Yes."}]}
    assert "gw1:" not in str(sent)


def test_what_a_stream_tells_on_its_way(room: Room) -> None:
    script(room, "stream", "openai", "Forty", "-two")
    with room.sdk() as client, client.messages.stream(model="openai/gpt-4o", max_tokens=64, messages=ASK) as stream:
        events = list(stream)
    kinds = [event.type for event in events if event.type not in ("text", "ping")]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    first: Any = events[0]
    assert first.message.usage.input_tokens > 0
    assert first.message.id.startswith("msg_")


def test_a_quiet_stream_is_kept_awake_by_pings(room: Room) -> None:
    script(room, "stream", "openai", "A", "B", gap_s=0.3)
    answer = room.post({"model": "openai/gpt-4o", "max_tokens": 9, "messages": ASK, "stream": True})
    assert b'event: ping\ndata: {"type":"ping"}\n\n' in answer.content
    assert b": keep-alive" not in answer.content


def test_a_schema_and_a_system_prompt(room: Room) -> None:
    script(room, "plain", "openai", '{"a": "b"}')
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    form = {"format": {"type": "json_schema", "schema": schema}}
    ask(room, "plain", "openai/gpt-4o", system="Be brief.", output_config=form)
    sent = room.upstream.last.json()
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert sent["response_format"]["json_schema"]["schema"] == schema


def test_both_headers_of_keys_and_both_versions(room: Room) -> None:
    key = room.gateway.api_key
    body = {"model": "echo/echo", "max_tokens": 9, "messages": ASK}
    for headers in (
        {"x-api-key": key},
        {"x-api-key": "", "authorization": f"Bearer {key}"},
        {"x-api-key": key, "authorization": f"Bearer {key}", "anthropic-version": "2023-06-01"},
        {"x-api-key": key, "anthropic-version": "2026-10-21"},
    ):
        answer = room.post(
            body,
            headers={name: value for name, value in headers.items() if value},
            key="" if not headers["x-api-key"] else key,
        )
        assert answer.status_code == 200, answer.text
        assert answer.headers["request-id"] == answer.headers["x-request-id"]
    assert room.post(body, path="/v1/messages?beta=true").status_code == 200


def test_tokens_are_counted_for_nothing(room: Room) -> None:
    before = len(room.usage())
    with room.sdk() as client:
        tools = [{**TOOL, "name": f"weather{n}"} for n in range(3)]
        short = client.messages.count_tokens(model="openai/gpt-4o", messages=ASK)
        long = client.messages.count_tokens(model="openai/gpt-4o", system="x" * 4000, messages=ASK, tools=tools)
        raw = client.messages.with_raw_response.count_tokens(model="nobody/knows", messages=ASK)
    assert 1 <= short.input_tokens < 50
    assert long.input_tokens > 1000
    assert raw.headers["x-router-token-count"] == "estimate"
    assert len(room.usage()) == before
    assert not room.upstream.requests


def test_models_are_listed_as_anthropic_does(room: Room) -> None:
    with room.sdk() as client:
        every = [model.id for model in client.models.list(limit=1000)]
        paged = [model.id for model in client.models.list(limit=7)]
        assert every == paged
        assert NATIVE in every
        one = client.models.retrieve(NATIVE)
        assert (one.id, one.type, one.display_name) == (NATIVE, "model", NATIVE)
        with pytest.raises(anthropic.NotFoundError) as caught:
            client.models.retrieve("nobody/knows")
    body: Any = caught.value.body
    assert body["error"]["type"] == "not_found_error"
    listed = room.gateway.client().models.list()
    assert [model.id for model in listed] == every
