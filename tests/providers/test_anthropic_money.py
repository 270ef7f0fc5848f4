"""What calls to Anthropic cost: list prices, cache reads and writes, to the nano-unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from provider_kit import MODES, Rig

from router.money.amounts import parse_nano
from router.testing import Gateway, ScriptedUpstream
from router.testing.upstream.wires.anthropic import ANTHROPIC

LONG: Any = [{"role": "user", "content": "x" * 20_000}]
FRESH, READ, WRITTEN, OUTPUT = 12, 8_000, 2_000, 90


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    section = {"anthropic": {"api_key": "sk-ant-secret"}}
    with ScriptedUpstream() as upstream:
        section["anthropic"]["base_url"] = upstream.url
        with Gateway(tmp_path_factory.mktemp("money"), providers=section) as gateway:
            yield Rig(gateway, upstream, gateway.client())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("model", "rates"),
    [
        ("claude-sonnet-5-5", (2_000, 100, 2_500, 10_000)),
        ("claude-opus-5-5", (4_000, 200, 5_000, 20_000)),
        ("claude-fable-5-1", (10_000, 250, 12_500, 50_000)),
        ("claude-haiku-5-5", (100, 10, 125, 500)),
        ("claude-haiku-4-5", (1_000, 100, 1_250, 5_000)),
        ("claude-sonnet-4-0", (3_000, 300, 3_750, 15_000)),
    ],
)
def test_the_charge_is_exact(rig: Rig, mode: str, model: str, rates: tuple[int, ...]) -> None:
    rig.upstream.script((ANTHROPIC.stream if mode == "stream" else ANTHROPIC.plain)("42", reasoning=["hm"]))
    rig.ask(f"anthropic/{model}", mode, messages=LONG, max_completion_tokens=100)
    row = rig.gateway.router("usage", "show", "--limit", "1")[0]
    counts = zip((FRESH, READ, WRITTEN, OUTPUT), rates, strict=True)
    assert parse_nano(row["charge"]) == sum(count * rate for count, rate in counts)
    assert (row["prompt_tokens"], row["cached_tokens"], row["estimated"]) == (FRESH + READ + WRITTEN, READ, False)


def test_what_has_no_price_is_refused_before_it_is_sent(rig: Rig) -> None:
    sent = len(rig.upstream.requests)
    for extra in ({"inference_geo": "us"}, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}):
        with pytest.raises(openai.BadRequestError) as caught:
            rig.ask("anthropic/claude-sonnet-5-5", messages=LONG, extra_body=extra)
        assert caught.value.code == "unpriced_extra"
    assert len(rig.upstream.requests) == sent


@pytest.mark.parametrize("mode", MODES)
def test_web_searches_are_counted_and_said_to_have_no_price(rig: Rig, mode: str) -> None:
    """Anthropic bills them one by one, beside the tokens; no card says how much."""
    told = {"input_tokens": 12, "output_tokens": 90, "server_tool_use": {"web_search_requests": 2}}
    rig.upstream.script((ANTHROPIC.stream if mode == "stream" else ANTHROPIC.plain)("42", usage=told))
    rig.ask("anthropic/claude-sonnet-5-5", mode, messages=LONG, max_completion_tokens=100)
    row = rig.gateway.router("usage", "show", "--limit", "1")[0]
    assert row["units"] == {"searches": 2}
    assert {"unpriced_search", "unpriced_unit"} <= set(row["marks"])
    assert parse_nano(row["charge"]) == 12 * 2_000 + 90 * 10_000
