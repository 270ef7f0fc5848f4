"""Postpaid: charged when the answer is complete, refused where nothing is left, and never below zero."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from money_wire import TOKEN, House, nano, new_schema, open_house, statuses

pytestmark = pytest.mark.slow

CAP = 10
POSTPAID = {"gateway": {"billing": "postpaid"}}
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def postpaid(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("postpaid")
    if request.param == "sqlite":
        with open_house(folder, f"sqlite:///{folder / 'router.db'}", config=POSTPAID) as house:
            yield from _checked(house)
        return
    server: Any = request.getfixturevalue("postgres_server")
    with new_schema(server) as url, open_house(folder, url, config=POSTPAID) as house:
        yield from _checked(house)


@pytest.mark.row("AG-6")
@STREAM
def test_a_call_is_charged_when_it_is_over(postpaid: House, stream: bool) -> None:
    key = postpaid.key(postpaid.account(nano(3 * CAP)))
    volley = postpaid.fire([key] * 3, max_tokens=CAP, stream=stream).wait(answered=0, reached=3)
    now = postpaid.balance(key.account)
    assert (now.balance, now.held) == (3 * CAP * TOKEN, 0)
    assert statuses(volley.finish()) == {200: 3}
    assert postpaid.balance(key.account).balance == 0
    refused = postpaid.call(key, max_tokens=CAP, stream=stream)
    assert (refused.status, refused.error["code"]) == (402, "insufficient_quota")


@STREAM
def test_what_the_account_does_not_have_is_a_shortfall(postpaid: House, stream: bool) -> None:
    """Fifty at once, with money for ten and a half: all are served, and together they take what there is."""
    key = postpaid.key(postpaid.account(nano(105)))
    answers = postpaid.fire([key] * 50, max_tokens=CAP, stream=stream).wait(answered=0, reached=50).finish()
    assert statuses(answers) == {200: 50}
    rows = postpaid.usage(key.account)
    assert sorted(row["charge_nano"] for row in rows) == [0] * 39 + [5 * TOKEN] + [10 * TOKEN] * 10
    assert {row["charge_nano"] + row["shortfall_nano"] for row in rows} == {CAP * TOKEN}
    assert postpaid.balance(key.account).balance == 0
    shortfalls = "SELECT SUM(amount_nano) AS nano FROM transfers WHERE kind = 'shortfall' AND reference IN ({})"
    marks = ", ".join("?" * len(rows))
    (sum_,) = postpaid.rows(shortfalls.format(marks), *(f"short:{row['request_id']}" for row in rows))
    assert sum_["nano"] == (500 - 105) * TOKEN


def test_a_budget_is_exact_under_postpaid_too(postpaid: House) -> None:
    key = postpaid.key(budget=nano(10 * CAP))
    volley = postpaid.fire([key] * 50, max_tokens=CAP).wait(answered=40, reached=10)
    assert statuses(volley.finish()) == {200: 10, 402: 40}
    assert postpaid.buckets(key.id) == {"budget": (10 * CAP * TOKEN, 0)}


def test_free_models_need_no_balance(postpaid: House) -> None:
    key = postpaid.key(postpaid.account())
    assert postpaid.call(key, model="acme/free").status == 200
    assert postpaid.call(key).status == 402


def _checked(house: House) -> Iterator[House]:
    yield house
    house.verify()
