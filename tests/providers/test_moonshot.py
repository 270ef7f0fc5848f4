"""Moonshot: a stream's usage in two places, waits that stand in the text."""

from __future__ import annotations

import openai
import pytest
from provider_kit import Rig
from router_plugins.moonshot import plugin

from router.testing import Answer
from router.testing.upstream.wires import MOONSHOT
from router.upstream.failures import Failure

MODEL = f"moonshot/{MOONSHOT.model}"
LIMITED = "rate_limit_reached_error"


def test_the_cap_under_its_name_there(rig: Rig) -> None:
    rig.upstream.script(MOONSHOT.plain("x"), MOONSHOT.plain("x"))
    rig.ask(MODEL, max_tokens=50, temperature=0.7)
    assert (rig.sent()["max_completion_tokens"], rig.sent()["temperature"]) == (50, 0.7)
    assert "max_tokens" not in rig.sent()
    rig.ask(MODEL, max_tokens=50, max_completion_tokens=60)
    assert rig.sent()["max_completion_tokens"] == 60
    assert "max_tokens" not in rig.sent(), "one cap, under one name"


def test_the_choice_shows_no_usage_and_the_top_level_shows_it_once(rig: Rig) -> None:
    rig.upstream.script(MOONSHOT.stream("x"))
    replies = rig.ask(MODEL, "stream", stream_options={"include_usage": True})
    assert all("usage" not in (choice.model_extra or {}) for reply in replies for choice in reply.choices)
    assert [reply.usage.prompt_tokens_details.cached_tokens for reply in replies if reply.usage] == [768]


def test_usage_in_the_choice_alone_is_accounted_for(rig: Rig) -> None:
    rig.upstream.script(MOONSHOT.stream("x", at_the_top=False))
    replies = rig.ask(MODEL, "stream")
    assert all("usage" not in (choice.model_extra or {}) for reply in replies for choice in reply.choices)
    [row] = rig.gateway.router("usage", "show", "--limit", "1")
    kept = (row["prompt_tokens"], row["completion_tokens"], row["cached_tokens"], row["estimated"])
    assert kept == (900, 120, 768, False)


def test_the_ids_of_our_account_are_not_the_clients_business(rig: Rig) -> None:
    text = "Your account org-3f2a9c0011<ak-f3k29d8s7q> reached max request: 3, please try again after 1 seconds"
    rig.upstream.script(Answer.error(429, text, type=LIMITED))
    with pytest.raises(openai.RateLimitError) as caught:
        rig.ask(f"{rig.spare('moonshot')}/{MOONSHOT.model}")
    assert "Your account ***<***> reached max request: 3" in caught.value.message


@pytest.mark.parametrize(
    ("type", "text", "headers", "wait_s"),
    [
        (LIMITED, "reached max RPM: 3, please try again after 1 seconds", {}, 1),
        (LIMITED, "please retry in 2.5s", {}, 2.5),
        (LIMITED, "try again after 3 seconds", {"retry-after": "9"}, 9),
        (LIMITED, "reached the limit of tokens per day", {}, None),
        ("invalid_request_error", "a video may be cut after 60 seconds", {}, None),
    ],
)
def test_wait_hints(type: str, text: str, headers: dict[str, str], wait_s: float | None) -> None:
    assert plugin.wait_s(Failure(429 if type == LIMITED else 400, text, type), headers) == wait_s
