"""``find_member`` and ``cut_member`` against what ``json`` says of the same text."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.surfaces.splice import cut_member, find_member

NAME = "model"
names = st.sampled_from([NAME, "a", 'm"odel', "model\\", '"model":', "", "é", "\ud800", ', "model": 1']) | st.text()
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | names
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=12
)
objects = st.dictionaries(names, values, max_size=6)
spaces = st.text(" \t\r\n", max_size=2)


@st.composite
def texts(draw: st.DrawFn) -> tuple[dict[str, Any], bytes]:
    """An object, and one of the many ways to write it."""
    value = draw(objects)
    escaped = draw(st.booleans())
    separators = (draw(spaces) + "," + draw(spaces), draw(spaces) + ":" + draw(spaces))
    text = json.dumps(value, ensure_ascii=escaped, separators=separators, indent=draw(st.sampled_from([None, 1])))
    return value, (draw(spaces) + text + draw(spaces)).encode("utf-8", "surrogatepass")


@given(texts())
def test_a_member_is_found_at_the_top_and_nowhere_else(written: tuple[dict[str, Any], bytes]) -> None:
    value, text = written
    member = find_member(text, NAME)
    assert (member is not None) == (NAME in value)
    if member is not None:
        assert json.loads(text[member.value : member.end]) == value[NAME]
        swapped = text[: member.value] + b'"other"' + text[member.end :]
        assert json.loads(swapped) == {**value, NAME: "other"}
        assert list(json.loads(swapped)) == list(value)


@given(texts())
def test_a_member_is_cut_and_all_else_stays(written: tuple[dict[str, Any], bytes]) -> None:
    value, text = written
    cut = cut_member(text, NAME)
    assert json.loads(cut) == {name: one for name, one in value.items() if name != NAME}
    if NAME not in value:
        assert cut == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b'{"model":"x"}', b'"x"'),
        (b'{"a":{"model":1},"model":2}', b"2"),
        (b'{"model":2,"a":{"model":1}}', b"2"),
        (b'{"a":[{"model":1}],"b":"\\"model\\":3","model" : 1e400 }', b"1e400"),
        (b'{"model":{"model":{"model":1}}}', b'{"model":{"model":1}}'),
        (b'{"mo\\u0064el":"x"}', b'"x"'),
        (b'{"model":1,"model":2}', b"1"),
        (b'{"model":123456789012345678901234567890}', b"123456789012345678901234567890"),
        (b'\xef\xbb\xbf{"model":"x"}', b'"x"'),
    ],
)
def test_the_value_is_given_as_it_is_written(text: bytes, found: bytes) -> None:
    member = find_member(text, NAME)
    assert member is not None and text[member.value : member.end] == found


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b'[{"model":1}]', b'"model"', b'{"a":"model"}', b'{"a":{"model":1}}']
)
def test_what_is_not_there_is_not_found(text: bytes) -> None:
    assert find_member(text, NAME) is None
    assert cut_member(text, NAME) == text


def test_many_nested_namesakes_take_linear_time() -> None:
    text = b'{"choices":[' + b",".join([b'{"model":"x"}'] * 30_000) + b'],"model":"y"}'
    started = time.process_time()
    member = find_member(text, NAME)
    assert member is not None and text[member.value : member.end] == b'"y"'
    assert time.process_time() - started < 2.0  # 0.1 s; it was minutes
