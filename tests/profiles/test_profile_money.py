"""Money and limits as each profile's customers meet them; what is behind them is proved in tests/money_live."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from profile_shop import Shop

from router.ledger.balances import balance
from router.money.amounts import format_nano
from router.store.accounts import set_account_tier
from router.store.keys import create_key
from router.store.limits import Subject, set_limits
from router.testing import Answer, completion, token_usage
from router.types.keys import Budget

TOKEN = 1_000
"""What a token of a shaky model costs, in nano-units."""

USAGE = token_usage(2, 60)
ANSWER = Answer(completion("Hi", usage=USAGE))
COST = 62 * TOKEN
FEW = 500 * TOKEN
"""Enough for some calls, each of which is bounded by less than 300 tokens; and more calls than it is enough for."""

MANY = 10
PREPAID = ("nexgate", "nexorouter", "neurongate")


@pytest.fixture(params=PREPAID)
def prepaid(request: pytest.FixtureRequest) -> Shop:
    shop: Shop = request.getfixturevalue(request.param)
    return shop


@pytest.mark.row("NG-8", "NX-6")
def test_credits_are_reserved_before_the_call_and_charged_after_it(prepaid: Shop) -> None:
    gate = threading.Event()
    model = prepaid.shaky(Answer(completion("Hi", usage=USAGE), hold=gate))
    key = prepaid.key("0.001")
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(prepaid.chat, key, model=model)
        try:
            provider = model.removesuffix("/m")
            prepaid.upstream.wait_for(lambda: any(provider in request.path for request in prepaid.upstream.requests))
            assert balance(prepaid.database, key.account).held >= 64 * TOKEN
        finally:
            gate.set()
        assert call.result().status == 200
    after = balance(prepaid.database, key.account)
    assert (after.held, after.balance) == (0, 1_000 * TOKEN - COST)


@pytest.mark.row("NG-8", "NG-13", "NX-6")
def test_calls_stop_when_credits_run_out(prepaid: Shop) -> None:
    model = prepaid.shaky(ANSWER)
    key = prepaid.key(format_nano(FEW))
    answers = [prepaid.chat(key, model=model).status for _ in range(MANY)]
    served = answers.count(200)
    assert 1 <= served < MANY and answers == [200] * served + [answers[-1]] * (MANY - served)
    assert answers[-1] == (403 if prepaid.profile.name == "nexorouter" else 402)
    assert balance(prepaid.database, key.account).balance == FEW - served * COST


@pytest.mark.row("NX-5")
def test_a_budget_is_a_keys_own_and_the_balance_is_everybodys(nexorouter: Shop) -> None:
    model = nexorouter.shaky(ANSWER)
    account = nexorouter.account("1")
    _, bounded = create_key(nexorouter.database, account, "bounded", budget=Budget(FEW))
    _, free = create_key(nexorouter.database, account, "free")

    def call(key: str) -> int:
        return nexorouter.chat(headers={"Authorization": f"Bearer {key}"}, model=model).status

    answers = [call(bounded) for _ in range(MANY)]
    assert answers[0] == 200 and answers[-1] == 403
    assert call(free) == 200
    spent = (answers.count(200) + 1) * COST
    assert balance(nexorouter.database, account).balance == 10**9 - spent


@pytest.mark.row("NX-2")
def test_streams_are_charged(nexorouter: Shop) -> None:
    key = nexorouter.key("1")
    answer = nexorouter.chat(key, stream=True)
    assert (answer.status, answer.events()[-1]) == (200, "[DONE]")
    [row] = nexorouter.usage(key)
    assert row["completion_tokens"] == 2 and row["charge_nano"] > 0
    assert balance(nexorouter.database, key.account).balance == 10**9 - row["charge_nano"]


@pytest.mark.row("NX-9")
@pytest.mark.parametrize(("limit", "most"), [("requests_per_minute", 1), ("tokens_per_minute", 10)])
def test_traffic_is_limited(nexorouter: Shop, limit: str, most: int) -> None:
    key = nexorouter.key(limits={limit: most})
    assert nexorouter.chat(key).status == 200
    refused = nexorouter.chat(key)
    assert refused.status == 429 and 1 <= int(refused.headers["retry-after"]) <= 60


@pytest.mark.row("NE-6")
@pytest.mark.parametrize("limit", ["spend_per_day", "spend_per_month"])
def test_spending_is_limited(neurongate: Shop, limit: str) -> None:
    model = neurongate.shaky(ANSWER)
    key = neurongate.key(limits={limit: FEW})
    answers = [neurongate.chat(key, model=model) for _ in range(MANY)]
    assert (answers[0].status, answers[-1].status) == (200, 429)
    error = answers[-1].json()["error"]
    assert error["message"] == f"Rate limit exceeded. Please retry after {answers[-1].headers['retry-after']} seconds."


@pytest.mark.row("NE-6", "NE-10")
def test_an_accounts_tier_decides(neurongate: Shop) -> None:
    set_limits(neurongate.database, Subject("tier", "bronze"), {"requests_per_minute": 2})
    key, other = neurongate.key(), neurongate.key()
    set_account_tier(neurongate.database, key.account, "bronze")
    answers = [neurongate.chat(key) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[0].headers["x-ratelimit-limit-requests"] == "2"
    assert neurongate.chat(other).headers["x-ratelimit-limit-requests"] == "60"


@pytest.mark.row("NG-9")
def test_usage_shows_cost_tokens_latency_and_status(nexgate: Shop) -> None:
    key = nexgate.key()
    assert nexgate.chat(key, model=nexgate.shaky(ANSWER)).status == 200
    nexgate.usage(key)
    [row] = nexgate.gateway.router("usage", "show", "--account", key.account)
    assert (row["charge"], row["prompt_tokens"], row["completion_tokens"], row["status"]) == ("0.000062", 2, 60, 200)
    assert row["latency_ms"] >= 0


@pytest.mark.row("AG-1", "AG-6")
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
def test_manat_are_charged_when_the_response_is_complete(aigateway: Shop, streamed: bool) -> None:
    """Two tokens in and two out at 0.40 USD a million, 3.5 manat for each USD."""
    key = aigateway.key("1")
    assert aigateway.chat(key, stream=streamed).status == 200
    assert balance(aigateway.database, key.account).balance == 10**9 - 4 * 1_400
    assert aigateway.chat(aigateway.key("0"), stream=streamed).status == 402
