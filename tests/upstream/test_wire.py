"""Reading and writing JSON of OpenAI's wire: the arguments of tool calls."""

from __future__ import annotations

from typing import Any

import pytest

from router.upstream.wire import arguments_of, dump_json, object_of

MANY = '{"a":[' + "0," * 50_000 + "0]}"


@pytest.mark.parametrize(
    ("text", "found"),
    [(None, {}), ("", {}), ("{}", {}), ('{"a":[1,2.5,null]}', {"a": [1, 2.5, None]}), ({"a": 1}, {"a": 1})],
)
def test_an_object(text: Any, found: dict[str, Any]) -> None:
    assert object_of(text) == found


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", '"a"', [], 7, '{"a":NaN}', '{"a":1e999}', "[" * 100_000], ids=lambda text: repr(text)[:12]
)
def test_what_is_no_object(text: Any) -> None:
    with pytest.raises(ValueError):
        object_of(text)


def test_half_a_surrogate_can_be_written() -> None:
    assert dump_json({"a": "ü\ud800"}) == rb'{"a":"\u00fc\ud800"}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, {}),
        ("", {}),
        ("null", {}),
        (" \n", {}),
        (" null ", {}),
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ('{"path":"/etc/ho', {"arguments": '{"path":"/etc/ho'}),
        ("[1]", {"arguments": "[1]"}),
        ('{"a":1e999}', {"arguments": '{"a":1e999}'}),
        ("[" * 100_000, {"arguments": "[" * 100_000}),
        (MANY, {"arguments": MANY}),
    ],
)
def test_arguments_of_an_earlier_call_can_always_be_sent_back(text: Any, expected: Any) -> None:
    assert arguments_of(text) == expected


@pytest.mark.parametrize("value", [7, [1], True])
def test_arguments_that_are_neither_a_text_nor_an_object_are_none(value: Any) -> None:
    with pytest.raises(ValueError, match="not a JSON object"):
        arguments_of(value)
