"""OpenAI's request as Ollama's: what is translated, what wins, what is refused by name, what is passed on."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from router_plugins.ollama import plugin
from router_plugins.ollama.request import chat_body, embeddings_body

from router import BadRequest, CallContext, ChatCall, EmbeddingsCall, Secret
from router.config.file import Settings as Configuration
from router.surfaces.checked import look
from router.upstream.wire import dump_json

ASK: Any = [{"role": "user", "content": "hello"}]
Settings: Any = plugin.settings()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def context(**settings: Any) -> CallContext:
    return CallContext("ollama", "m:8b", Settings(base_url="http://127.0.0.1:1", **settings), transport=None)  # type: ignore[arg-type]


def native(messages: Any = ASK, *, defaults: Any = None, **fields: Any) -> dict[str, Any]:
    """The body that is sent for a chat."""
    asked = {"model": "ollama/m:8b", "messages": messages, **fields}
    look("chat", asked)
    call = ChatCall("req_1", "ollama/m:8b", asked)
    before = copy.deepcopy(call.body)
    body = chat_body(call, context(**(defaults or {})))
    assert call.body == before, "a call is never changed"
    return body


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"max_tokens": 5}, {"options": {"num_predict": 5}}),
        ({"max_completion_tokens": 5}, {"options": {"num_predict": 5}}),
        ({"max_tokens": 5, "max_completion_tokens": 6}, {"options": {"num_predict": 6}}),
        ({"temperature": 0, "top_p": 0.5, "seed": 1}, {"options": {"temperature": 0, "top_p": 0.5, "seed": 1}}),
        ({"presence_penalty": 1, "frequency_penalty": -1},
         {"options": {"presence_penalty": 1, "frequency_penalty": -1}}),
        ({"stop": "x"}, {"options": {"stop": ["x"]}}),
        ({"stop": ["x", "y"]}, {"options": {"stop": ["x", "y"]}}),
        ({"num_ctx": 9, "top_k": 3}, {"options": {"num_ctx": 9, "top_k": 3}}),
        ({"max_tokens": 5, "options": {"num_predict": 7}}, {"options": {"num_predict": 7}}),
        ({"num_ctx": 9, "options": {"num_ctx": 7, "mirostat": 2}}, {"options": {"num_ctx": 7, "mirostat": 2}}),
        ({"response_format": {"type": "text"}}, {}),
        ({"response_format": {"type": "json_object"}}, {"format": "json"}),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}},
         {"format": {"type": "object"}}),
        ({"response_format": {"type": "json_object"}, "format": {"type": "array"}}, {"format": {"type": "array"}}),
        ({"reasoning_effort": "none"}, {"think": False}),
        ({"reasoning_effort": "minimal"}, {"think": "low"}),
        ({"reasoning_effort": "low"}, {"think": "low"}),
        ({"reasoning_effort": "medium"}, {"think": "medium"}),
        ({"reasoning_effort": "high"}, {"think": "high"}),
        ({"reasoning_effort": "xhigh"}, {"think": "max"}),
        ({"reasoning_effort": "max"}, {"think": "max"}),
        ({"reasoning_effort": "unheard-of"}, {"think": "unheard-of"}),
        ({"reasoning": {"effort": "high"}}, {"think": "high"}),
        ({"reasoning_effort": "high", "think": False}, {"think": False}),
        ({"tools": [{"type": "function"}]}, {"tools": [{"type": "function"}]}),
        ({"tools": [{"type": "function"}], "tool_choice": "auto"}, {"tools": [{"type": "function"}]}),
        ({"tools": [{"type": "function"}], "tool_choice": "none"}, {}),
        ({"logprobs": True, "top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"keep_alive": -1, "truncate": False, "shift": False, "unheard_of": {"a": [1]}},
         {"keep_alive": -1, "truncate": False, "shift": False, "unheard_of": {"a": [1]}}),
        ({"n": 1, "logit_bias": {}, "stream_options": {"include_usage": True}}, {"n": 1, "logit_bias": {}}),
        ({"temperature": None, "max_tokens": None, "tools": None, "stop": None, "tool_choice": None, "n": None}, {}),
    ],
)  # fmt: skip
def test_fields(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert native(**fields) == {"model": "m:8b", "messages": ASK, "stream": False, **expected}


def test_the_sections_defaults_are_the_weakest() -> None:
    defaults = {"keep_alive": "10m", "num_ctx": 100}
    body = native(defaults=defaults, temperature=1)
    assert (body["keep_alive"], body["options"]) == ("10m", {"num_ctx": 100, "temperature": 1})
    body = native(defaults=defaults, keep_alive=0, num_ctx=5)
    assert (body["keep_alive"], body["options"]) == (0, {"num_ctx": 5})


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([{"role": "developer", "content": "d"}], [{"role": "system", "content": "d"}]),
        ([{"role": "user", "content": None}], [{"role": "user", "content": ""}]),
        ([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
         [{"role": "user", "content": "a\nb"}]),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "DATA:image/png;x=y;base64,QUJD"}]}],
         [{"role": "user", "content": "", "images": ["QUJD"]}]),
        ([{"role": "assistant", "content": "a", "reasoning": "r"}],
         [{"role": "assistant", "content": "a", "thinking": "r"}]),
        ([{"role": "assistant", "content": "a", "reasoning_content": "r", "thinking": "own"}],
         [{"role": "assistant", "content": "a", "thinking": "own"}]),
        ([{"role": "tool", "tool_call_id": "unknown", "content": "x"}],
         [{"role": "tool", "tool_call_id": "unknown", "content": "x"}]),
        ([{"role": "tool", "name": "f", "content": "x"}],
         [{"role": "tool", "name": "f", "tool_name": "f", "content": "x"}]),
        ([{"role": "user", "content": "x", "images": ["QUJD"], "unheard_of": 1}],
         [{"role": "user", "content": "x", "images": ["QUJD"], "unheard_of": 1}]),
    ],
)  # fmt: skip
def test_messages(messages: Any, expected: Any) -> None:
    assert native(messages)["messages"] == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [('{"a": [1, 2.5]}', {"a": [1, 2.5]}), ("", {}), (None, {}), ({"a": 1}, {"a": 1}), ("{}", {})],
)
def test_arguments_of_earlier_calls_are_objects(arguments: Any, expected: Any) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}, "extra": "kept"}
    result = {"role": "tool", "tool_call_id": "c1", "content": "42"}
    sent = native([*ASK, {"role": "assistant", "tool_calls": [call]}, result])["messages"]
    assert sent[1]["tool_calls"] == [{**call, "function": {"name": "f", "arguments": expected}}]
    assert sent[2]["tool_name"] == "f"


def call_with(arguments: Any) -> Any:
    return [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": arguments}}]}]


def part(value: Any) -> Any:
    return [{"role": "user", "content": [value]}]


ARGUMENTS = "messages[0].tool_calls[0].function.arguments"


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        *((call_with(text), ARGUMENTS) for text in (7, [1], True)),
        ([{"role": "assistant", "tool_calls": "x"}], "messages[0].tool_calls"),
        ([{"role": "assistant", "tool_calls": ["x"]}], "messages[0].tool_calls[0]"),
        ([{"role": "assistant", "tool_calls": [{"type": "custom"}]}], "messages[0].tool_calls[0]"),
        (part({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
         "messages[0].content[0].image_url"),
        (part({"type": "image_url", "image_url": {"url": "data:image/png,raw"}}), "messages[0].content[0].image_url"),
        (part({"type": "image_url"}), "messages[0].content[0].image_url"),
        (part({"type": "input_audio", "input_audio": {}}), "messages[0].content[0]"),
        (part({"type": "file", "file": {}}), "messages[0].content[0]"),
        (part({"type": "text"}), "messages[0].content[0]"),
    ],
)  # fmt: skip
def test_messages_that_are_refused(messages: Any, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        native(messages)
    assert caught.value.param == param
    assert caught.value.message.startswith(f"'{param}' must be ")
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"audio": {}}, "audio"),
        ({"functions": [{}]}, "functions"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"options": []}, "options"),
        ({"response_format": {"type": "grammar"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": 1}}},
         "response_format.json_schema.schema"),
    ],
)  # fmt: skip
def test_fields_that_are_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        native(**fields)
    assert caught.value.param == param


NAMES = st.sampled_from(
    ["options", "think", "format", "reasoning", "reasoning_effort", "tool_choice", "num_ctx", "stop", "audio", "x"]
)
MEMBERS = st.sampled_from(["tool_calls", "reasoning_content", "reasoning", "tool_call_id", "name", "images", "x"])
ROLES = st.sampled_from(["user", "assistant", "tool", "developer"])


@given(st.dictionaries(NAMES, JSON, max_size=4), st.dictionaries(MEMBERS, JSON, max_size=4), ROLES)
def test_whatever_comes_is_translated_or_refused(fields: Any, members: Any, role: str) -> None:
    call = ChatCall("req_1", "m", {"messages": [{"role": role, "content": "x", **members}], **fields})
    try:
        body = chat_body(call, context())
    except BadRequest as refused:
        assert refused.param
        return
    assert (body["model"], body["stream"]) == ("m:8b", False)


@given(st.dictionaries(st.text(max_size=5), JSON.filter(lambda value: "NaN" not in repr(value)), max_size=4))
def test_arguments_survive(arguments: Any) -> None:
    try:
        text = dump_json(arguments).decode("utf-8", "surrogatepass")
    except ValueError:
        return  # a number that JSON does not have
    sent = native(call_with(text))["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(dump_json(sent)) == json.loads(text)


def test_embeddings() -> None:
    fields = {
        "model": "x",
        "input": ["a"],
        "encoding_format": "base64",
        "dimensions": 4,
        "truncate": False,
        "user": "u",
    }
    body = embeddings_body(EmbeddingsCall("req_1", "x", fields), context(keep_alive="1h", num_ctx=64))
    assert body == {
        "model": "m:8b",
        "input": ["a"],
        "dimensions": 4,
        "truncate": False,
        "user": "u",
        "keep_alive": "1h",
        "options": {"num_ctx": 64},
    }


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "set base_url in [providers.ollama]"),
        ({"base_url": "http://localhost:11434/v1"}, 'without its "/v1"'),
        ({"base_url": "http://localhost:11434/api/"}, 'without its "/v1"'),
        ({"base_url": "https://ollama.com"}, "set the environment variable OLLAMA_API_KEY"),
        ({"base_url": "http://localhost:11434"}, None),
    ],
)
def test_what_the_section_lacks(section: Any, said: str | None) -> None:
    missing = Settings(**section).missing()
    assert (missing is None) if said is None else said in missing


@pytest.mark.parametrize("text", ["10m", "-1m", "0s", "1h30m", "1.5h", "500ms"])
def test_keep_alive_is_a_duration(text: str) -> None:
    assert Settings(keep_alive=text).keep_alive == text
    with pytest.raises(ValueError, match="keep_alive must be a duration"):
        Settings(keep_alive=text.rstrip("hms") or "forever")


@pytest.mark.parametrize(("url", "sent"), [("https://ollama.com", True), ("http://localhost:11434", False)])
def test_the_clouds_key_goes_to_the_cloud_alone(url: str, sent: bool) -> None:
    from_environment = Settings(base_url=url, api_key=Secret("cloud-key", "env:OLLAMA_API_KEY"))
    assert bool(from_environment.api_key) is sent
    assert Settings(base_url=url, api_key=Secret("own-key", "env:PROXY_KEY")).api_key.reveal() == "own-key"


def test_one_limit_of_the_section_leaves_the_others_long() -> None:
    section = {"base_url": "http://localhost:11434", "timeouts": {"connect": 2}}
    made = Configuration(path=Path("router.toml"), environ={}).record(Settings, "providers.ollama", section)
    assert (made.timeouts.connect, made.timeouts.first_byte, made.on_disconnect) == (2, 600, "cancel")
