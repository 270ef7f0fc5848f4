"""What a call can cost at most, and what becomes of it when the balance covers less."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from market import AT, Market, card, chat, price

from router.catalogue import PriceRules
from router.charging.charge import compute_charge
from router.config.schema import BillingSettings
from router.errors import BadRequest, ModelNotPriced
from router.money.price_text import read_price
from router.types.records import Price, PriceTier, Usage

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 10 * 2**20}}
SOUND = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
FILE = {"type": "file", "file": {"file_id": "file_1"}}


def prompt_of(body: dict[str, Any], **changes: Any) -> int:
    return Market([card(**changes)]).terms(body).quote.prompt_tokens


def test_text_counts_by_its_bytes() -> None:
    assert prompt_of(chat("hello")) == 5
    assert prompt_of(chat("héllo €")) == 10
    assert prompt_of(chat("\ud800")) == 3
    assert prompt_of(chat([{"type": "text", "text": "abc"}, {"type": "text", "text": "é"}])) == 5
    assert prompt_of(chat("x" * 200_000)) == 100_000


def test_overhead_counts_for_each_message_and_once_for_the_call() -> None:
    assert prompt_of(chat("hello"), prompt_overhead=7) == 5 + 2 * 7


@pytest.mark.parametrize(
    "field",
    [
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}},
        {"functions": [{"name": "f"}]},
        {"system": "You are told in a field that nobody here knows."},
        {"documents": [{"text": "long"}]},
    ],
)
def test_whatever_a_prompt_can_be_made_of_counts(field: dict[str, Any]) -> None:
    assert prompt_of(chat(**field)) >= prompt_of(chat()) + len(str(next(iter(field.values())))) - 10


def test_names_and_tool_calls_count() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": "0123456789"}'}}
    plain = {"role": "assistant", "content": None}
    body = {"messages": [{**plain, "name": "bob", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "call_1"}]}
    assert prompt_of({"model": "m", **body}) > 60


def test_media_count_as_the_card_says_or_as_the_whole_window() -> None:
    known = {"image_tokens": 1_000, "audio_tokens": 300, "file_tokens": 5_000}
    assert prompt_of(chat([IMAGE, IMAGE, SOUND, FILE]), **known) == 2 * 1_000 + 300 + 5_000
    for part in (IMAGE, SOUND, FILE, {"type": "video_url", "video_url": {"url": "u"}}):
        assert prompt_of(chat([part])) == 100_000
    assert prompt_of(chat([{"type": "video_url"}]), **known) == 100_000
    earlier = {"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}
    assert prompt_of({"model": "m", **earlier}, **known) == 300


def test_a_huge_image_is_bounded_by_the_card_and_not_by_its_bytes() -> None:
    terms = Market([card(image_tokens=1_500)]).terms(chat([IMAGE], max_tokens=100))
    assert terms.quote.charge_nano == 1_500 * 1_000 + 100 * 2_000


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({}, 1_000),
        ({"n": 3}, 3_000),
        ({"max_tokens": 50}, 50),
        ({"max_completion_tokens": 50, "n": 2}, 100),
        ({"max_tokens": 50, "max_completion_tokens": 80}, 80),
        ({"max_tokens": None, "n": None}, 1_000),
        ({"max_tokens": 5_000}, 5_000),
        ({"max_tokens": 10**9}, 100_000),
    ],
)
def test_output_is_the_clients_cap_or_the_models_for_each_choice(fields: dict[str, Any], output: int) -> None:
    terms = Market().terms(chat(**fields))
    assert terms.quote.completion_tokens == output
    assert terms.quote.named_cap is any(fields.get(name) for name in ("max_tokens", "max_completion_tokens"))
    assert terms.max_tokens is None


def test_a_cap_that_does_not_cover_reasoning_is_no_bound() -> None:
    free_thinker = {"reasoning": True, "cap_covers_reasoning": False}
    terms = Market([card(**free_thinker)]).terms(chat(max_tokens=5))
    assert terms.quote.completion_tokens == 1_000
    assert Market([card(reasoning=True)]).terms(chat(max_tokens=5)).quote.completion_tokens == 5
    endless = Market([card(**free_thinker, max_output=None)]).terms(chat(max_tokens=5))
    assert endless.quote.completion_tokens == 100_000
    assert endless.max_tokens is None
    assert endless.lowered(10**6, 1) is None


def test_a_cap_of_ours_is_sent_where_nobody_names_one() -> None:
    open_end = card(max_output=None)
    billing = BillingSettings(max_output_tokens=500)
    terms = Market([open_end], billing=billing).terms(chat(n=2))
    assert (terms.max_tokens, terms.quote.completion_tokens, terms.quote.named_cap) == (500, 1_000, False)
    assert Market([open_end], billing=billing).terms(chat(max_tokens=9)).max_tokens is None
    two = Market([card(), card("small", max_output=None)], billing=billing).terms(chat())
    assert [two.cap_for(target) for target in two.targets] == [None, 500]
    huge = Market([card(max_output=None)], billing=BillingSettings(max_output_tokens=10**6)).terms(chat())
    assert (huge.max_tokens, huge.quote.completion_tokens) == (None, 100_000)


def test_prompt_and_output_share_the_window() -> None:
    terms = Market([card(max_output=90_000)]).terms(chat("x" * 60_000))
    assert terms.quote.charge_nano == 10_000 * 1_000 + 90_000 * 2_000
    cheap_output = card(max_output=90_000, price=price(input="5", output="1"))
    terms = Market([cheap_output]).terms(chat("x" * 60_000))
    assert terms.quote.charge_nano == 60_000 * 5_000 + 40_000 * 1_000


def test_what_has_no_bound_is_refused_unless_it_is_free() -> None:
    unknown = card(context_window=None)
    assert Market([unknown]).terms(chat()).quote.prompt_tokens == 5
    with pytest.raises(BadRequest, match="has no bound") as refused:
        Market([unknown]).terms(chat([IMAGE]))
    assert refused.value.code == "unbounded_cost"
    free = card(context_window=None, max_output=None, price=price(free=True))
    terms = Market([free]).terms(chat([IMAGE, {"type": "text", "text": "hi"}]))
    assert (terms.quote.charge_nano, terms.max_tokens) == (0, None)
    assert terms.quote.prompt_tokens < 100
    with_fallback = Market([card(), card("other", context_window=None)])
    assert [target.id for target in with_fallback.terms(chat([IMAGE])).targets] == ["acme/large"]


@pytest.mark.parametrize(
    ("given", "tokens"),
    [
        ("héllo", 6),
        (["ab", "cde"], 5),
        ([1, 2, 3], 3),
        ([[1, 2], [3]], 3),
        ("x" * 20_000, 8_192),
        (["x" * 9_000] * 2, 16_384),
    ],
)
def test_embeddings_are_bounded_by_their_inputs_each_within_the_window(given: Any, tokens: int) -> None:
    embeds = card("embed", kind="embeddings", context_window=8_192, max_output=None, price=price(input="1"))
    terms = Market([embeds]).terms({"model": "acme/embed", "input": given})
    assert (terms.quote.prompt_tokens, terms.quote.completion_tokens) == (tokens, 0)
    assert (terms.quote.charge_nano, terms.max_tokens) == (tokens * 1_000, None)
    assert terms.lowered(1, 1) is None
    done = compute_charge(terms, terms.targets[0], Usage(tokens, 999, reasoning_tokens=5), None, "ok")
    assert (done.charge_nano, done.clamped) == (tokens * 1_000, False)


def test_the_dearest_target_is_what_is_quoted() -> None:
    market = Market([card(), card("dear", price=price(input="1", output="9")), card("cheap")])
    assert market.terms(chat("x", max_tokens=1)).quote.charge_nano == 1_000 + 9_000


def test_unpriced_fallbacks_are_left_out_and_an_unpriced_model_is_refused() -> None:
    nothing = card("other", price=None)
    assert [one.id for one in Market([card(), nothing]).terms(chat()).targets] == ["acme/large"]
    with pytest.raises(ModelNotPriced) as refused:
        Market([nothing, card()]).terms(chat())
    assert "router models price acme/other --input AMOUNT --output AMOUNT" in refused.value.detail
    assert "router models" not in refused.value.message
    with pytest.raises(ModelNotPriced):
        Market([card(price=Price(input=1))]).terms(chat())
    with pytest.raises(ModelNotPriced) as unrated:
        Market(rules=PriceRules(currency="EUR", rate_nano=None)).terms(chat())
    assert "no rate of USD to EUR" in unrated.value.detail


def test_a_plugins_target_serves_only_within_the_quote() -> None:
    market = Market([card()])
    terms = market.terms(chat(max_tokens=10))
    assert terms.covers(market.targets[0])
    assert terms.covers(market.target(card("cheap", price=price(input="1", output="1"))))
    assert compute_charge(terms, market.target(card("cheap")), Usage(1, 1), None, "ok").charge_nano == 2_000
    assert not terms.covers(market.target(card("dear", price=price(input="1", output="3"))))
    assert not terms.covers(market.target(card("unpriced", price=None)))
    free = Market([card(price=price(free=True))])
    assert not free.terms(chat()).covers(market.target(card("dear")))


def test_a_lowered_cap_holds_for_a_plugins_target_too() -> None:
    market = Market([card()])
    terms = market.terms(chat()).lowered(5_000 + 300 * 2_000, 256)
    assert terms is not None
    other = market.target(card("other"))
    assert terms.covers(other)
    assert terms.cap_for(other) == 300


def test_the_own_cap_is_lowered_to_what_is_available() -> None:
    terms = Market().terms(chat())
    lowered = terms.lowered(5_000 + 400 * 2_000, 256)
    assert lowered is not None
    assert (lowered.max_tokens, lowered.quote.completion_tokens) == (400, 400)
    assert lowered.quote.charge_nano == 5_000 + 400 * 2_000
    assert terms.lowered(5_000 + 256 * 2_000, 256) is not None
    assert terms.lowered(5_000 + 256 * 2_000 - 1, 256) is None
    assert terms.lowered(0, 256) is None
    assert terms.lowered(-5, 256) is None
    assert Market().terms(chat(max_tokens=1_000)).lowered(5_000 + 400 * 2_000, 256) is None
    again = lowered.lowered(5_000 + 300 * 2_000, 256)
    assert again is not None and again.max_tokens == 300
    assert terms.max_tokens is None


@given(
    st.integers(1, 150_000),
    st.integers(1, 120_000),
    st.integers(1, 4),
    st.integers(0, 10**12),
    st.integers(0, 10**10),
    st.integers(0, 10**10),
)
def test_lowering_finds_the_largest_cap(
    size: int, most: int, n: int, available: int, rate_in: int, rate_out: int
) -> None:
    dear = card(max_output=most, price=Price(input=rate_in, output=rate_out))
    terms = Market([dear]).terms(chat("x" * size, n=n))
    lowered = terms.lowered(available, 16)
    if lowered is None:
        assert terms.sales["acme/large"].lowered(16).most_nano > available or most <= 16
        return
    cap = lowered.max_tokens
    if cap is None:
        assert lowered.quote.charge_nano == terms.quote.charge_nano <= available
        return
    assert lowered.quote.charge_nano <= available
    assert terms.sales["acme/large"].lowered(cap + 1).most_nano > available


@given(
    st.integers(1, 150_000),
    st.integers(1, 120_000),
    st.integers(1, 4),
    st.integers(0, 10**10),
    st.integers(0, 10**10),
    st.data(),
)
def test_nothing_possible_is_charged_above_the_quote(
    size: int, cap: int, n: int, rate_in: int, rate_out: int, data: st.DataObject
) -> None:
    tiers = (PriceTier(above_tokens=50_000, input=2 * rate_in), PriceTier(hours=("22:00-23:00",), output=2 * rate_out))
    dear = card(price=Price(input=rate_in, output=rate_out, tiers=tiers))
    market = Market([dear])
    terms = market.terms(chat("x" * size, n=n, max_tokens=cap))
    prompt = data.draw(st.integers(0, min(size, 100_000)))
    usage = Usage(prompt, n * data.draw(st.integers(0, min(cap, 100_000 - prompt))))
    done = compute_charge(terms, terms.targets[0], usage, None, "ok")
    assert done.usage == usage and not done.clamped
    assert done.charge_nano <= terms.quote.charge_nano


def test_prices_are_those_of_the_calls_moment() -> None:
    night = price(input="1", output="1", tiers=[{"hours": ["22:00-23:00"], "input": "3"}])
    market = Market([card(price=night)])
    at_night = AT - AT % 86_400 + 22.5 * 3600
    assert market.terms(chat("x", max_tokens=1), at=at_night).quote.charge_nano == 4_000
    assert market.terms(chat("x", max_tokens=1), at=at_night + 3600).quote.charge_nano == 2_000


def test_an_accounts_price_list_holds_for_it_alone() -> None:
    market = Market(stored={("gold", "acme/large"): price(input="0.5", output="1")})
    assert market.terms(chat("x", max_tokens=1), price_list="gold").quote.charge_nano == 1_500
    assert market.terms(chat("x", max_tokens=1)).quote.charge_nano == 3_000


def test_a_changed_price_holds_for_the_next_call() -> None:
    market = Market()
    assert market.terms(chat("x", max_tokens=1)).quote.charge_nano == 3_000
    market.shelf.stored = market.shelf.stored.__class__(prices={("", "acme/large"): price(input="7", output="8")})
    market.shelf.number += 1
    assert market.terms(chat("x", max_tokens=1)).quote.charge_nano == 15_000


def test_without_billing_nothing_is_charged_and_no_price_is_needed() -> None:
    market = Market([card(price=None, context_window=None, max_output=None)], with_billing=False)
    terms = market.terms(chat([IMAGE], service_tier="priority"))
    assert (terms.quote.charge_nano, terms.max_tokens, terms.quote.completion_tokens) == (0, None, 16_384)
    done = compute_charge(terms, terms.targets[0], Usage(10, 20), None, "ok")
    assert (done.charge_nano, done.cost_nano, done.clamped) == (0, None, False)
    more = compute_charge(terms, terms.targets[0], Usage(5_000, 10**18, cached_tokens=6_000), None, "ok")
    assert (more.usage, more.clamped) == (Usage(5_000, 2**40, cached_tokens=5_000), True)
    priced = Market(with_billing=False).terms(chat())
    assert compute_charge(priced, priced.targets[0], Usage(1, 1), None, "ok").cost_nano == 3_000


def test_a_price_beyond_every_balance_still_has_a_number() -> None:
    dear = read_price({"input": "100000000", "output": "100000000"})
    terms = Market([card(price=dear, context_window=2**39)]).terms(chat("x", max_tokens=2**38))
    assert terms.quote.charge_nano == 2**62
