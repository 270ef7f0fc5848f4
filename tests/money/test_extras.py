"""What providers charge for beside tokens is refused, whichever door it takes; all else passes."""

from __future__ import annotations

from typing import Any

import pytest
from market import Market, chat

from router.errors import BadRequest
from router.types.request_rules import RequestRules


@pytest.mark.parametrize(
    "field",
    [
        {"web_search_options": {}},
        {"search_parameters": {"mode": "on"}},
        {"plugins": [{"id": "web"}]},
        {"service_tier": "priority"},
        {"service_tier": 5},
        {"modalities": ["text", "audio"]},
        {"audio": {"voice": "x", "format": "wav"}},
        {"models": ["acme/dear"]},
        {"enable_search": True},
        {"web_search": {"enable": True}},
        {"search": True},
        {"tools": [{"type": "builtin_function", "function": {"name": "$web_search"}}]},
        {"tools": [{"google_search": {}}]},
        {"tools": [{"type": "url_context"}]},
        {"tools": [{"type": "function", "web_search": {"enable": True}}]},
        {"tools": [{"type": "function", "function": {"name": "f"}, "googleSearch": {}}]},
        {"tools": [{"type": "custom", "function": {"name": "f"}}]},
        {"tools": [{"name": "f", "input_schema": {}}]},
        {"tools": ["web_search"]},
    ],
)
def test_extras_without_a_price_are_refused(field: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as refused:
        Market().terms(chat(**field))
    assert (refused.value.code, refused.value.param) == ("unpriced_extra", next(iter(field)))


OWN = RequestRules(unpriced={"extra_body.acme.tools": ([],), "preset": ()}, tools=("input_schema",), tool_prefix="$")


@pytest.mark.parametrize(
    ("field", "param"),
    [
        ({"preset": "dear"}, "preset"),
        ({"extra_body": {"acme": {"tools": [1]}}}, "extra_body.acme.tools"),
        ({"tools": [{"type": "function", "function": {"name": "$web_search"}}]}, "tools"),
    ],
)
def test_what_one_provider_charges_for_is_refused_there(field: dict[str, Any], param: str) -> None:
    assert Market().terms(chat(**field)).targets
    with pytest.raises(BadRequest) as refused:
        Market(request_rules=OWN).terms(chat(**field))
    assert (refused.value.code, refused.value.param) == ("unpriced_extra", param)


def test_a_providers_own_shape_of_a_function_is_one_there() -> None:
    fields = {"tools": [{"name": "f", "input_schema": {"type": "object"}}], "extra_body": {"acme": {"tools": []}}}
    assert Market(request_rules=OWN).terms(chat(**fields)).targets


@pytest.mark.parametrize(
    "field",
    [
        {"web_search_options": None},
        {"enable_search": False},
        {"service_tier": "auto"},
        {"service_tier": None},
        {"modalities": ["text"]},
        {"tools": [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g"}}]},
        {"tools": []},
    ],
)
def test_what_costs_nothing_besides_passes(field: dict[str, Any]) -> None:
    assert Market().terms(chat(**field)).quote.charge_nano > 0
