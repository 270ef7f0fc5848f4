"""Every example of the systems' texts runs against a gateway of that profile, changed only in base URL and key."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from example_texts import Example, differences, load_examples
from profile_shop import Shop

pytestmark = pytest.mark.slow

EXAMPLES = load_examples()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.profile}-{example.name}")
def test_example(example: Example, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    shop: Shop = request.getfixturevalue(example.profile)
    output = example.run(tmp_path, shop.gateway.url, shop.key().text)
    if example.shape is None:
        assert output == example.prints
        return
    documents = events(output) if output.startswith("data: ") else [own(json.loads(output))]
    assert [fault for document in documents for fault in differences(example.shape, document)] == []
    if example.holds:
        assert [item for item in items(example.shape) if item not in items(documents[0])] == []


def events(output: str) -> list[Any]:
    """The decoded events of a whole stream."""
    *frames, end, rest = output.split("\n\n")
    assert (end, rest) == ("data: [DONE]", "")
    return [json.loads(frame.removeprefix("data: ")) for frame in frames]


def own(document: Any) -> Any:
    """A document without the models that the shop has for other tests."""
    if not isinstance(document, dict) or document["object"] != "list":
        return document
    return {**document, "data": [item for item in document["data"] if not str(item.get("id")).endswith("/m")]}


def items(document: Any) -> list[Any]:
    """The items of a list, bare or in OpenAI's envelope."""
    found = document["data"] if isinstance(document, dict) else document
    return list(found)


@pytest.mark.parametrize("profile", sorted({example.profile for example in EXAMPLES}))
def test_examples_are_changed_in_base_url_and_key_alone(profile: str) -> None:
    for example in EXAMPLES:
        if example.profile == profile:
            values = [*example.replace.values(), *example.environment.values()]
            assert {re.sub("/v1/?$", "", value.strip(' "')) for value in values} == {"{url}", "{key}"}


@pytest.mark.parametrize(
    ("shape", "got", "faults"),
    [
        ({"a": 1}, {"a": 2, "b": None}, 0),
        ({"a": 1, "b": 1}, {"a": "2"}, 2),
        ([{"a": "0.0025"}], [{"a": "0.0100"}, {"a": "0.1"}, {}], 2),
        ([1], [], 1),
        ({"a": None}, {"a": "stop"}, 0),
        ({"a": 1}, {"a": True}, 1),
        ([0.5], [1, 0.25], 0),
    ],
)
def test_differences_are_found(shape: Any, got: Any, faults: int) -> None:
    assert len(differences(shape, got)) == faults
