"""Retries and fallbacks: one call and one charge, by the price of what served, within what was claimed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from money_plans import failure, good
from money_wire import TOKEN, House, nano, statuses

pytestmark = pytest.mark.slow

CAP = 10
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@STREAM
@pytest.mark.parametrize(("chain", "price"), [("dear", 2 * TOKEN), ("cheap", TOKEN // 2), ("asks-cheap", TOKEN // 2)])
def test_what_served_is_charged_once(house: House, chain: str, price: int, stream: bool) -> None:
    key = house.key()
    before = house.balance(key.account).balance
    model = house.shaky(chain)
    answer = house.call(key, model=model, tag=house.plan(failure(500)), stream=stream, max_tokens=CAP)
    assert answer.status == 200
    target = chain.removeprefix("asks-")
    (row,) = _rows(house, key.account)
    assert (row["model"], row["provider"], row["upstream_model"]) == (model, "acme", target)
    assert [(one["provider"], one["model"], one["kind"]) for one in row["attempts"]] == [
        (model.removesuffix("/m"), "m", "server"),
        ("acme", target, "ok"),
    ]
    assert row["charge_nano"] == CAP * price == before - house.balance(key.account).balance
    transfers = house.rows("SELECT amount_nano FROM transfers WHERE reference = ?", f"req:{answer.request_id}")
    assert [one["amount_nano"] for one in transfers] == [CAP * price]


def test_a_second_endpoint_costs_no_second_charge(house: House) -> None:
    key = house.key()
    answer = house.call(key, model=house.shaky("pair"), tag=house.plan(failure(500, times=1)), max_tokens=CAP)
    assert answer.status == 200
    (row,) = _rows(house, key.account)
    assert [one["kind"] for one in row["attempts"]] == ["server", "ok"]
    assert row["charge_nano"] == CAP * TOKEN


def test_the_claim_covers_the_dearest_of_the_operators_targets(house: House) -> None:
    """Money for ten calls at the fallback's price: ten of fifty are let in, though the first target costs half."""
    key = house.key(house.account(nano(10 * 2 * CAP)))
    volley = house.fire([key] * 50, model=house.shaky("dear"), tag=house.plan(failure(500)), max_tokens=CAP)
    assert statuses(volley.wait(answered=40, reached=10).finish()) == {200: 10, 402: 40}
    assert house.balance(key.account).balance == 0


def test_what_the_fallback_would_have_cost_more_is_given_back(house: House) -> None:
    key = house.key(house.account(nano(2 * CAP)))
    assert house.call(key, model=house.shaky("dear"), max_tokens=CAP).status == 200
    assert house.balance(key.account).available == CAP * TOKEN


@pytest.mark.parametrize("chain", ["unpriced", "asks-dear"])
def test_a_target_that_is_not_covered_is_never_asked(house: House, chain: str) -> None:
    """One without a price is left out; one that a plugin names may cost no more than the call has claimed."""
    key = house.key()
    before = house.balance(key.account)
    marker = house.plan(failure(500))
    assert house.call(key, model=house.shaky(chain), tag=marker, max_tokens=CAP).status == 502
    assert [body["model"] for body in house.reached(marker)] == ["m"]
    assert house.balance(key.account) == before
    (row,) = _rows(house, key.account)
    assert (row["charge_nano"], len(row["attempts"])) == (0, 1)


def test_a_dearer_target_serves_where_the_call_has_claimed_enough(house: House) -> None:
    """A plugin's target is measured by its own bound: of a call without a cap, that is the same number of tokens."""
    key = house.key()
    marker = house.plan(failure(500))
    assert house.call(key, model=house.shaky("asks-cheap"), tag=marker, max_tokens=None).status == 200
    assert [body["model"] for body in house.reached(marker)] == ["m", "cheap"]
    assert house.reached(marker)[1]["max_tokens"] == 16_384


def test_impossible_counts_are_charged_within_the_claim(house: House) -> None:
    key = house.key(house.account(nano(CAP)))
    answer = house.call(key, tag=house.plan(good(10**18, 10**18)), max_tokens=CAP)
    assert (answer.status, answer.headers["x-router-charge"]) == (200, nano(CAP))
    (row,) = _rows(house, key.account)
    assert (bool(row["clamped"]), row["completion_tokens"], row["charge_nano"]) == (True, CAP, CAP * TOKEN)
    assert house.balance(key.account).balance == 0


def test_a_model_without_a_price_is_refused_with_the_remedy(house: House) -> None:
    key = house.key()
    marker = house.plan(good(1, 1))
    refused = house.call(key, model="acme/unpriced", tag=marker)
    assert (refused.status, refused.error["code"]) == (404, "model_not_priced")
    assert "router models price" not in refused.error["message"]
    assert house.reached(marker) == []


@STREAM
def test_a_free_model_needs_no_balance(house: House, stream: bool) -> None:
    key = house.key(house.account(), budget="0", limits={"spend_per_day": 1})
    assert statuses(house.fire([key] * 5, model="acme/free", stream=stream).finish()) == {200: 5}
    assert house.call(key).status == 402
    assert {row["charge_nano"] for row in house.usage(key.account)} == {0}


def _rows(house: House, account: str) -> list[dict[str, Any]]:
    return [{**row, "attempts": json.loads(row["attempts"])} for row in house.usage(account)]
