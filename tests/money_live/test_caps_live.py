"""A call that costs more than there is: the client's own cap stands and is refused, a cap of ours is lowered."""

from __future__ import annotations

import pytest
from money_plans import good
from money_wire import TOKEN, House, nano, statuses

from router.money.amounts import parse_nano
from router.store.limits import Subject, set_limits

pytestmark = pytest.mark.slow

LEAST, USUAL = 256, 16_384
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@pytest.mark.row("ST-4")
@STREAM
@pytest.mark.parametrize("cap", ["max_tokens", "max_completion_tokens"])
def test_the_clients_own_cap_is_never_changed(house: House, cap: str, stream: bool) -> None:
    key = house.key(house.account(nano(1000)))
    marker = house.plan(good(1, 1))
    body = {"max_tokens": None, cap: 1001, "tag": marker, "stream": stream}
    refused = house.call(key, **body)
    assert (refused.status, refused.error["code"]) == (402, "insufficient_quota")
    assert f"up to {nano(1001)} USD, and {nano(1000)} is available" in refused.error["message"].replace(
        " USD is", " is"
    )
    assert house.reached(marker) == []
    answer = house.call(key, **{**body, cap: 1000})
    assert (answer.status, "x-router-max-tokens" in answer.headers) == (200, False)
    assert [sent[cap] for sent in house.reached(marker)] == [1000]


@STREAM
def test_a_cap_of_ours_is_lowered_to_what_the_balance_covers(house: House, stream: bool) -> None:
    for balance, cap in ((10**6, USUAL), (USUAL - 1, USUAL - 1), (1000, 1000), (LEAST, LEAST)):
        key = house.key(house.account(nano(balance)))
        marker = house.plan(good(1, cap))
        answer = house.call(key, max_tokens=None, tag=marker, stream=stream)
        assert (answer.status, answer.headers["x-router-max-tokens"]) == (200, str(cap))
        assert [sent["max_tokens"] for sent in house.reached(marker)] == [cap]
        assert house.balance(key.account).balance == (balance - cap) * TOKEN


def test_a_cap_is_lowered_no_further_than_its_least(house: House) -> None:
    key = house.key(house.account(nano(LEAST - 1)))
    marker = house.plan(good(1, 1))
    refused = house.call(key, max_tokens=None, tag=marker)
    assert (refused.status, house.reached(marker)) == (402, [])
    assert house.balance(key.account).available == (LEAST - 1) * TOKEN


def test_a_cap_of_ours_is_for_each_choice(house: House) -> None:
    key = house.key(house.account(nano(1200)))
    marker = house.plan(good(1, 1200))
    assert house.call(key, max_tokens=None, n=4, tag=marker).headers["x-router-max-tokens"] == "300"
    assert house.balance(key.account).balance == 0


def test_a_cap_is_lowered_for_every_kind_of_money_one_after_another(house: House) -> None:
    """Balance, key and account per day and month, budget: each allows less than the one before."""
    account = house.account(nano(1000))
    key = house.key(account, budget=nano(500), limits=_spending(900, 800))
    set_limits(house.database, Subject("account", account), _spending(700, 600))
    marker = house.plan(good(1, 500))
    answer = house.call(key, max_tokens=None, tag=marker)
    assert (answer.status, answer.headers.get("x-router-max-tokens")) == (200, "500")
    assert house.balance(account).balance == 500 * TOKEN


def test_of_many_uncapped_calls_what_is_there_is_held_once(house: House) -> None:
    """The first takes all that there is; those after it find less than the least."""
    key = house.key(house.account(nano(1000)))
    marker = house.plan(good(1, 700))
    volley = house.fire([key] * 20, max_tokens=None, tag=marker).wait(answered=19, reached=1)
    assert statuses(volley.finish()) == {200: 1, 402: 19}
    assert house.balance(key.account).balance == 300 * TOKEN
    assert house.call(key, max_tokens=None).headers["x-router-max-tokens"] == "300"


def _spending(day: int, month: int) -> dict[str, int]:
    return {"spend_per_day": parse_nano(nano(day)), "spend_per_month": parse_nano(nano(month))}
