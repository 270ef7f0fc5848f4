"""Each row of the table of the Messages API: what the translation makes of a field, and what the native lane does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from router.errors import BadRequest
from router.surfaces.canonical.to_chat import to_chat
from router.surfaces.messages.checking import check_shape
from router.surfaces.messages.ladder import BLOCKS, FIELDS, TOOLS, Way
from router.surfaces.messages.native import native_body
from router.surfaces.messages.request import prompt_of
from router.surfaces.messages.walking import Findings

ASK: dict[str, Any] = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}
OLD, NEW = "2023-06-01", "2026-10-21"
TOOL = {"name": "get", "description": "Gets.", "input_schema": {"type": "object"}}
FUNCTION = {"name": "get", "description": "Gets.", "parameters": {"type": "object"}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FORM = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
GONE = object()


class Case(NamedTuple):
    """What is sent, what a chat has of it, and what a provider that speaks the same gets: what was sent, if None."""

    sent: Mapping[str, Any]
    chat: Mapping[str, Any]
    native: Mapping[str, Any] | None = None


CASES: dict[str, Case] = {
    "model": Case({"model": "m"}, {"model": "m"}, {"model": "theirs"}),
    "max_tokens": Case({"max_tokens": 7}, {"max_completion_tokens": 7, "max_tokens": GONE}),
    "messages": Case(
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Yo"}]}]},
        {"messages": [{"role": "user", "content": "Yo"}]},
    ),
    "system": Case({"system": "Be kind."}, {"system": GONE}),
    "stream": Case({"stream": True}, {"stream": True}),
    "stop_sequences": Case({"stop_sequences": ["a", "b"]}, {"stop": ["a", "b"], "stop_sequences": GONE}),
    "temperature": Case({"temperature": 0.5}, {"temperature": 0.5}),
    "top_p": Case({"top_p": 0.5}, {"top_p": 0.5}),
    "top_k": Case({"top_k": 5}, {"top_k": GONE}),
    "tools": Case({"tools": [TOOL]}, {"tools": [{"type": "function", "function": FUNCTION}]}),
    "tool_choice": Case(
        {"tools": [TOOL], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
        {"tool_choice": "required", "parallel_tool_calls": False},
    ),
    "thinking": Case({"thinking": {"type": "enabled", "budget_tokens": 5000}}, {"reasoning_effort": "medium"}),
    "output_config.effort": Case({"output_config": {"effort": "xhigh"}}, {"reasoning_effort": "xhigh"}),
    "output_config.format": Case(
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}, {"response_format": FORM}
    ),
    "output_config.*": Case({"output_config": {"task_budget": 1}}, {"output_config": GONE}),
    "output_format": Case({"output_format": {"type": "json_schema", "schema": SCHEMA}}, {"response_format": FORM}),
    "metadata.user_id": Case(
        {"metadata": {"user_id": "ann"}}, {"user": "ann", "metadata": GONE}, {"metadata": {"user_id": "hashed"}}
    ),
    "metadata.*": Case({"metadata": {"trace": "x"}}, {"metadata": GONE}),
    "service_tier": Case({"service_tier": "auto"}, {"service_tier": GONE}),
    "speed": Case({"speed": "standard"}, {"speed": GONE}, {"speed": GONE}),
    "cache_control": Case({"cache_control": {"type": "ephemeral"}}, {"cache_control": GONE}),
    "cache_control.ttl": Case({"cache_control": {"type": "ephemeral", "ttl": "5m"}}, {"cache_control": GONE}),
    "context_management": Case(
        {"context_management": {"edits": [{"type": "clear_thinking_20251015"}]}}, {"context_management": GONE}
    ),
    "mcp_servers": Case({"mcp_servers": []}, {"mcp_servers": GONE}, {"mcp_servers": GONE}),
    "thread": Case({"thread": {"type": "create"}}, {"thread": GONE}, {"thread": GONE}),
    "fallbacks": Case({"fallbacks": []}, {"fallbacks": GONE}, {"fallbacks": GONE}),
    "workspace_id": Case({"workspace_id": "w"}, {"workspace_id": GONE}, {"workspace_id": GONE}),
    "user_profile_id": Case({"user_profile_id": "u"}, {"user_profile_id": GONE}, {"user_profile_id": GONE}),
    "diagnostics": Case({"diagnostics": {"a": 1}}, {"diagnostics": GONE}, {"diagnostics": GONE}),
    "betas": Case({"betas": ["x"]}, {"betas": GONE}, {"betas": GONE}),
}
"""Row -> a value that passes at least one lane."""

REFUSED: dict[str, Mapping[str, Any]] = {
    "speed": {"speed": "fast"},
    "inference_geo": {"inference_geo": "us"},
    "compaction": {"compaction": {"type": "auto"}},
    "container": {"container": "c_1"},
    "mcp_servers": {"mcp_servers": [{"type": "url", "url": "https://x"}]},
    "thread": {"thread": {"type": "continue", "id": "t"}},
    "fallbacks": {"fallbacks": [{"model": "x"}]},
    "fallback_credit_token": {"fallback_credit_token": "t"},
    "billing_policy": {"billing_policy": {"type": "x"}},
}
"""Row -> a value that no lane takes."""

UNPRICED: dict[str, Mapping[str, Any]] = {
    "service_tier": {"service_tier": "priority"},
    "cache_control.ttl": {"cache_control": {"type": "ephemeral", "ttl": "1h"}},
    "context_management.edits": {"context_management": {"edits": [{"type": "compact_20260112"}]}},
}
"""Row -> a value that a native lane does not take where calls are paid for."""


def read(body: Mapping[str, Any], version: str = OLD) -> tuple[dict[str, Any], Findings]:
    """The chat that a body becomes, and what was found on the way."""
    check_shape(body, version)
    found = Findings(version)
    return to_chat(prompt_of(body, found, lambda text: None)), found


def holds(body: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    for name, value in wanted.items():
        assert body.get(name, GONE) == value, name


def test_every_row_has_its_case() -> None:
    assert set(FIELDS) == set(CASES) | set(REFUSED) | set(UNPRICED)
    assert {name for name, rule in FIELDS.items() if rule.translated is rule.native is Way.REFUSED} == set(REFUSED)


@pytest.mark.parametrize("name", CASES)
def test_what_a_chat_has_of_a_field(name: str) -> None:
    case = CASES[name]
    chat, found = read({**ASK, **case.sent})
    holds(chat, case.chat)
    assert found.native_only is None
    assert found.unpriced is None
    row, sent = FIELDS[name], case.sent
    if row.translated is Way.DROPPED and any(row.asks(value) for value in sent.values()):
        assert found.dropped
    if row.translated in (Way.PASSED, Way.TRANSLATED):
        assert not found.dropped


@pytest.mark.parametrize("name", CASES)
def test_what_passes_in_the_native_lane(name: str) -> None:
    case = CASES[name]
    body = {**ASK, **case.sent}
    chat, _ = read(body)
    bound = chat | ({"user": "hashed"} if "user" in chat else {})
    holds(native_body(body, bound, "theirs"), case.sent if case.native is None else case.native)


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_lane_takes(name: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read({**ASK, **REFUSED[name]})
    assert caught.value.param == name
    assert name in caught.value.message


@pytest.mark.parametrize("name", UNPRICED)
def test_what_has_no_price_in_the_native_lane(name: str) -> None:
    _, found = read({**ASK, **UNPRICED[name]})
    assert found.unpriced is not None
    assert found.unpriced.code == "unpriced_extra"
    assert found.dropped


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
def test_the_newer_version_has_no_sampling(name: str) -> None:
    with pytest.raises(BadRequest, match=NEW) as caught:
        read({**ASK, name: 1}, NEW)
    assert caught.value.param == name


def test_an_unknown_field_is_dropped_and_named_or_passed_on() -> None:
    body = {**ASK, "brand_new": {"a": 1}, "api_base": "http://evil"}
    chat, found = read(body)
    assert "brand_new" not in chat
    assert list(found.dropped) == ["brand_new", "api_base"]
    native = native_body(body, chat, "theirs")
    assert native["brand_new"] == {"a": 1}
    assert "api_base" not in native


TOOL_CASES: dict[str, tuple[dict[str, Any], bool, bool]] = {
    "custom": ({**TOOL, "type": "custom"}, False, False),
    "bash_*": ({"type": "bash_20250124", "name": "bash"}, True, False),
    "computer_*": ({"type": "computer_20251124", "name": "computer"}, True, False),
    "memory_*": ({"type": "memory_20250818", "name": "memory"}, True, False),
    "text_editor_*": ({"type": "text_editor_20250728", "name": "edit"}, True, False),
    "browser_toolset_*": ({"type": "browser_toolset_20260801"}, True, False),
    "computer_toolset_*": ({"type": "computer_toolset_20260801"}, True, False),
    "tool_search_tool_*": ({"type": "tool_search_tool_bm25_20251119", "name": "s"}, True, False),
    "*": ({"type": "web_search_20250305", "name": "web_search"}, True, True),
}
"""Row -> a tool, whether only a native lane takes it, and whether that has no price."""


@pytest.mark.parametrize("name", TOOLS)
def test_tools(name: str) -> None:
    tool, native_only, unpriced = TOOL_CASES[name]
    chat, found = read({**ASK, "tools": [tool]})
    assert ("tools" in chat) is not native_only
    assert (found.native_only is not None, found.unpriced is not None) == (native_only, unpriced)
    if found.native_only is not None:
        assert found.native_only.param == "tools[0]"


PNG = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}
CALLED = {"type": "tool_use", "id": "t1", "name": "get", "input": {"q": 1}}
BLOCK_CASES: dict[str, tuple[dict[str, Any], Any]] = {
    "text": ({"type": "text", "text": "Yo"}, "Yo"),
    "image": (
        {"type": "image", "source": PNG},
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
    ),
    "document": (
        {"type": "document", "source": PDF, "title": "A"},
        [{"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "A"}}],
    ),
    "search_result": (
        {"type": "search_result", "title": "A", "source": "s", "content": [{"type": "text", "text": "found"}]},
        "A\ns\n\nfound",
    ),
}


@pytest.mark.parametrize("name", BLOCK_CASES)
def test_blocks_of_a_user(name: str) -> None:
    block, content = BLOCK_CASES[name]
    chat, found = read({**ASK, "messages": [{"role": "user", "content": [block]}]})
    assert chat["messages"] == [{"role": "user", "content": content}]
    assert (found.native_only, list(found.dropped)) == (None, [])


def test_blocks_of_an_assistant_and_of_tools() -> None:
    turns = [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "theirs"},
                {"type": "redacted_thinking", "data": "theirs"},
                {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
                {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
                {"type": "text", "text": "Look."},
                CALLED,
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "And?"},
                {"type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": True},
            ],
        },
    ]
    chat, found = read({**ASK, "messages": turns})
    call = {"id": "t1", "type": "function", "function": {"name": "get", "arguments": '{"q":1}'}}
    assert chat["messages"][1:] == [
        {"role": "assistant", "content": "Look.", "reasoning_content": "Hm.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "t1", "content": "Error: no"},
        {"role": "user", "content": "And?"},
    ]
    assert set(found.dropped) == {
        "thinking.signature",
        "redacted_thinking.data",
        "server_tool_use",
        "web_search_tool_result",
    }


@pytest.mark.parametrize(
    ("block", "param"),
    [
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, "messages[0].content[0].source"),
        ({"type": "document", "source": {"type": "file", "file_id": "f"}}, "messages[0].content[0].source"),
        ({"type": "container_upload", "file_id": "f"}, "messages[0].content[0]"),
    ],
)
def test_what_is_kept_at_anthropic_is_refused_in_both_lanes(block: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read({**ASK, "messages": [{"role": "user", "content": [block]}]})
    assert caught.value.param == param


@pytest.mark.parametrize(
    "block", [{"type": "document", "source": {"type": "url", "url": "https://x"}}, {"type": "brand_new", "a": 1}]
)
def test_what_only_a_native_lane_takes_is_held_for(block: dict[str, Any]) -> None:
    chat, found = read({**ASK, "messages": [{"role": "user", "content": [block]}]})
    assert found.native_only is not None
    assert chat["messages"][0]["content"][0]["type"] in ("file", "brand_new")


def test_every_row_of_blocks_is_tested_here() -> None:
    tested = {*BLOCK_CASES, "tool_use", "tool_result", "thinking", "redacted_thinking", "server_tool_use"}
    tested |= {"*_tool_result", "container_upload", "image.source.file", "document.source.file"}
    assert set(BLOCKS) == tested | {"document.source.url", "*"}


def test_the_attribution_of_claude_code_is_left_out_of_the_system_alone() -> None:
    line = "x-anthropic-billing-header: cc_version=2; cch=abc;"
    body = {**ASK, "system": [{"type": "text", "text": line}, {"type": "text", "text": "Be kind."}]}
    body["messages"] = [{"role": "user", "content": line}]
    chat, _ = read(body)
    assert chat["messages"] == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": line}]
    assert native_body(body, chat, "theirs")["system"] == body["system"]
