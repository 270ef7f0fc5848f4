"""DeepSeek: renamed fields, thinking switched off, answers that are cut for want of resources."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from provider_kit import MODES, Rig

from router.testing import Answer, Stream, chunks, completion
from router.testing.upstream.wires import DEEPSEEK

MODEL = f"deepseek/{DEEPSEEK.model}"
CUT = "insufficient_system_resource"


def test_the_cap_and_the_role_under_their_names_there(rig: Rig) -> None:
    rig.upstream.script(DEEPSEEK.plain("x"))
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    rig.ask(MODEL, messages=messages, max_completion_tokens=50)
    assert rig.sent() == {
        "model": DEEPSEEK.model,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "max_tokens": 50,
        "stream": False,
    }


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"reasoning_effort": "high"}, {"reasoning_effort": "high"}),
        ({"thinking": {"type": "enabled"}}, {"thinking": {"type": "enabled"}}),
    ],
)
def test_thinking(rig: Rig, given: dict[str, Any], sent: dict[str, Any]) -> None:
    rig.upstream.script(DEEPSEEK.plain("x"))
    rig.ask(MODEL, extra_body=given)
    got = rig.sent()
    assert {name: got[name] for name in ("thinking", "reasoning_effort") if name in got} == sent


def test_usage_is_always_asked_for_in_a_stream(rig: Rig) -> None:
    rig.upstream.script(DEEPSEEK.stream("x"))
    rig.ask(MODEL, "stream")
    assert rig.sent()["stream_options"] == {"include_usage": True}


def test_usage_in_a_chunk_of_its_own_counts_as_well(rig: Rig) -> None:
    usage = {"prompt_tokens": 8, "prompt_cache_hit_tokens": 5, "completion_tokens": 2, "total_tokens": 10}
    rig.upstream.script(Stream(chunks("x", include_usage=True, usage=usage)))
    last = rig.ask(MODEL, "stream", stream_options={"include_usage": True})[-1]
    assert (last.choices, last.usage.prompt_tokens_details.cached_tokens) == ([], 5)


def test_details_that_are_there_stay(rig: Rig) -> None:
    usage = {
        "prompt_tokens": 8,
        "completion_tokens": 2,
        "total_tokens": 10,
        "prompt_cache_hit_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    rig.upstream.script(Answer(completion("x", usage=usage)))
    assert rig.ask(MODEL)[0].usage.prompt_tokens_details.cached_tokens == 4


@pytest.mark.parametrize("mode", MODES)
def test_cut_before_any_output_is_a_failure(rig: Rig, mode: str) -> None:
    plain = Answer(completion("", finish_reason=CUT))
    rig.upstream.script(plain if mode == "plain" else DEEPSEEK.stream(finish_reason=CUT))
    with pytest.raises(openai.InternalServerError, match="ran short") as caught:
        rig.ask(f"{rig.spare('deepseek')}/{DEEPSEEK.model}", mode)
    assert (caught.value.status_code, caught.value.code) == (503, "upstream_overloaded")


@pytest.mark.parametrize("field", ["reasoning", "content"])
def test_cut_after_output_is_length_and_logged(rig: Rig, field: str) -> None:
    words = ["forty", "-two"]
    cut = DEEPSEEK.stream(reasoning=words, finish_reason=CUT), DEEPSEEK.stream(*words, finish_reason=CUT)
    rig.upstream.script(cut[field == "content"])
    replies = rig.ask(MODEL, "stream")
    assert replies[-1].choices[0].finish_reason == "length"
    assert f"cut an answer of {DEEPSEEK.model} short" in rig.gateway.log_path.read_text()
