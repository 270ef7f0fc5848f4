"""Fields of requests: what checks a value is what describes it."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from marshmallow import ValidationError

from router.errors import BadRequest
from router.surfaces.canonical.ladder import FieldRung, check_ladder, ladder_schema
from router.surfaces.field_kinds import (
    Either,
    Integer,
    JsonField,
    ListOf,
    Members,
    Number,
    OneOf,
    Tagged,
    TextField,
    Typed,
)
from router.surfaces.known_fields import check_part
from router.surfaces.media.fields import NotStreamed
from router.surfaces.responses.item_fields import ITEM, TOOL

TEXT_PART, NAMED = Members({"text": TextField(required=True)}), Members({"name": TextField(least=1, required=True)})
FIELDS: dict[str, JsonField] = {
    "text": TextField(),
    "some text": TextField(least=1),
    "a pattern": TextField("a link", pattern=r"https?://[\s\S]*"),
    "any list": ListOf(Integer()),
    "a short list": ListOf(TextField(), 1, 2),
    "a list of ranges": ListOf(Number(0, 1)),
    "any object": Members(),
    "an object": Members({"name": TextField(required=True), "size": Integer(1), "more": ListOf(TextField())}),
    "a closed object": Members({"name": TextField()}, others="is not known here"),
    "one of texts": OneOf("a", "b"),
    "one of numbers": OneOf(0, -1),
    "one of booleans": OneOf(True),
    "tagged": Tagged("type", {"a": TEXT_PART, "b": NAMED}),
    "tagged or usual": Tagged("type", {"a": TEXT_PART, "b": NAMED}, usual="a"),
    "tagged and closed": Tagged("type", {"a": Members({"x": Integer()}, others="is not known")}),
    "either": Either("a text or a list", TextField(), ListOf(TextField(least=1), 1)),
    "either object": Either(
        "a text or an object", TextField(least=1), Members({"url": TextField(least=1, required=True)})
    ),
    "typed": Typed("true or false", bool),
    "no stream": NotStreamed("Images"),
    "an item": ITEM,
    "a tool": TOOL,
}
PARTS: list[Any] = [
    *([], [""], ["a"], ["a", "b", "c"], [0], [1.5, 0.5], [None], [{}], [[]]),
    *({}, {"type": "a"}, {"type": "b"}, {"type": 0}, {"type": {}}, {"type": None}, {"type": []}, {"name": None}),
    *({"type": "a", "text": "x"}, {"text": "x"}, {"type": "b", "name": ""}, {"type": "b", "name": "x", "text": 1}),
    *({"name": "x"}, {"name": "x", "size": 0}, {"name": "x", "size": 1}, {"name": "x", "size": None, "more": [1]}),
    *({"name": "x", "other": None}, {"name": "x", "other": 1}, {"type": "a", "x": 1}, {"type": "a", "x": 1, "y": 1}),
    *({"url": ""}, {"url": "x"}, {"role": "user", "content": "x"}, {"type": None, "role": "user", "content": []}),
    {"role": "user", "content": [{"type": "input_text", "text": ""}]},
    {"role": "user", "content": [{"type": "input_image", "image_url": {"url": "x"}}]},
    {"role": "user", "content": [{"type": "input_image", "file_id": "x"}]},
    {"role": "user", "content": [{"type": "input_file", "file_data": ""}]},
    {"role": "nobody", "content": "x"},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": {}},
    {"type": "function_call_output", "call_id": "c", "output": [{"type": "refusal", "refusal": "no"}]},
    {"type": "function", "name": "f", "parameters": {}, "strict": None},
    {"type": "function", "name": "f", "strict": 1},
    {"type": "namespace", "name": "n", "tools": [{"type": "custom", "name": "c"}]},
    {"type": "namespace", "name": "n", "tools": [{"type": "namespace", "name": "c", "tools": []}]},
]
VALUES: list[Any] = [True, False, 0, 1, -1, 1.5, "", "a", "c", "http://x", "x http://x", "http://x\n", *PARTS]


def takes(field: JsonField, value: Any) -> bool:
    try:
        field.check(value)
    except ValidationError as error:
        assert str(error.messages[0]).startswith(("must ", "is ")), error
        return False
    except BadRequest:
        return False
    return True


@pytest.mark.parametrize("name", FIELDS)
def test_what_is_described_is_what_is_let_in(name: str) -> None:
    field = FIELDS[name]
    described = Draft202012Validator(field.shape())
    told = {repr(value): described.is_valid(value) for value in [*VALUES, None]}
    assert {repr(value): takes(field, value) for value in [*VALUES, None]} == told
    assert any(told.values()) and not all(told.values())
    assert Draft202012Validator(field.json_schema()).is_valid(None), "null is as good as absent"


@pytest.mark.parametrize(
    ("field", "value", "place", "says"),
    [
        (ListOf(TextField()), ["a", 1], "x[1]", "must be a string, not 1"),
        (ListOf(TextField(), 1), [], "x", "must hold at least 1, not 0"),
        (Members({"a": ListOf(NAMED)}), {"a": [{"name": "x"}, {}]}, "x.a[1].name", "is required: a string"),
        (FIELDS["a closed object"], {"more": 1}, "x.more", "is not known here"),
        (FIELDS["tagged"], {"type": "c"}, "x.type", "must be one of a, b, not 'c'"),
        (FIELDS["tagged"], {"type": "b", "name": ""}, "x.name", "must not be empty"),
        (FIELDS["either object"], {"url": 1}, "x.url", "must be a string, not 1"),
        (FIELDS["either object"], 1, "x", "must be a text or an object, not 1"),
        (FIELDS["either object"], "", "x", "must be a text or an object"),
        (FIELDS["one of booleans"], 1, "x", "must be true, not 1"),
        (FIELDS["text"], None, "x", "must be a string, not null"),
    ],
)
def test_a_refusal_names_the_place_within(field: JsonField, value: Any, place: str, says: str) -> None:
    with pytest.raises(BadRequest) as refused:
        check_part("x", value, field)
    assert refused.value.param == place and refused.value.message.startswith(f"'{place}' {says}")


LADDER = (
    FieldRung("plain", "pass", "as it is", (str,)),
    FieldRung("count", "translate", "as it is", field=Integer(1)),
    FieldRung("outer", "translate", "see its members", (dict,)),
    FieldRung("outer.inner", "translate", "as it is", field=ListOf(TextField())),
    FieldRung("outer.gone", "drop", "nobody knows it"),
    FieldRung("never", "refuse", "it is not there", (), (1, False)),
)
BODIES: list[Any] = [
    *({}, {"plain": "x"}, {"plain": 1}, {"plain": None}, {"count": 0}, {"count": 1}, {"count": True}),
    *({"outer": {}}, {"outer": []}, {"outer": {"inner": ["x"]}}, {"outer": {"inner": [1]}}, {"outer": {"gone": 1}}),
    *({"never": 1}, {"never": True}, {"never": False}, {"never": 0}, {"never": None}, {"never": [1]}, {"else": 1}),
]


@pytest.mark.parametrize("body", BODIES, ids=str)
def test_a_ladder_describes_what_it_lets_in(body: Any) -> None:
    let_in = True
    try:
        check_ladder(body, LADDER, {str: "a text", dict: "an object"}, "before.")
    except BadRequest as error:
        let_in = False
        assert str(error.param).startswith("before.")
    assert Draft202012Validator(ladder_schema(LADDER)).is_valid(body) == let_in
