"""More calls at once than there is money for: exactly what fits is served, and a refused call uses nothing."""

from __future__ import annotations

import pytest
from money_plans import failure, good
from money_wire import TOKEN, House, nano, statuses

from router.store.limits import Subject, set_limits

CAP = 10
CALL = CAP * TOKEN
PLENTY = {
    "requests_per_minute": 1000,
    "tokens_per_minute": 10**6,
    "concurrent": 1000,
    "spend_per_day": 10**12,
    "spend_per_month": 10**12,
}
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@pytest.mark.row("NG-8", "NX-6")
@STREAM
def test_a_balance_for_ten_calls_serves_ten_of_fifty(house: House, stream: bool) -> None:
    key = house.key(house.account(nano(10 * CAP)))
    volley = house.fire([key] * 50, max_tokens=CAP, stream=stream).wait(answered=40, reached=10)
    held = house.balance(key.account)
    assert (held.balance, held.held, held.available) == (10 * CALL, 10 * CALL, 0)
    answers = volley.finish()
    assert statuses(answers) == {200: 10, 402: 40}
    assert {answer.error["code"] for answer in answers if answer.status == 402} == {"insufficient_quota"}
    assert house.balance(key.account).balance == 0
    assert house.holds(key.account) == []
    assert [row["charge_nano"] for row in house.usage(key.account)] == [CALL] * 10


@pytest.mark.row("NX-5")
@STREAM
def test_a_budget_for_ten_calls_serves_ten_of_fifty(house: House, stream: bool) -> None:
    key = house.key(budget=nano(10 * CAP), limits=PLENTY)
    before = house.balance(key.account).balance
    volley = house.fire([key] * 50, max_tokens=CAP, stream=stream).wait(answered=40, reached=10)
    assert house.balance(key.account).held == 10 * CALL
    answers = volley.finish()
    assert statuses(answers) == {200: 10, 402: 40}
    assert {answer.error["code"] for answer in answers if answer.status == 402} == {"key_budget_exceeded"}
    assert house.balance(key.account).balance == before - 10 * CALL
    used = {name: used for name, (used, held) in house.buckets(key.id).items() if not held}
    assert used == {
        "budget": 10 * CALL,
        "requests": 10,
        "tokens": 10 * (1 + CAP),
        "concurrent": 0,
        "day": 10 * CALL,
        "month": 10 * CALL,
    }


def test_money_that_comes_back_is_spent_again_and_no_more(house: House) -> None:
    """Calls that claim ten and use three: when none fits any more, less than one claim is left."""
    key = house.key(house.account(nano(100)))
    plan = {"max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}], "tag": house.plan(good(1, 3))}
    served = 0
    while (answers := statuses(house.fire([key] * 20, **plan).finish()))[200]:
        assert set(answers) <= {200, 402}
        served += answers[200]
    left = house.balance(key.account)
    assert (left.balance, left.held) == ((100 - 3 * served) * TOKEN, 0)
    assert left.balance < 10 * TOKEN


def test_a_hot_account_and_its_keys(house: House) -> None:
    """200 calls with five keys of one account, with money for 150 of them."""
    account = house.account(nano(150 * CAP))
    keys = [house.key(account) for _ in range(5)]
    volley = house.fire(keys * 40, max_tokens=CAP).wait(answered=50, reached=150)
    assert len({row["owner"] for row in house.holds(account)}) > 1, "one worker had all of them"
    assert statuses(volley.finish()) == {200: 150, 402: 50}
    assert house.balance(account).balance == 0


def test_a_hundred_accounts(house: House) -> None:
    """Two calls each, with money for one."""
    keys = [house.key(house.account(nano(CAP))) for _ in range(100)]
    answers = house.fire(keys * 2, max_tokens=CAP).wait(answered=100, reached=100).finish()
    assert statuses(answers) == {200: 100, 402: 100}
    for number, key in enumerate(keys):
        assert sorted([answers[number].status, answers[number + 100].status]) == [200, 402]
        assert house.balance(key.account).balance == 0


@pytest.mark.parametrize("refusing", [*PLENTY, "budget", "balance"])
def test_a_refused_call_uses_nothing(house: House, refusing: str) -> None:
    account = house.account("0.000001" if refusing == "balance" else "1000")
    limits = PLENTY | ({refusing: 0} if refusing in PLENTY else {})
    key = house.key(account, budget="0.000001" if refusing == "budget" else "1000", limits=limits)
    set_limits(house.database, Subject("account", account), PLENTY)
    before = house.balance(account)
    answers = house.fire([key] * 4).wait(answered=4, reached=0).finish()
    assert statuses(answers) == {429 if refusing in PLENTY else 402: 4}
    assert house.balance(account) == before
    assert {*house.buckets(key.id).values(), *house.buckets(account).values()} <= {(0, 0)}
    assert house.usage(account) == []


def test_a_call_that_fails_gives_everything_back_but_its_request(house: House) -> None:
    key = house.key(budget="1", limits=PLENTY)
    before = house.balance(key.account)
    answers = house.fire([key] * 5, model=house.shaky(), tag=house.plan(failure(500))).finish()
    assert {answer.status for answer in answers} <= {502, 503}
    assert house.balance(key.account) == before
    buckets = house.buckets(key.id)
    assert buckets.pop("requests") == (5, 0)
    assert set(buckets.values()) == {(0, 0)}
    assert [row["charge_nano"] for row in house.usage(key.account)] == [0] * 5
