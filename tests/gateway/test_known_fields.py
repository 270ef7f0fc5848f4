"""A decoded body becomes a call, or a message that names the field."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.calls.call import ActiveCall
from router.errors import BadRequest
from router.surfaces.chat.surface import CHAT as CHAT_SURFACE
from router.surfaces.checked import look
from router.surfaces.embeddings import EMBEDDINGS
from router.surfaces.known_fields import MODEL_SHAPE, dropped_fields, passed_on
from router.types.dialect import Dialect
from router.types.records import AnyCall, Key

MESSAGES = [{"role": "user", "content": "x"}]
CHAT = {"model": "p/m", "messages": MESSAGES}


def chat_call(body: dict[str, Any], kind: str = "chat") -> AnyCall:
    """The call as a plugin sees it."""
    kept = passed_on(body)
    found, key = look(kind, kept), Key("key_1", "acct_1")
    finished = lambda active, record: None  # noqa: E731
    return ActiveCall(
        "req_1",
        EMBEDDINGS if kind == "embeddings" else CHAT_SURFACE,
        key,
        kept,
        found,
        Dialect(),
        received_at=0.0,
        drain_s=0.0,
        finished=finished,
    ).call


def refusal(body: dict[str, Any]) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        chat_call(body)
    return caught.value


def test_a_body_is_kept_as_it_came() -> None:
    body = {**CHAT, "temperature": 1, "new": {"a": [None]}, "": 1}
    call = chat_call(body)
    assert (call.request_id, call.model, call.body, call.stream) == ("req_1", "p/m", body, False)


@pytest.mark.parametrize("letter", ["\x00", "\n", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"])
def test_a_model_that_holds_a_control_character_is_refused_and_described_so(letter: str) -> None:
    model = f"p/{letter}m"
    assert refusal({**CHAT, "model": model}).param == "model"
    assert letter == "\ud800" or not re.search(str(MODEL_SHAPE["pattern"]), model)  # that is no letter in JSON's terms


@pytest.mark.parametrize("model", ["p/m", "p/m 1", "p/modèle\u00a0x", "p/模型", "p/🙂"])
def test_a_model_may_have_any_other_letter(model: str) -> None:
    assert chat_call({**CHAT, "model": model}).model == model
    assert re.search(str(MODEL_SHAPE["pattern"]), model)


@pytest.mark.parametrize(
    ("fields", "stream", "include_usage"),
    [
        ({}, False, False),
        ({"stream": None}, False, False),
        ({"stream": True}, True, False),
        ({"stream": True, "stream_options": None}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True, True),
        ({"stream": True, "stream_options": {"include_usage": 1}}, True, False),
        ({"stream_options": {"include_usage": True}}, False, False),
    ],
)
def test_streams_and_their_usage(fields: dict[str, Any], stream: bool, include_usage: bool) -> None:
    call = chat_call({**CHAT, **fields})
    assert (call.stream, call.include_usage) == (stream, include_usage)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("temperature", 2.5, "'temperature' must be a number from 0 to 2, not 2.5."),
        ("temperature", "1", "'temperature' must be a number from 0 to 2, not a string."),
        ("temperature", True, "'temperature' must be a number from 0 to 2, not a boolean."),
        ("n", 0, "'n' must be a whole number from 1 to 128, not 0."),
        ("n", 1.0, "'n' must be a whole number from 1 to 128, not 1.0."),
        ("max_tokens", 0.5, "'max_tokens' must be a whole number, not 0.5."),
        ("seed", [], "'seed' must be a whole number, not a list."),
        ("n", 10**90, "'n' must be a whole number from 1 to 128, not a number of that size."),
        ("stop", [1], "'stop' must be a string or a list of strings."),
        ("tools", {}, "'tools' must be a list, not an object."),
        ("stream", 1, "'stream' must be true or false, not 1."),
    ],
)
def test_the_words_of_a_refusal(field: str, value: Any, words: str) -> None:
    error = refusal({**CHAT, field: value})
    assert (error.message, error.param, error.code) == (words, field, "invalid_value")


@pytest.mark.parametrize("value", ["x" * 10**6, "{0}{input}%s", ["x"] * 1000, {"a": 1}, None])
def test_a_format_that_is_none_is_not_repeated(value: Any) -> None:
    body = {"model": "p/m", "input": "x", "encoding_format": value}
    if value is None:
        assert chat_call(body, "embeddings").body == body
        return
    with pytest.raises(BadRequest) as caught:
        chat_call(body, "embeddings")
    assert len(caught.value.message) < 100
    assert "'float' or 'base64'" in caught.value.message


@pytest.mark.parametrize("value", ["x", ["a"], ["a", "b"], [1], [1, 2], [[1], [2]]])
def test_inputs(value: Any) -> None:
    assert chat_call({"model": "p/m", "input": value}, "embeddings").body["input"] == value


@pytest.mark.parametrize("value", [[], [[]], [1, "a"], [1.0], [True], [[True]], [None], [{}], [[["a"]]], [["a"]]])
def test_inputs_that_are_none(value: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        chat_call({"model": "p/m", "input": value}, "embeddings")
    assert caught.value.param == "input"


def test_fields_that_are_never_passed_on() -> None:
    body = {**CHAT, "api_key": "x", "base_url": "y", "API_KEY": "data", "metadata": {"api_key": "data"}}
    call = chat_call(body)
    assert call.body == {**CHAT, "API_KEY": "data", "metadata": {"api_key": "data"}}
    assert dropped_fields(body) == ["api_key", "base_url"]
    assert body["api_key"] == "x", "the decoded body itself is not changed"


@settings(max_examples=200, deadline=None)
@given(
    body=st.dictionaries(
        st.sampled_from(["model", "messages", "stream", "stop", "input", "n", "x", "host"]),
        st.none() | st.integers() | st.text(max_size=5) | st.lists(st.none() | st.text(max_size=3), max_size=3),
    )
)
def test_any_body_is_a_call_or_a_refusal(body: dict[str, Any]) -> None:
    for kind in ("chat", "embeddings"):
        try:
            assert chat_call(body, kind).model
        except BadRequest as error:
            assert error.param
