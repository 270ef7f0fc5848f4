"""xAI: reasoning added to the output, finish reasons in OpenAI's words, errors inside a 200, conversation IDs."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from provider_kit import MODES, Rig
from router_plugins.xai import Settings, plugin

from router import Timeouts
from router.testing import Answer, Stream, chunks, completion
from router.testing.upstream.wires import XAI
from router.upstream.compatible import Progress

MODEL = f"xai/{XAI.model}"


def usage(prompt: int, completion: int, total: int | None, reasoning: int = 0, cached: int = 0) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    return counts if total is None else counts | {"total_tokens": total}


@pytest.mark.parametrize(
    ("wire", "shown"),
    [
        (usage(120, 5, 425, reasoning=300), usage(120, 305, 425, reasoning=300)),
        (usage(120, 305, 425, reasoning=300), usage(120, 305, 425, reasoning=300)),
        (usage(120, 5, None, reasoning=300), usage(120, 305, 425, reasoning=300)),
        (usage(120, 5, 125), usage(120, 5, 125)),
        (usage(20, 5, 125, cached=100), usage(120, 5, 125, cached=100)),
        (usage(20, 5, 135, reasoning=10, cached=100), usage(120, 15, 135, reasoning=10, cached=100)),
        (usage(0, 0, 0), usage(0, 0, 0)),
    ],
    ids=["left out", "already in", "no total", "none", "cached left out", "both left out", "zeros"],
)
def test_counts_add_up_as_at_openai(rig: Rig, wire: dict[str, Any], shown: dict[str, Any]) -> None:
    rig.upstream.script(Answer(completion("x", usage=wire | {"cost_in_usd_ticks": 7})))
    got = rig.ask(MODEL)[0].usage
    assert got.to_dict() == shown, "what the call cost us is not the client's business"
    assert got.total_tokens == got.prompt_tokens + got.completion_tokens


def test_counts_that_are_none_are_left_as_they_are() -> None:
    odd: dict[str, Any] = {"usage": {"reasoning": True}, "choices": [None, {"finish_reason": "", "delta": None}]}
    assert plugin.edit_item(dict(odd), Progress(), None) == odd  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", MODES)
def test_what_xai_says_that_a_call_costs(rig: Rig, mode: str) -> None:
    rig.upstream.script((XAI.stream if mode == "stream" else XAI.plain)("x"))
    assert not any("cost_in_usd_ticks" in reply.to_json() for reply in rig.ask(MODEL, mode))
    [row] = rig.gateway.router("usage", "show", "--limit", "1")
    assert row["cost"] == "0.000425"


def test_of_several_usages_the_last_counts(rig: Rig) -> None:
    rig.upstream.script(XAI.stream("x", early_usage=usage(120, 1, 121)))
    rig.ask(MODEL, "stream")
    [row] = rig.gateway.router("usage", "show", "--limit", "1")
    assert (row["prompt_tokens"], row["completion_tokens"], row["reasoning_tokens"]) == (120, 305, 300)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("reason", "tools", "shown"),
    [("end_turn", [], "stop"), ("", [("f", "{}")], "tool_calls"), ("length", [], "length")],
)
def test_finish_reasons(rig: Rig, mode: str, reason: str, tools: list[Any], shown: str) -> None:
    build = XAI.stream if mode == "stream" else XAI.plain
    rig.upstream.script(build("x", tool_calls=tools, finish_reason=reason))
    reasons = [choice.finish_reason for reply in rig.ask(MODEL, mode) for choice in reply.choices]
    assert reasons[-1] == shown


@pytest.mark.parametrize("key", ["conv-1", "two\r\nlines: x", "ümlaut", 7, "x" * 300])
def test_a_conversation_stays_on_its_server(rig: Rig, key: Any) -> None:
    rig.upstream.script(XAI.plain("x"))
    rig.ask(MODEL, extra_body={"prompt_cache_key": key}, max_tokens=9)
    sent = rig.sent()["prompt_cache_key"]  # a text is bound to its account, and fits into a header
    assert rig.upstream.last.headers.get("x-grok-conv-id") == (sent if isinstance(sent, str) else None)
    assert isinstance(sent, str) or sent == key
    assert rig.sent()["max_completion_tokens"] == 9


@pytest.mark.parametrize(("after", "shown"), [(0, openai.InternalServerError), (2, openai.APIError)])
def test_a_flat_error_inside_a_stream(rig: Rig, after: int, shown: type[openai.APIError]) -> None:
    error = {"code": "The service is currently unavailable", "error": "Please try again."}
    rig.upstream.script(Stream([*chunks("x", model=XAI.model)[:after], error], done=False))
    with pytest.raises(shown, match="Please try again") as caught:
        rig.ask(f"{rig.spare('xai')}/{XAI.model}", "stream")
    assert caught.value.code == "upstream_overloaded"


def test_a_reasoning_model_may_be_silent_for_an_hour() -> None:
    assert Settings().timeouts == Timeouts(connect=5, first_byte=3600, idle=3600, whole=3600)
