"""What is OpenAI's own: names of fields and headers, waiting times, the price list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from driver import Driver, values_of
from router_plugins.openai import plugin

from router import UpstreamError
from router.money.amounts import NANO
from router.testing import Answer, ScriptedUpstream

MESSAGES = [{"role": "developer", "content": "Be brief"}, {"role": "user", "content": "Hi"}]


@pytest.fixture
def openai(upstream: ScriptedUpstream, provider: Callable[..., Driver]) -> Driver:
    section = {"base_url": upstream.url, "organization": "org-1", "project": "proj_2"}
    return provider(plugin, section, {"OPENAI_API_KEY": "sk-upstream"}, name="openai")


def test_its_key_comes_from_the_usual_variable(openai: Driver) -> None:
    assert openai.settings.api_key.reveal() == "sk-upstream"
    assert Driver(plugin).settings.missing() == "set the environment variable OPENAI_API_KEY"


def test_organization_and_project_are_headers(openai: Driver, upstream: ScriptedUpstream) -> None:
    values_of(openai.chat({"messages": MESSAGES}))
    assert upstream.last.headers["openai-organization"] == "org-1"
    assert upstream.last.headers["openai-project"] == "proj_2"


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ({"max_tokens": 9}, {"max_completion_tokens": 9}),
        ({"max_completion_tokens": 9}, {"max_completion_tokens": 9}),
        ({"max_tokens": 9, "max_completion_tokens": 8}, {"max_completion_tokens": 8}),
        ({}, {}),
    ],
)
def test_the_old_name_of_the_cap(
    openai: Driver, upstream: ScriptedUpstream, sent: dict[str, int], received: dict[str, int]
) -> None:
    values_of(openai.chat({"messages": MESSAGES, **sent}, "gpt-5"))
    assert upstream.last.json() == {"messages": MESSAGES, "model": "gpt-5", **received}


@pytest.mark.parametrize(
    ("reset", "wait_s"),
    [
        ("12ms", 0.012),
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3723.5),
        ("7.66s", 7.66),
        ("2m59.56s", 179.56),
        ("1m", 60.0),
        ("", None),
        ("soon", None),
        ("1.2.3s", None),
        (".s", None),
        ("-1s", None),
    ],
)
def test_the_wait_is_until_the_exhausted_limit_is_full(
    openai: Driver, upstream: ScriptedUpstream, reset: str, wait_s: float | None
) -> None:
    headers = {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": reset,
        "x-ratelimit-remaining-tokens": "15",
        "x-ratelimit-reset-tokens": "9h",
    }
    upstream.script(Answer({"error": {"message": "slow"}}, status=429, headers=headers))
    with pytest.raises(UpstreamError) as caught:
        openai.chat({"messages": MESSAGES})
    assert caught.value.retry_after_s == (None if wait_s is None else pytest.approx(wait_s))


def test_retry_after_goes_before_the_limits(openai: Driver, upstream: ScriptedUpstream) -> None:
    headers = {"retry-after": "2", "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1h"}
    upstream.script(Answer({"error": {"message": "slow"}}, status=429, headers=headers))
    with pytest.raises(UpstreamError) as caught:
        openai.chat({"messages": MESSAGES})
    assert caught.value.retry_after_s == 2.0


def test_the_price_list_is_whole() -> None:
    cards: list[Any] = list(Driver(plugin).hooks["models"](context=None))
    by_model = {card.model: card for card in cards}
    assert len(by_model) == len(cards)
    for card in cards:
        assert card.owned_by == "openai" and card.created > 1_600_000_000
        assert card.context_window and card.price is not None and card.price.input
        assert (card.max_output and card.price.output) if card.kind == "chat" else card.price.output is None
    assert by_model["gpt-4o"].price.input == 25 * NANO // 10


def test_fallback_is_the_operators_list(openai: Driver) -> None:
    driver = Driver(plugin, {"fallback": ["acme/large"]})
    assert driver.hooks["fallback"](call=None, error=None, context=driver.context("gpt-4o")) == ("acme/large",)
