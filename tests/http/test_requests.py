"""What a request may say: ranges, messages, inputs, models; and what reaches the upstream of it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from errors import assert_error_shape
from gateway_wire import CHAT, EMBEDDINGS, USER, get, post
from hypothesis import given, settings
from hypothesis import strategies as st

from router.testing import Gateway, ScriptedUpstream

GPT = "openai/gpt-4o"
ECHO = {"model": "echo/echo", "messages": USER}
EMBED = {"model": "echo/embed", "input": "x"}
MANY = 10**30

# field: values that pass, values that do not
RANGES: dict[str, tuple[list[Any], list[Any]]] = {
    "temperature": ([0, 0.0, 1, 2, 2.0], [-0.1, 2.01, -1, 3, MANY, "1", True, [], {}]),
    "top_p": ([0, 0.5, 1], [-0.1, 1.01, "0.5", False]),
    "n": ([1, 128], [0, 129, -1, 1.0, 1.5, "1", True, MANY]),
    "max_tokens": ([1, 10**6, MANY], [0, -1, 1.5, "1", True]),
    "max_completion_tokens": ([1, 10**6], [0, -1, 2.0, "1", [1]]),
    "frequency_penalty": ([-2, 0, 2], [-2.1, 2.1, "0", True]),
    "presence_penalty": ([-2, 0, 2], [-2.1, 2.1, "0", {}]),
    "top_logprobs": ([0, 20], [-1, 21, 1.0, "1"]),
    "seed": ([0, -5, MANY], [1.5, "1", True]),
    "stop": (["a", "", [], ["a"], list("abcde")], [1, [1], {}, True]),
    "stream": ([False], ["true", 1, 0, [], {}]),
    "stream_options": ([{}, {"include_usage": True}], [True, [], "x"]),
    "logprobs": ([True, False], [1, "true"]),
    "logit_bias": ([{}, {"50256": -100}], [[], "x", 1]),
    "tools": ([[], [{"type": "function"}]], [{}, "x", 1]),
    "parallel_tool_calls": ([True], ["x", 1]),
    "response_format": ([{"type": "text"}], ["text", [], 1]),
    "user": (["", "someone"], [1, [], {}]),
    "metadata": ([{}, {"a": "b"}], [[], "x"]),
}
EMBEDDINGS_RANGES: dict[str, tuple[list[Any], list[Any]]] = {
    "encoding_format": (["float", "base64"], ["FLOAT", "", 1, [], ["float"], True]),
    "dimensions": ([1, 256, 4096], [0, -1, 1.5, "256", True, 4097, MANY]),
    "user": (["x"], [1]),
}


FIELDS = [
    *(pytest.param(CHAT, ECHO, name, values, id=name) for name, values in RANGES.items()),
    *(
        pytest.param(EMBEDDINGS, EMBED, name, values, id=f"embeddings {name}")
        for name, values in EMBEDDINGS_RANGES.items()
    ),
]


@pytest.mark.parametrize(("path", "body", "name", "values"), FIELDS)
def test_which_values_of_a_field_pass(
    gateway: Gateway, path: str, body: dict[str, Any], name: str, values: tuple[list[Any], list[Any]]
) -> None:
    passing, failing = values
    for value in (*passing, None):
        answer = post(gateway, path, {**body, name: value})
        assert answer.status == 200, (value, answer.body)
    for value in failing:
        detail = assert_error_shape(post(gateway, path, {**body, name: value}), 400, "invalid_value")
        assert (detail["param"], detail["type"]) == (name, "invalid_request_error"), value
        assert f"'{name}' must be" in detail["message"], value


def test_a_message_about_a_value_is_short_and_shows_the_number(gateway: Gateway) -> None:
    answer = post(gateway, CHAT, {**ECHO, "temperature": 3.5})
    assert "from 0 to 2, not 3.5" in assert_error_shape(answer, 400, "invalid_value")["message"]
    for value in ("x" * 10**6, MANY**3, ["y"] * 1000):
        answer = post(gateway, CHAT, {**ECHO, "temperature": value})
        assert len(assert_error_shape(answer, 400, "invalid_value")["message"]) < 120


GOOD = {"role": "user", "content": "x"}
MESSAGES: dict[str, tuple[Any, str, str]] = {
    "none": ([], "messages", "invalid_value"),
    "null": (None, "messages", "missing_required_parameter"),
    "text": ("hi", "messages", "invalid_value"),
    "object": (GOOD, "messages", "invalid_value"),
    "no object": ([GOOD, "hi"], "messages[1]", "invalid_type"),
    "null inside": ([None], "messages[0]", "invalid_type"),
    "no role": ([GOOD, GOOD, {"content": "x"}], "messages[2].role", "invalid_value"),
    "empty role": ([{"role": "", "content": "x"}], "messages[0].role", "invalid_value"),
    "role of another type": ([{"role": ["user"], "content": "x"}], "messages[0].role", "invalid_value"),
    "content of another type": ([{"role": "user", "content": 5}], "messages[0].content", "invalid_type"),
    "content object": ([{"role": "user", "content": {}}], "messages[0].content", "invalid_type"),
    "tool calls of another type": ([{"role": "assistant", "tool_calls": 5}], "messages[0].tool_calls", "invalid_type"),
    "tool call of another type": (
        [GOOD, {"role": "assistant", "tool_calls": [5]}],
        "messages[1].tool_calls[0]",
        "invalid_type",
    ),
    "part of another type": ([{"role": "user", "content": ["x"]}], "messages[0].content[0]", "invalid_type"),
    "part without type": (
        [GOOD, {"role": "user", "content": [{"type": "text", "text": "a"}, {"text": "x"}]}],
        "messages[1].content[1]",
        "invalid_type",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_that_do_not_pass(gateway: Gateway, name: str) -> None:
    messages, param, code = MESSAGES[name]
    detail = assert_error_shape(post(gateway, CHAT, {"model": "echo/echo", "messages": messages}), 400, code)
    assert detail["param"] == param
    assert f"'{param}'" in detail["message"]


@pytest.mark.parametrize("field", ["model", "messages"])
def test_what_is_missing_is_named(gateway: Gateway, field: str) -> None:
    body = {name: value for name, value in ECHO.items() if name != field}
    detail = assert_error_shape(post(gateway, CHAT, body), 400, "missing_required_parameter")
    assert detail["param"] == field


@pytest.mark.parametrize("model", [1, [], {}, True, "x" * 257, "a\nb", "a\r\nx-evil: 1", "\0", "\ud800", "a\x85b"])
def test_models_that_cannot_be(gateway: Gateway, model: Any) -> None:
    detail = assert_error_shape(post(gateway, CHAT, {**ECHO, "model": model}), 400, "invalid_value")
    assert detail["param"] == "model"


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=()), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=100, deadline=None)
@given(value=values)
def test_fields_that_nobody_here_knows_reach_the_upstream_json_equal(
    gateway: Gateway, running_upstream: ScriptedUpstream, value: Any
) -> None:
    body = {
        "model": GPT,
        "messages": [
            {"role": "user", "content": "x", "extra": value},
            {"role": "developer", "content": [], "y": value},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": value}}],
        "metadata": {"m": value},
        "new_thing": value,
        "": value,
    }
    assert post(gateway, CHAT, body).status == 200
    assert running_upstream.last.json() == {**body, "model": "gpt-4o"}


def test_an_image_of_10_mib_passes(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    url = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 40 * 1024).decode("ascii")
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
    ]
    body = {"model": GPT, "messages": [{"role": "user", "content": parts}]}
    assert post(gateway, CHAT, body).status == 200
    assert upstream.last.json() == {**body, "model": "gpt-4o"}
    assert "\\" not in upstream.last.body.decode("utf-8")


@pytest.mark.parametrize("role", ["developer", "system", "assistant", "tool", "function", "user"])
def test_every_role_passes(gateway: Gateway, upstream: ScriptedUpstream, role: str) -> None:
    messages = [{"role": role, "content": "x", "tool_call_id": "c1"}, {"role": "assistant", "content": None}]
    assert post(gateway, CHAT, {"model": GPT, "messages": messages}).status == 200
    assert upstream.last.json()["messages"] == messages


CAPS = [
    (GPT, {"max_tokens": 5}, {"max_completion_tokens": 5}),
    (GPT, {"max_completion_tokens": 5}, {"max_completion_tokens": 5}),
    (GPT, {"max_tokens": 5, "max_completion_tokens": 6}, {"max_completion_tokens": 6}),
    ("open/x", {"max_tokens": 5}, {"max_tokens": 5, "max_completion_tokens": 5}),
    ("open/x", {"max_completion_tokens": 5}, {"max_tokens": 5, "max_completion_tokens": 5}),
]


@pytest.mark.parametrize(("model", "sent", "seen"), CAPS)
def test_both_names_of_the_cap(
    gateway: Gateway, upstream: ScriptedUpstream, model: str, sent: dict[str, int], seen: dict[str, int]
) -> None:
    assert post(gateway, CHAT, {"model": model, "messages": USER, **sent}).status == 200
    received = upstream.last.json()
    assert {name: value for name, value in received.items() if name.startswith("max")} == seen


INPUTS: dict[str, Any] = {
    "text": "x",
    "texts": ["a", "", "\ud800"],
    "tokens": [1, 2, 3],
    "token lists": [[1], [2, 3]],
}


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("more", [{}, {"encoding_format": "base64"}, {"encoding_format": "float", "dimensions": 8}])
def test_embeddings_inputs(gateway: Gateway, upstream: ScriptedUpstream, name: str, more: dict[str, Any]) -> None:
    body = {"model": "openai/text-embedding-3-small", "input": INPUTS[name], **more}
    answer = post(gateway, EMBEDDINGS, body)
    assert answer.status == 200, answer.body
    assert answer.json()["model"] == body["model"]
    assert upstream.last.json() == {**body, "model": "text-embedding-3-small"}
    count = len(INPUTS[name]) if name in ("texts", "token lists") else 1
    data = answer.json()["data"]
    assert [one["index"] for one in data] == list(range(count))
    assert {type(one["embedding"]) for one in data} == {str if more.get("encoding_format") == "base64" else list}


@pytest.mark.parametrize(
    "value", [[], [[]], [[1], []], ["a", 1], [1, "a"], [1.5], [True], [None], [["a"]], [{}], [[1], 2]]
)
def test_embeddings_inputs_that_do_not_pass(gateway: Gateway, value: Any) -> None:
    answer = post(gateway, EMBEDDINGS, {**EMBED, "input": value})
    assert answer.status == 400
    assert assert_error_shape(answer, 400, answer.json()["error"]["code"])["param"] == "input"


@pytest.mark.parametrize("value", [None, 1, {}, True])
def test_embeddings_without_an_input(gateway: Gateway, value: Any) -> None:
    code = "missing_required_parameter" if value is None else "invalid_value"
    assert assert_error_shape(post(gateway, EMBEDDINGS, {**EMBED, "input": value}), 400, code)["param"] == "input"


def test_models_are_listed_and_shown_one_by_one(gateway: Gateway) -> None:
    listed = get(gateway, "/v1/models").json()
    assert listed["object"] == "list"
    ids = [model["id"] for model in listed["data"]]
    assert {"openai/gpt-4o", "second/deep/Nested/Model-1", "fast", "echo/echo"} <= set(ids)
    assert ids == sorted(ids)
    for model in listed["data"]:
        assert set(model) == {"id", "object", "created", "owned_by"}
        assert get(gateway, f"/v1/models/{model['id']}").json() == model
    assert get(gateway, "/v1/models/second%2Fdeep%2FNested%2FModel-1").json()["id"] == "second/deep/Nested/Model-1"


@pytest.mark.parametrize(
    ("asked", "named"),
    [("openai/gpt-4p", "openai/gpt-4o"), ("OPENAI/GPT-4O", "openai/gpt-4o"), ("deep/nested/model-1", "second/deep")],
)
def test_an_unknown_model_names_the_nearest(gateway: Gateway, asked: str, named: str) -> None:
    for answer in (post(gateway, CHAT, {**ECHO, "model": asked}), get(gateway, f"/v1/models/{asked}")):
        detail = assert_error_shape(answer, 404, "model_not_found")
        assert detail["param"] == "model"
        assert asked in detail["message"]
        assert named in detail["message"].split("Did you mean")[1]


def test_a_model_like_no_other(gateway: Gateway) -> None:
    detail = assert_error_shape(post(gateway, CHAT, {**ECHO, "model": "zzzzzzzz"}), 404, "model_not_found")
    assert "GET /v1/models" in detail["message"]


def test_a_bare_name_of_two_providers_is_refused_naming_both(gateway: Gateway) -> None:
    detail = assert_error_shape(post(gateway, CHAT, {**ECHO, "model": "gpt-4o"}), 404, "model_not_found")
    assert "'openai/gpt-4o'" in detail["message"] and "'second/gpt-4o'" in detail["message"]


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("fast", "gpt-4o-mini"),
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("second/deep/Nested/Model-1", "deep/Nested/Model-1"),
        ("deep/Nested/Model-1", "deep/Nested/Model-1"),
        ("open/any/Thing:7b", "any/Thing:7b"),
        ("open/modèle-é/模型", "modèle-é/模型"),
    ],
)
def test_ways_to_name_a_model(gateway: Gateway, upstream: ScriptedUpstream, asked: str, seen: str) -> None:
    answer = post(gateway, CHAT, {**ECHO, "model": asked})
    assert answer.status == 200, answer.body
    assert answer.json()["model"] == asked
    assert answer.headers["x-router-model"].isascii()
    assert upstream.last.json()["model"] == seen


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (EMBEDDINGS, {**EMBED, "model": GPT}),
        (EMBEDDINGS, {**EMBED, "model": "echo/echo"}),
        (CHAT, {**ECHO, "model": "openai/text-embedding-3-small"}),
        (CHAT, {**ECHO, "model": "echo/embed", "stream": True}),
    ],
)
def test_chat_and_embeddings_are_not_mixed_up(
    gateway: Gateway, upstream: ScriptedUpstream, path: str, body: dict[str, Any]
) -> None:
    detail = assert_error_shape(post(gateway, path, body), 400, "unsupported_operation")
    assert detail["param"] == "model"
    assert not upstream.requests


HOST = "http://127.0.0.1:1/evil"
INTRUSIONS = {
    "api_base": HOST,
    "api_key": "sk-theirs",
    "base_url": HOST,
    "custom_llm_provider": "azure",
    "extra_body": {"model": "other"},
    "extra_headers": {"X-Evil": "1"},
    "extra_query": {"a": "b"},
    "headers": {"Authorization": "Bearer sk-theirs"},
    "host": "evil",
}
REQUEST_HEADERS = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-For": "1.2.3.4",
    "Forwarded": "host=evil.example",
    "OpenAI-Organization": "org-theirs",
    "OpenAI-Project": "proj-theirs",
    "X-Base-Url": HOST,
    "Cookie": "session=1",
    "User-Agent": "theirs",
    "Accept-Language": "tlh",
    "Proxy-Authorization": "Basic eA==",
    "X-HTTP-Method-Override": "DELETE",
    "Connection": "keep-alive, x-base-url",
}


@pytest.mark.parametrize("path", [CHAT, EMBEDDINGS])
def test_nothing_that_a_client_sends_chooses_a_host_a_key_or_a_header(
    gateway: Gateway, upstream: ScriptedUpstream, path: str
) -> None:
    plain = {"model": GPT, "messages": USER}
    if path == EMBEDDINGS:
        plain = {"model": "openai/text-embedding-3-small", "input": "x"}
    query = f"?api_base={HOST}&base_url={HOST}&api_key=sk-theirs&model=other&host=evil"
    assert post(gateway, path, plain).status == 200
    answer = post(gateway, path + query, {**plain, **INTRUSIONS}, REQUEST_HEADERS)
    assert answer.status == 200, answer.body
    assert sorted(answer.headers["x-router-dropped-params"].split(", ")) == sorted(INTRUSIONS)
    usual, other = upstream.requests
    for part in ("method", "path", "query", "body"):
        assert getattr(other, part) == getattr(usual, part)
    assert other.headers == usual.headers
    assert usual.headers["authorization"] == "Bearer sk-upstream"


def test_nested_intrusions_are_data_and_nothing_more(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    body = {"model": GPT, "messages": [{**USER[0], **INTRUSIONS}], "metadata": INTRUSIONS, "x": [INTRUSIONS]}
    assert post(gateway, CHAT, {"model": GPT, "messages": USER}).status == 200
    answer = post(gateway, CHAT, body)
    assert answer.status == 200
    assert "x-router-dropped-params" not in answer.headers
    usual, other = upstream.requests
    assert other.json() == {**body, "model": "gpt-4o"}
    without_length = [{**one.headers, "content-length": ""} for one in (usual, other)]
    assert without_length[0] == without_length[1]


def test_dropped_fields_are_named_on_errors_and_streams_too(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    answer = post(gateway, CHAT, {**ECHO, "stream": True, "api_key": "x"})
    assert (answer.status, answer.headers["x-router-dropped-params"]) == (200, "api_key")
    answer = post(gateway, CHAT, {**ECHO, "echo": {"fail": "bad_request"}, "base_url": "x"})
    assert (answer.status, answer.headers["x-router-dropped-params"]) == (400, "base_url")
