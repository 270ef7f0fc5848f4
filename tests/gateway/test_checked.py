"""The one walk over a body accepts what marshmallow's fields accept, refuses in their words, and measures alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.errors import BadRequest
from router.surfaces.checked import look
from router.surfaces.known_fields import FIELDS, check_fields, check_input, check_message, message_list, model_of
from router.surfaces.measuring import (
    CAP_SPELLINGS,
    FREE_BYTES,
    NO_PROMPT,
    NUMBERS,
    Measure,
    add_message,
    caps_in,
    inputs_of,
    json_bytes,
    member_bytes,
)

NAMES = sorted({*FIELDS["chat"], *FIELDS["embeddings"], *NO_PROMPT, "options", "prediction", "extra", "überlang"})
numbers = st.integers() | st.integers(-3, 200) | st.floats() | st.just(10**400)
texts = st.text(max_size=90) | st.sampled_from(["", "float", "x\u2028", "\ud800"])
leaves = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)
parts = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "input_audio", "file", "new", 1])},
    optional={"text": texts, "image_url": values, "cache_control": values},
)
plain = st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": texts})
messages = plain | st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "root", 1, None])},
    optional={
        "content": texts | st.lists(parts | values, max_size=3) | values,
        "name": leaves,
        "tool_calls": values,
        "audio": values,
        "reasoning": values,
    },
)
bodies = st.builds(
    lambda some, more: {**some, **more},
    st.fixed_dictionaries(
        {},
        optional={
            "model": st.sampled_from(["p/m", "p/modèle", "", "x" * 257]) | values,
            "messages": st.lists(messages | values, max_size=4) | values,
            "input": texts | st.lists(texts) | st.lists(st.integers()) | values,
        },
    ),
    st.dictionaries(st.sampled_from(NAMES), values, max_size=5),
)


def separately(body: Mapping[str, Any], kind: str) -> Measure:
    """Checked by the fields alone, message by message, and measured afterwards."""
    check_fields(body, FIELDS[kind])
    model_of(body)
    if kind == "embeddings":
        check_input(body.get("input"))
    else:
        for index, message in enumerate(message_list(body)):
            check_message(message, index)
    found = Measure()
    for name, value in body.items():
        if name in NO_PROMPT:
            if type(value) not in NUMBERS and (long := json_bytes(value)) > FREE_BYTES:
                found.text_bytes += long
        elif name not in {"input", "messages", "model"}:
            found.text_bytes += member_bytes(name, value)
    if kind == "embeddings":
        found.inputs, found.tokenised = inputs_of(body["input"])
        return found
    for message in body["messages"]:
        add_message(message, found)
        found.plain = found.plain and message.keys() == {"role", "content"} and type(message["content"]) is str
    found.caps = caps_in(body)
    found.choices = body.get("n") or 1
    if body.get("prediction") is not None:
        found.predicted = json_bytes(body["prediction"])
    return found


@pytest.mark.parametrize("kind", ["chat", "embeddings"])
@settings(max_examples=400, deadline=None)
@given(body=bodies)
@example(body={"model": "p/m", "messages": [{"role": "user", "content": "é"}], "max_tokens": None, "n": 2})
@example(body={"model": "p/m", "messages": [{"role": "user", "content": "x"}], "options": {"num_predict": 7}})
@example(body={"model": "p/m", "messages": [{"role": "user", "content": None}], "temperature": 2.0, "input": ["a"]})
def test_one_walk_is_as_good_as_two(kind: str, body: dict[str, Any]) -> None:
    try:
        expected = separately(body, kind)
    except BadRequest as refused:
        with pytest.raises(BadRequest) as caught:
            look(kind, body)
        assert (caught.value.message, caught.value.param, caught.value.code) == (
            refused.message,
            refused.param,
            refused.code,
        )
    else:
        assert look(kind, body) == expected


def test_what_is_plain_is_told() -> None:
    body = {"model": "p/m", "messages": [{"role": "user", "content": "x"}, {"role": "system", "content": "yz"}]}
    found = look("chat", body)
    assert (found.plain, found.messages, found.text_bytes) == (True, 2, 3)
    body["messages"].append({"role": "user", "content": "x", "name": "n"})  # type: ignore[attr-defined]
    assert not look("chat", body).plain
    assert CAP_SPELLINGS <= NO_PROMPT
