"""What is wrong with a request: refused in Anthropic's envelope, saying where and why; nothing is sent or charged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anthropic
import pytest
from jsonschema import Draft202012Validator
from messages_wire import ASK, NATIVE, TOOL, TRANSLATED, Room

from router.surfaces.messages.schema import COUNT_SCHEMA

pytestmark = pytest.mark.slow

CHAT = "openai/gpt-4o"
CALL = {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "rain"}
USER = "user"
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}
NEW = {"anthropic-version": "2026-10-21"}


def says(*turns: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[number % 2], "content": turn} for number, turn in enumerate(turns)]}


BAD: dict[str, tuple[Mapping[str, Any], str, str]] = {
    "no cap": ({"max_tokens": None}, "max_tokens", "required"),
    "cap of nothing": ({"max_tokens": 0}, "max_tokens", "whole number from 1"),
    "cap as text": ({"max_tokens": "9"}, "max_tokens", "whole number"),
    "no messages": ({"messages": None}, "messages", "required"),
    "empty messages": ({"messages": []}, "messages", "at least one"),
    "messages as text": ({"messages": "Hi"}, "messages", "list"),
    "a message as text": ({"messages": ["Hi"]}, "messages[0]", "object"),
    "another role": ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role", "user, assistant, system"),
    "no content": ({"messages": [{"role": USER}]}, "messages[0].content", "list of content blocks"),
    "a block as text": (says(["x"]), "messages[0].content[0]", '"type"'),
    "text that is none": (says([{"type": "text", "text": 1}]), "messages[0].content[0].text", "string"),
    "a picture without data": (says([{"type": "image"}]), "messages[0].content[0].source", "object"),
    "a picture in a data URL": (
        says([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "data:x"}}]),
        "messages[0].content[0].source.data",
        "base64",
    ),
    "a file of somebody's": (
        says([{"type": "image", "source": {"type": "file", "file_id": "f"}}]),
        "messages[0].content[0].source",
        "inline",
    ),
    "nothing to say": (says(""), "messages[0].content", "not be empty"),
    "an empty text": (says([{"type": "text", "text": ""}]), "messages[0].content[0].text", "not be empty"),
    "nobody asks": ({"messages": [{"role": "assistant", "content": "x"}]}, "messages", "role user"),
    "a result without its call": (says([RESULT]), "messages[0].content", "t1"),
    "a second result": (says("Hi", [CALL], [RESULT, RESULT]), "messages[2].content", "second tool_result"),
    "a call without its result": (says("Hi", [CALL], "And?"), "messages[1].content[0]", "tool_result"),
    "a call by the user": (says([CALL]), "messages[0].content[0]", "assistant"),
    "arguments as text": (says("Hi", [{**CALL, "input": "{}"}]), "messages[1].content[0].input", "object"),
    "a system of pictures": ({"system": [{"type": "image"}]}, "system[0]", "text"),
    "stops as text": ({"stop_sequences": "x"}, "stop_sequences", "list"),
    "a stop as number": ({"stop_sequences": [1]}, "stop_sequences[0]", "string"),
    "too hot": ({"temperature": 1.5}, "temperature", "0 to 1"),
    "stream as text": ({"stream": "yes"}, "stream", "true or false"),
    "a tool without schema": ({"tools": [{"name": "x"}]}, "tools[0].input_schema", "object"),
    "a tool without name": ({"tools": [{"input_schema": {}}]}, "tools[0].name", "string"),
    "a choice as object": ({"tool_choice": {"type": {}}}, "tool_choice.type", "auto, any, tool or none"),
    "another choice": ({"tool_choice": {"type": "maybe"}}, "tool_choice.type", "auto, any, tool or none"),
    "a choice that is not there": (
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}},
        "tool_choice.name",
        "one of 'tools'",
    ),
    "another effort": ({"output_config": {"effort": "huge"}}, "output_config.effort", "low, medium"),
    "another format": ({"output_config": {"format": {"type": "json"}}}, "output_config.format.type", "json_schema"),
    "another thinking": ({"thinking": {"type": "maybe"}}, "thinking.type", "adaptive"),
    "user as number": ({"metadata": {"user_id": 1}}, "metadata.user_id", "string"),
    "faster": ({"speed": "fast"}, "speed", "without it"),
    "another payer": ({"billing_policy": {"x": 1}}, "billing_policy", "without it"),
    "servers of tools": ({"mcp_servers": [{"type": "url", "url": "https://x"}]}, "mcp_servers", "run yourself"),
}


def refused(room: Room, answer: Any, status: int, kind: str) -> str:
    """The message of an error in Anthropic's envelope, which sent and charged nothing."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"type", "error", "request_id"}
    assert (body["type"], body["error"]["type"]) == ("error", kind)
    assert body["request_id"] == answer.headers["request-id"] == answer.headers["x-request-id"]
    assert not room.upstream.requests
    charged = [row["charge"] for row in room.usage() if row["request_id"] == body["request_id"]]
    assert not charged or float(charged[0]) == 0
    text: str = body["error"]["message"]
    return text


@pytest.mark.parametrize("model", [CHAT, NATIVE])
@pytest.mark.parametrize("what", BAD)
def test_bad_input(room: Room, what: str, model: str) -> None:
    fields, where, remedy = BAD[what]
    given = {"model": model, "max_tokens": 9, "messages": ASK, **fields}
    answer = room.post({name: value for name, value in given.items() if value is not None})
    text = refused(room, answer, 400, "invalid_request_error")
    assert f"'{where}'" in text
    assert remedy in text


@pytest.mark.parametrize("fields", [{"temperature": 1.0}, {"top_p": 0.5}, {"top_k": 3}, says("Hi", [PDF])])
def test_what_the_newer_version_refuses(room: Room, fields: Mapping[str, Any]) -> None:
    answer = room.post({"model": CHAT, "max_tokens": 9, "messages": ASK, **fields}, headers=NEW)
    assert "2026-10-21" in refused(room, answer, 400, "invalid_request_error")


@pytest.mark.parametrize("plugin", TRANSLATED)
@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0]"),
        ({"tools": [TOOL, {"type": "bash_20250124", "name": "bash"}]}, "tools[1]"),
        (says([{"type": "document", "source": {"type": "url", "url": "https://x"}}]), "messages[0].content[0].source"),
        (says([{"type": "brand_new"}]), "messages[0].content[0]"),
    ],
)
def test_what_only_anthropics_own_models_take(room: Room, plugin: str, fields: Mapping[str, Any], where: str) -> None:
    answer = room.post({"model": room.model_of(plugin), "max_tokens": 9, "messages": ASK, **fields})
    assert f"'{where}'" in refused(room, answer, 400, "invalid_request_error")


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]},
        {"service_tier": "priority"},
        {"cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
        {"context_management": {"edits": [{"type": "compact_20260112"}]}},
    ],
)
def test_what_has_no_price_at_anthropic(room: Room, fields: Mapping[str, Any]) -> None:
    answer = room.post({"model": NATIVE, "max_tokens": 9, "messages": ASK, **fields})
    assert "price" in refused(room, answer, 400, "invalid_request_error")


@pytest.mark.parametrize("version", ["2024-01-01", "x" * 500, "2023-06-01, 2023-06-01"])
def test_no_such_version(room: Room, version: str) -> None:
    headers = {"anthropic-version": version}
    answer = room.post({"model": CHAT, "max_tokens": 9, "messages": ASK}, headers=headers)
    assert "2023-06-01 or 2026-10-21" in refused(room, answer, 400, "invalid_request_error")


def test_two_different_keys_and_none_and_a_wrong_one(room: Room) -> None:
    body = {"model": CHAT, "max_tokens": 9, "messages": ASK}
    other = {"authorization": "Bearer sk-other"}
    assert "different keys" in refused(room, room.post(body, headers=other), 401, "authentication_error")
    refused(room, room.post(body, key=""), 401, "authentication_error")
    refused(room, room.post(body, key="sk-wrong"), 401, "authentication_error")


def test_paths_bodies_and_models_that_are_none(room: Room) -> None:
    body = {"model": CHAT, "max_tokens": 9, "messages": ASK}
    refused(room, room.post(body, path="/v1/messages/nosuch"), 404, "not_found_error")
    refused(room, room.post({**body, "model": "nobody/knows"}), 404, "not_found_error")
    for model in (None, 5, ["x"], {"a": 1}, "", "x" * 300, "a\nb"):
        refused(room, room.post({**body, "model": model}), 400, "invalid_request_error")
    refused(room, room.post(b"{"), 400, "invalid_request_error")
    refused(room, room.post(b"[1]"), 400, "invalid_request_error")
    refused(room, room.post(b'{"a":' * 500), 400, "invalid_request_error")
    refused(room, room.post(b"x" * (33 * 1024 * 1024)), 413, "request_too_large")
    refused(
        room, room.post({**body, "max_tokens": "x"}, path="/v1/messages/count_tokens"), 400, "invalid_request_error"
    )


def test_counting_refuses_a_model_that_is_no_name(room: Room) -> None:
    for model in (None, 5, "", "a\nb", "a\x00b"):
        count = {"messages": ASK, "model": model}
        refused(room, room.post(count, path="/v1/messages/count_tokens"), 400, "invalid_request_error")


def test_each_refusal_is_the_class_that_the_sdk_has_for_it(room: Room) -> None:
    given: Any = {"model": CHAT, "max_tokens": 9, "messages": ASK}
    with room.sdk() as client, pytest.raises(anthropic.BadRequestError, match="'speed'"):
        client.messages.create(**given, speed="fast")
    with room.sdk(api_key="sk-wrong") as client, pytest.raises(anthropic.AuthenticationError):
        client.messages.create(**given)
    with room.sdk() as client, pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.create(**{**given, "model": "nobody/knows"})
    assert caught.value.request_id


def test_a_header_holds_only_so_many_names_of_what_was_dropped(room: Room) -> None:
    odd = {f"{'long' * 50}{number}": number for number in range(2000)}
    answer = room.post({"model": "echo/echo", "max_tokens": 9, "messages": ASK, **odd})
    assert answer.status_code == 200
    assert answer.headers["x-router-dropped-params"].endswith("and 1976 more")
    assert len(answer.headers["x-router-dropped-params"]) < 2000


def test_counting_has_a_limit_of_its_own(room: Room) -> None:
    account = room.gateway.router("accounts", "create", "counter")
    key = room.gateway.router("keys", "create", "--account", account["id"])["api_key"]
    body = {"model": CHAT, "messages": ASK}
    answers = [room.post(body, path="/v1/messages/count_tokens", key=key) for _ in range(50)]
    assert {answer.status_code for answer in answers} == {200}, "clients ask in bursts of 50"


def test_any_tool_can_be_counted_and_is_described_so(room: Room) -> None:
    described = Draft202012Validator(COUNT_SCHEMA.request)
    for tool in (TOOL, {"type": "web_search_20250305", "name": "web_search"}, {"type": "custom", "name": "nameless"}):
        body = {"model": CHAT, "messages": ASK, "tools": [tool]}
        answered = room.post(body, path="/v1/messages/count_tokens").status_code
        assert described.is_valid(body) == (answered == 200), (tool, answered)
