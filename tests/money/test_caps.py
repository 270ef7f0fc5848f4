"""One output cap of all that a client names, and text that hides where no prompt is expected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from market import Market, card, chat, price

from router.charging.charge import compute_charge
from router.charging.targets import TargetPlan
from router.charging.terms import CallPricing
from router.config.schema import BillingSettings
from router.errors import BadRequest
from router.types.records import Usage
from router.types.request_rules import CAPS, RequestRules


def prompt_of(body: dict[str, Any], **changes: Any) -> int:
    return Market([card(**changes)]).terms(body).quote.prompt_tokens


def sent_to(terms: CallPricing, target: TargetPlan) -> int | None:
    """The one cap on each choice that a target is sent, the client's or ours; None for none."""
    return terms.sales[target.id].bound.sent


def test_a_cap_of_ours_fits_the_window_beside_the_prompt_or_is_not_sent() -> None:
    small = [card(max_output=None, context_window=8_192)]
    billing = BillingSettings(max_output_tokens=4_096)
    assert Market(small, billing=billing).terms(chat("x" * 4_096)).max_tokens == 4_096
    full = Market(small, billing=billing).terms(chat("x" * 4_097))
    assert (full.max_tokens, full.quote.completion_tokens) == (None, 8_192)
    assert Market(small).terms(chat()).max_tokens is None


def test_without_a_hold_only_a_known_window_brings_a_cap() -> None:
    unknown, known = card(max_output=None, context_window=None), card("known", max_output=None)
    terms = Market([unknown, known]).terms(chat())
    assert [sent_to(terms, target) for target in terms.targets] == [16_384, 16_384]
    unheld = terms.unheld()
    assert [sent_to(unheld, target) for target in unheld.targets] == [None, 16_384]
    done = compute_charge(unheld, unheld.targets[0], Usage(5, 50_000), None, "ok")
    assert (done.charge_nano, done.marks) == (5 * 1_000 + 50_000 * 2_000, ())
    named = Market([unknown]).terms(chat(max_tokens=9))
    assert named.unheld() is named
    assert sent_to(named, named.targets[0]) == 9


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"max_tokens": 7, "max_completion_tokens": None}, 7),
        ({"max_tokens": None, "max_completion_tokens": 7}, 7),
        ({"num_predict": 7}, 7),
        ({"options": {"num_predict": 7}}, 7),
        ({"max_tokens": 1, "options": {"num_predict": 4_000}}, 4_000),
        ({"max_tokens": 1, "n_predict": 4_000}, 4_000),
        ({"max_tokens": 1, "num_predict": -1}, 1),
        ({"max_tokens": -1}, None),
        ({"max_tokens": 0}, 0),
    ],
)
def test_one_cap_is_made_of_all_its_spellings(fields: dict[str, Any], sent: int | None) -> None:
    market = Market(request_rules=RequestRules(endless=True, cap_min=0))
    terms = market.terms(chat(**fields))
    assert sent_to(terms, terms.targets[0]) == sent
    assert terms.quote.completion_tokens == (1_000 if sent is None else sent)


def test_a_dropped_cap_is_no_cap() -> None:
    terms = Market(drops=("max_tokens",)).terms(chat(max_tokens=1))
    assert (terms.quote.completion_tokens, sent_to(terms, terms.targets[0])) == (1_000, None)
    both = Market(drops=("max_tokens",)).terms(chat(max_tokens=1, max_completion_tokens=9))
    assert sent_to(both, both.targets[0]) == 9
    blind = Market([card(max_output=None)], drops=CAPS).terms(chat(max_completion_tokens=1))
    assert (blind.quote.completion_tokens, sent_to(blind, blind.targets[0])) == (100_000, None)
    with pytest.raises(BadRequest, match="has no bound"):
        Market([card(max_output=None, context_window=None)], drops=CAPS).terms(chat(max_tokens=1))


@pytest.mark.parametrize(
    ("fields", "rules", "field"),
    [
        ({"max_tokens": -1}, RequestRules(), "max_tokens"),
        ({"max_completion_tokens": 0}, RequestRules(endless=True), "max_completion_tokens"),
        ({"stop": list("abcde")}, RequestRules(stops_max=4), "stop"),
    ],
)
def test_what_a_provider_does_not_take_is_refused_there_and_passed_over_elsewhere(
    fields: dict[str, Any], rules: RequestRules, field: str
) -> None:
    strict, easy = Market(request_rules=rules), Market(request_rules=RequestRules(endless=True, cap_min=0))
    with pytest.raises(BadRequest) as refused:
        strict.terms(chat(**fields))
    assert refused.value.param == field
    assert easy.terms(chat(**fields)).targets
    easy.route = replace(easy.route, targets=(easy.targets[0], strict.target(card("strict"))))
    assert [target.id for target in easy.terms(chat(**fields)).targets] == ["acme/large"]


LONG = "x" * 5_000


@pytest.mark.parametrize(
    "field",
    [
        {"user": LONG},
        {"metadata": {"note": LONG}},
        {"reasoning_effort": LONG},
        {"stop": [LONG]},
        {"logit_bias": {LONG: 1}},
        {LONG: 1},
        {"made_up": {LONG: None}},
        {"seed_of_ours": 10**4_000},
        {"messages": [{"role": "user", "content": "hello", LONG: 1}]},
        {"messages": [{"role": "user", "content": "hello", "made_up": {LONG: 1}}]},
        {"messages": [{"role": "assistant", "content": "hello", "audio": {"id": LONG}}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}, "text": LONG}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u", LONG: 1}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", LONG: 1}]}]},
    ],
    ids=lambda field: next(iter(field))[:12],
)
def test_text_counts_wherever_it_hides(field: dict[str, Any]) -> None:
    known = {"image_tokens": 1, "audio_tokens": 1}
    assert prompt_of(chat() | field, **known) >= 4_000
    assert prompt_of(chat(user="u" * 64, metadata={"a": "b"}, stop=["x"]), **known) == 5


def test_a_tokeniser_that_rewrites_text_first_has_a_factor() -> None:
    embeds = card("embed", kind="embeddings", context_window=None, price=price(input="1"), tokens_per_byte=11)
    assert Market([embeds]).terms({"model": "m", "input": "ﷺ"}).quote.prompt_tokens == 33
    assert Market([embeds]).terms({"model": "m", "input": [1, 2]}).quote.prompt_tokens == 2
