"""What is paid beside tokens, through a gateway's door: held, charged once for each call that is served, and proved."""

from __future__ import annotations

import json

import pytest
from money_calls import TestKey
from money_plans import CAP
from money_wire import TOKEN, House

from router.money import format_nano
from router.testing import Answer, completion, error, token_usage

pytestmark = pytest.mark.slow

ASKED = "acme/asked"
REQUEST = 5_000_000
"""What a request to ``ASKED`` costs, in nano-units, beside its output."""

MODES = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
MOST = REQUEST + CAP * TOKEN


def poor(house: House, nano: int) -> TestKey:
    return house.key(house.account(format_nano(nano)))


@MODES
def test_a_request_is_held_and_charged_beside_its_tokens(house: House, stream: bool) -> None:
    key = poor(house, MOST)
    volley = house.fire([key], model=ASKED, stream=stream).wait(answered=0, reached=1)
    (hold,) = house.holds(key.account)
    assert hold["amount_nano"] == MOST
    (answer,) = volley.finish()
    assert answer.status == 200
    (row,) = house.usage(key.account)
    assert row["charge_nano"] == REQUEST + row["completion_tokens"] * TOKEN <= hold["amount_nano"]
    assert json.loads(row["units"]) == {"requests": 1}
    assert json.loads(row["prices"])["per_request"] == "0.005"
    found = house.balance(key.account)
    assert (found.debits, found.held, found.balance) == (row["charge_nano"], 0, MOST - row["charge_nano"])
    if not stream:
        assert answer.headers["x-router-charge"] == format_nano(row["charge_nano"])
    (hour,) = house.rows("SELECT requests, images, calls FROM usage_hours WHERE account_id = ?", key.account)
    assert hour == {"requests": 1, "images": 0, "calls": 1}


@MODES
def test_a_balance_that_lacks_a_nano_of_the_request_is_refused(house: House, stream: bool) -> None:
    key = poor(house, MOST - 1)
    answer = house.call(key, model=ASKED, stream=stream)
    assert (answer.status, answer.error["code"]) == (402, "insufficient_quota")
    assert house.usage(key.account) == []


def test_a_request_that_fails_costs_nothing(house: House) -> None:
    key = house.key()
    answer = house.call(key, model=ASKED, tag=house.plan(Answer(error(400, "no"), status=400)))
    assert answer.status == 400
    (row,) = house.usage(key.account)
    assert (row["charge_nano"], row["units"]) == (0, None)


def test_a_call_whose_usage_nobody_told_is_charged_its_request(house: House) -> None:
    key = house.key()
    plan = Answer(completion("one two three") | {"usage": None})
    assert house.call(key, model=ASKED, tag=house.plan(plan)).status == 200
    (row,) = house.usage(key.account)
    assert row["estimated"]
    assert row["charge_nano"] == REQUEST + row["completion_tokens"] * TOKEN


def test_embeddings_are_charged_their_request(house: House) -> None:
    key = poor(house, REQUEST)
    embed_as(house, key, 3)
    (row,) = house.usage(key.account)
    assert (row["route"], row["prompt_tokens"], row["charge_nano"]) == ("embeddings", 3, REQUEST)
    assert json.loads(row["units"]) == {"requests": 1}
    assert house.balance(key.account).balance == 0


def embed_as(house: House, key: TestKey, tokens: int) -> None:
    """An embeddings call to ``ASKED`` that takes so many tokens."""
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    body = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "usage": usage}
    house.upstream.script(Answer(body | {"model": "asked"}), path="/v1/embeddings")
    client = house.gateways[0].client(key.text)
    assert len(client.embeddings.create(model=ASKED, input="six words", encoding_format="float").data) == 1


def test_models_of_tokens_alone_have_no_units(house: House) -> None:
    key = house.key()
    assert house.call(key, tag=house.plan(Answer(completion("one", usage=token_usage(9, 1))))).status == 200
    (row,) = house.usage(key.account)
    assert (row["units"], row["charge_nano"]) == (None, TOKEN)


def test_the_sums_of_an_hour_count_calls_of_both_kinds(house: House) -> None:
    key = house.key()
    calls = [house.call(key, model=model) for model in (ASKED, "acme/plain", ASKED, ASKED)]
    assert [call.status for call in calls] == [200] * 4
    rows = house.gateways[0].router("usage", "hours", "--account", key.account, "--by", "model")
    assert {row["model"]: (row["calls"], row["requests"]) for row in rows} == {ASKED: (3, 3), "acme/plain": (1, 0)}
    house.check()
