"""OpenRouter: what a call cost, prices from its list, errors inside answers, reasoning under another name."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import openai
import pytest
from provider_kit import ASK, MODES, Rig
from router_plugins.openrouter import plugin
from router_plugins.openrouter.money import card_of, take_cost_nano

from router import ModelCard, Price
from router.testing import Answer, Gateway, ScriptedUpstream, Stream, chunks, completion
from router.testing.upstream.wires import OPENROUTER
from router.upstream.failures import failure_of

pytestmark = pytest.mark.slow

MODEL = f"openrouter/{OPENROUTER.model}"
PRICING = {"prompt": "0.000003", "completion": "0.000015", "input_cache_read": "0.0000003", "internal_reasoning": "0"}
ENTRY: dict[str, Any] = {
    "id": "anthropic/claude-x",
    "created": 1790000000,
    "context_length": 200000,
    "architecture": {"output_modalities": ["text"]},
    "top_provider": {"max_completion_tokens": 64000},
    "pricing": PRICING,
}


@pytest.mark.parametrize("mode", MODES)
def test_the_cost_is_kept_and_not_shown(rig: Rig, mode: str) -> None:
    rig.upstream.script((OPENROUTER.stream if mode == "stream" else OPENROUTER.plain)("x"))
    fields: Any = {"stream_options": {"include_usage": True}} if mode == "stream" else {}
    [usage] = [reply.usage for reply in rig.ask(MODEL, mode, **fields) if reply.usage]
    assert usage.prompt_tokens_details.cached_tokens == 64
    assert not {"cost", "cost_details", "is_byok"} & usage.to_dict().keys()
    [row] = rig.gateway.router("usage", "show", "--limit", "1")
    assert row["cost"] == "0.00123"


@pytest.mark.parametrize(
    ("told", "nano"),
    [
        ({"cost": 0.00123}, 1_230_000),
        ({"cost": 1e-05}, 10_000),
        ({"cost": 0}, 0),
        ({"cost": 0.0000000001}, 1),
        ({"cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.02}}, 21_000_000),
        ({"cost": 0.001, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.02}}, 1_000_000),
        ({"cost": None}, None),
        ({"cost": -1}, None),
        ({"cost": True}, None),
        ({"cost": float("inf")}, None),
        ({"cost": "much"}, None),
        ({"cost": 1e300}, None),
        ({}, None),
    ],
)
def test_costs(told: dict[str, Any], nano: int | None) -> None:
    usage = {"prompt_tokens": 1, **told}
    assert take_cost_nano(usage) == nano
    assert usage == {"prompt_tokens": 1}


@pytest.mark.parametrize("mode", MODES)
def test_reasoning_goes_and_comes_under_its_name_there(rig: Rig, mode: str) -> None:
    rig.upstream.script((OPENROUTER.stream if mode == "stream" else OPENROUTER.plain)("x", reasoning=["hm"]))
    details = [{"type": "reasoning.encrypted", "data": "eA=="}]
    turn: Any = {"role": "assistant", "content": "y", "reasoning_content": "ah", "reasoning_details": details}
    replies = rig.ask(MODEL, mode, messages=[*ASK, turn, *ASK], max_tokens=9)
    sent = rig.sent()
    assert sent["messages"][1] == {
        "role": "assistant",
        "content": "y",
        "reasoning": "ah",
        "reasoning_details": details,
    }
    assert sent["max_completion_tokens"] == 9
    parts = [getattr(choice, "delta", None) or choice.message for reply in replies for choice in reply.choices]
    shown = [part for part in parts if getattr(part, "reasoning_content", None)]
    assert [(part.reasoning_content, part.reasoning_details[0]["signature"]) for part in shown] == [("hm", "c2ln")]
    assert not any("reasoning" in (part.model_extra or {}) for part in shown)


@pytest.mark.parametrize(("code", "status"), [(429, 429), (502, 502), (503, 503), (402, 502), (401, 502), (400, 400)])
def test_an_error_inside_a_stream_before_output(rig: Rig, code: int, status: int) -> None:
    ending = {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}
    error = {"error": {"code": code, "message": "No more", "metadata": {}}, **ending}
    rig.upstream.script(Stream([b": OPENROUTER PROCESSING\n\n", error]))
    with pytest.raises(openai.APIStatusError) as caught:
        rig.ask(f"{rig.spare('openrouter')}/{OPENROUTER.model}", "stream")
    assert caught.value.status_code == status


@pytest.mark.parametrize("told", [True, False], ids=["with a reason", "without"])
def test_an_error_after_output_ends_the_stream_as_one(rig: Rig, told: bool) -> None:
    head = chunks("forty", model=OPENROUTER.model)[:2]
    ending = head[-1] | {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}
    said = {"error": {"code": 503, "message": "Provider overloaded"}} if told else {}
    rig.upstream.script(Stream([*head, ending | said], joined=True))
    text = ""
    with (
        rig.client.chat.completions.create(
            model=f"{rig.spare('openrouter')}/{OPENROUTER.model}", messages=ASK, stream=True
        ) as events,
        pytest.raises(openai.APIError, match="Provider overloaded" if told else "broke off"),
    ):
        for chunk in events:
            text += chunk.choices[0].delta.content or ""
    assert text == "forty"


def test_an_empty_answer_is_none(rig: Rig) -> None:
    body = completion("")
    body["choices"][0]["finish_reason"] = None
    rig.upstream.script(Answer(body))
    with pytest.raises(openai.InternalServerError, match="empty") as caught:
        rig.ask(f"{rig.spare('openrouter')}/{OPENROUTER.model}")
    assert caught.value.code == "upstream_overloaded"


def test_an_empty_answer_that_ended_is_one(rig: Rig) -> None:
    rig.upstream.script(Answer(completion("", finish_reason="length")))
    assert rig.ask(MODEL)[0].choices[0].finish_reason == "length"


def test_who_calls_is_the_operators_word(tmp_path: Path) -> None:
    with ScriptedUpstream() as upstream:
        section = {
            "base_url": upstream.url,
            "api_key": "sk-or-secret",
            "site_url": "https://acme.example",
            "site_name": "Acme",
        }
        with Gateway(tmp_path, providers={"openrouter": section}, billing=False) as gateway:
            upstream.script(OPENROUTER.plain("x"))
            gateway.client(default_headers={"X-Title": "Mallory"}).chat.completions.create(model=MODEL, messages=ASK)
            headers = upstream.last.headers
    assert (headers["http-referer"], headers["x-title"]) == ("https://acme.example", "Acme")


@pytest.mark.parametrize(
    ("pricing", "price"),
    [
        (PRICING, Price.per_million(input="3", output="15", cached_input="0.30")),
        ({"prompt": "0.00000004", "completion": "0.00000012"}, Price.per_million(input="0.04", output="0.12")),
        (PRICING | {"internal_reasoning": "0.00002"}, "reasoning"),
        (PRICING | {"request": "0.01"}, None),
        ({"prompt": "0", "completion": "0"}, None),
        ({"prompt": "-1", "completion": "-1"}, None),
        ({"prompt": "NaN", "completion": "1e99"}, None),
        ({"prompt": "0.1"}, None),
        (None, None),
    ],
)
def test_prices_of_a_list(pricing: Any, price: Any) -> None:
    made = card_of(ModelCard("a/x"), ENTRY | {"pricing": pricing}).price
    if price == "reasoning":
        assert made is not None and made.reasoning == 20 * 10**9
        return
    assert made == price


def test_a_list_is_a_catalogue(rig: Rig) -> None:
    rig.upstream.on("/v1/models", Answer({"data": [ENTRY, {"id": "b/images", "architecture": None}]}))
    [result] = rig.gateway.router("models", "sync", "openrouter")
    assert result["added"] == ["openrouter/anthropic/claude-x", "openrouter/b/images"]
    card = rig.gateway.router("models", "show", "openrouter/anthropic/claude-x")
    assert (card["kind"], card["context_window"], card["max_output"]) == ("chat", 200000, 64000)
    assert card["owned_by"] == "anthropic"


def test_what_is_not_paid_by_tokens_of_text_alone_is_not_sold(rig: Rig, tmp_path: Path) -> None:
    parts = ("image", "request", "audio")
    entries = [ENTRY | {"id": f"b/{part}", "pricing": PRICING | {part: "0.01"}} for part in parts]
    drawn = ENTRY["architecture"] | {"output_modalities": ["text", "image"]}
    rig.upstream.on("/v1/models", Answer({"data": [ENTRY, *entries, ENTRY | {"id": "b/draws", "architecture": drawn}]}))
    section = {"base_url": rig.upstream.url, "api_key": "sk-upstream"}
    gateway = Gateway(tmp_path, providers={"openrouter": section}, start=False)  # one that bills
    [result] = gateway.router("models", "sync", "openrouter")
    reasons = {one["id"]: one["why"] for one in result["unpriced"]}
    told = {f"openrouter/b/{part}": f"not paid by tokens alone: its list has a price for {part}" for part in parts}
    drawing = "not paid by tokens of text alone: it makes image"
    assert reasons == told | {"openrouter/b/draws": drawing}
    for model in reasons:
        assert gateway.router("models", "show", model)["price"] is None


def test_a_limit_that_is_full_again_at_a_moment() -> None:
    reset = {"X-RateLimit-Reset": str(int((time.time() + 600) * 1000))}
    body = {"error": {"code": 429, "message": "Daily", "metadata": {"headers": reset}}}
    wait_s = plugin.wait_s(failure_of(body, 429), {})
    assert wait_s is not None and 590 < wait_s <= 600
    assert plugin.wait_s(failure_of(body, 429), {"retry-after": "4"}) == 4
    odd = {"error": {"code": 429, "metadata": {"headers": {"X-RateLimit-Reset": "soon"}}}}
    assert plugin.wait_s(failure_of(odd, 429), {}) is None
