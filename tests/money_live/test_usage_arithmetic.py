"""What a provider says of a call's usage, and what that costs: exact where it can be, within bounds where it cannot."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from accounting_wire import CAP, PROMPT, charge_of, embed, open_accounting, told
from money_plans import Plan
from money_wire import TAG, House, new_schema

from router.money.amounts import format_nano, parse_nano
from router.testing import Answer, Script, Stream, chunks, completion, token_usage
from router.testing.upstream.wires import WIRES, Wire

pytestmark = pytest.mark.slow

COUNTS = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
MODES = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
OVERHEAD = 16
_frail = itertools.count()
BOUND = len(PROMPT) + 2 * OVERHEAD + TAG
"""The most tokens of the prompt that is sent: its bytes, the card's overhead for message and call, and the marker."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def accounting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, install: Callable[..., None]
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("accounting")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "sqlite":
            with open_accounting(folder, f"sqlite:///{folder / 'router.db'}", install, patch) as house:
                yield house
            return
        server = request.getfixturevalue("postgres_server")
        with new_schema(server) as url, open_accounting(folder, url, install, patch) as house:
            yield house


@pytest.fixture
def house(accounting: House) -> Iterator[House]:
    yield accounting
    accounting.check()


@pytest.fixture
def frail() -> str:
    """A model whose provider has not failed yet."""
    return f"frail{next(_frail)}/m"


def row_of(house: House, plan: Plan | Script, *, status: int = 200, **body: Any) -> dict[str, Any]:
    """The usage row of one call, which agrees with the balance, the transfers and what the client was told."""
    key = house.key()
    fields = {"model": "shop/chat", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": CAP, **body}
    answer = house.call(key, tag=house.plan(plan), **fields)
    assert answer.status == status, answer.body
    (row,) = house.usage(key.account)
    found = house.balance(key.account)
    assert (found.debits, found.held) == (row["charge_nano"], 0)
    assert row["shortfall_nano"] == 0
    if status == 200 and not body.get("stream"):
        assert answer.headers["x-router-charge"] == format_nano(row["charge_nano"])
    return row


def counts(row: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(row[name] for name in COUNTS)


def marks(row: Mapping[str, Any]) -> str:
    return " ".join(name for name in ("estimated", "clamped") if row[name])


@MODES
@pytest.mark.parametrize(
    ("usage", "expected", "marked"),
    [
        (token_usage(2006, 300, cached_tokens=1920), (2006, 300, 1920, 0), ""),
        (token_usage(2006, 300, cached_tokens=1920, reasoning_tokens=299), (2006, 300, 1920, 299), ""),
        (token_usage(1, 0), (1, 0, 0, 0), ""),
        (token_usage(0, 0), (0, 0, 0, 0), ""),
        (token_usage(BOUND, CAP), (BOUND, CAP, 0, 0), ""),
        (token_usage(100, 10, cached_tokens=500), (100, 10, 100, 0), "clamped"),
        (token_usage(100, 10, reasoning_tokens=30), (100, 40, 0, 30), ""),
        (token_usage(100, 10, reasoning_tokens=9) | {"total_tokens": 119}, (100, 19, 0, 9), ""),
        (token_usage(BOUND + 1, 10), (BOUND + 1, 10, 0, 0), ""),
        (token_usage(100, CAP + 1), (100, CAP + 1, 0, 0), ""),
        (token_usage(10**18, 10**18, cached_tokens=10**18), (BOUND, CAP, BOUND, 0), "clamped"),
        ({"prompt_tokens": 1e18, "completion_tokens": 5.0}, (BOUND, 5, 0, 0), "clamped"),
        ({"prompt_tokens": 10**30, "completion_tokens": 5}, (BOUND, 5, 0, 0), "clamped"),
        ({"prompt_tokens": 100, "completion_tokens": 10, "prompt_tokens_details": None}, (100, 10, 0, 0), ""),
    ],
)  # fmt: skip
def test_counts_are_charged_to_the_nano_or_are_the_nearest_possible(
    house: House, stream: bool, usage: Mapping[str, Any], expected: tuple[int, ...], marked: str
) -> None:
    row = row_of(house, told(usage), stream=stream)
    assert (counts(row), marks(row)) == (expected, marked)
    assert row["charge_nano"] == charge_of(*expected)


@MODES
@pytest.mark.parametrize("wrong", [-5, "12", None, 3.5, True, [7], {}])
def test_a_count_that_is_none_becomes_the_estimate(house: House, stream: bool, wrong: Any) -> None:
    estimate = row_of(house, told(None), stream=stream)
    assert marks(estimate) == "estimated"
    assert len(PROMPT) / 4 <= estimate["prompt_tokens"] < len(PROMPT) / 3
    assert estimate["completion_tokens"] == 3
    assert estimate["charge_nano"] == charge_of(*counts(estimate)) > 0
    for name in ("prompt_tokens", "completion_tokens"):
        row = row_of(house, told({"prompt_tokens": 70, "completion_tokens": 50, name: wrong}), stream=stream)
        assert marks(row) == "clamped"
        assert counts(row) == counts({**dict(zip(COUNTS, (70, 50, 0, 0), strict=True)), name: estimate[name]})
        assert row["charge_nano"] == charge_of(*counts(row))


@MODES
def test_what_a_provider_reports_above_the_bound_and_the_balance_is_a_shortfall(house: House, stream: bool) -> None:
    """A bound that is exceeded is wrong: its call is charged as far as the balance goes, and marked."""
    granted, most = charge_of(BOUND, CAP, 0, CAP), charge_of(100, 40 * CAP)
    key = house.key(house.account(format_nano(granted)))
    before = house.gateways[0].router("usage", "counters")
    marker = house.plan(told(token_usage(100, 40 * CAP)))
    ask = [{"role": "user", "content": PROMPT}]
    answer = house.call(key, model="shop/chat", messages=ask, max_tokens=CAP, tag=marker, stream=stream)
    assert answer.status == 200, answer.body
    (row,) = house.usage(key.account)
    assert (counts(row), "over_bound" in row["marks"], row["clamped"]) == ((100, 40 * CAP, 0, 0), True, 0)
    assert (row["charge_nano"], row["shortfall_nano"]) == (granted, most - granted)
    assert (house.balance(key.account).balance, house.balance(key.account).held) == (0, 0)
    after = house.gateways[0].router("usage", "counters")
    assert after["over_bound"] == before["over_bound"] + 1
    refused = house.call(key, model="shop/chat", messages=ask, max_tokens=CAP, tag=marker)
    assert (refused.status, refused.error["code"]) == (402, "insufficient_quota")


@MODES
def test_the_name_that_the_upstream_gives_itself_is_on_the_row(house: House, stream: bool) -> None:
    name = "chat-2026-11-30"
    named = [event | {"model": name} for event in chunks("one ")]
    plan = Stream(named) if stream else Answer(completion("one", usage=token_usage(9, 1)) | {"model": name})
    row = row_of(house, plan, stream=stream)
    assert (row["model"], row["upstream_model"], row["reported_model"]) == ("shop/chat", "chat", name)


def test_of_usage_that_is_told_again_and_again_the_last_counts(house: House) -> None:
    told_thrice = told(token_usage(90, 1), token_usage(90, 2), token_usage(90, 3))
    row = row_of(house, told_thrice, stream=True)
    assert (counts(row), marks(row)) == ((90, 3, 0, 0), "")
    row = row_of(house, told(token_usage(90, 1), token_usage(90, 2), None), stream=True)
    assert counts(row) == (90, 2, 0, 0)


def test_counters_count_what_was_clamped(house: House) -> None:
    before = house.gateways[0].router("usage", "counters")["clamped_usage"]
    row_of(house, told(token_usage(100, 10, cached_tokens=101)))
    row_of(house, told(token_usage(-1, 10)), stream=True)
    row_of(house, told(None))
    row_of(house, told(token_usage(100, 10)))
    assert house.gateways[0].router("usage", "counters")["clamped_usage"] == before + 2


@MODES
@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_each_providers_own_places(house: House, wire: Wire, stream: bool) -> None:
    plan = wire.stream("4", "2") if stream else wire.plain("42")
    row = row_of(house, plan, model=f"{wire.name}/{wire.model}", stream=stream)
    expected = wire.counts
    assert counts(row) == tuple(getattr(expected, name) for name in COUNTS)
    assert marks(row) == ""
    assert row["charge_nano"] == charge_of(*counts(row))


@MODES
@pytest.mark.parametrize(
    ("counters", "expected"),
    [
        ({"prompt_eval_count": 26, "eval_count": 298}, (26, 298, 0, 0)),
        ({"eval_count": 298}, (0, 298, 0, 0)),  # all of the prompt was in the server's cache
    ],
)
def test_ollamas_counters(house: House, stream: bool, counters: dict[str, int], expected: tuple[int, ...]) -> None:
    ask = [{"role": "user", "content": json.dumps(counters)}]
    row = row_of(house, told(None), model="ollama/llama", messages=ask, stream=stream)
    assert (counts(row), marks(row), row["charge_nano"]) == (expected, "", charge_of(*expected))


def test_embeddings_are_billed_by_input_alone(house: House) -> None:
    key = house.key()
    embed(house, key, {"prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12}, ["six words", "seven"])
    (row,) = house.usage(key.account)
    assert (counts(row), row["charge_nano"]) == ((3, 0, 0, 0), 3 * 130)
    embed(house, key, None, ["six words", "seven"])
    row = house.usage(key.account)[-1]
    assert (row["estimated"], row["completion_tokens"], row["charge_nano"]) == (True, 0, row["prompt_tokens"] * 130)
    assert 0 < row["prompt_tokens"] < 10
    assert house.balance(key.account).debits == 390 + row["charge_nano"]


@pytest.mark.parametrize(
    ("model", "most"), [("seer/eye", 1_105 + 2 + 2 * OVERHEAD + TAG + 10), ("seer/blind", 100_000)]
)
def test_an_image_is_bounded_by_the_card_and_not_by_its_bytes(house: House, model: str, most: int) -> None:
    """What a card says nothing of counts as the whole window."""
    token = 1_380  # list price, rate and mark-up
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'A' * (10 << 20)}"}}
    ask = {"model": model, "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, image]}]}
    poor = house.key(house.account(format_nano(most * token - 1)))
    answer = house.call(poor, max_tokens=10, **ask)
    assert (answer.status, answer.error["code"]) == (402, "insufficient_quota")
    assert format_nano(most * token) in answer.error["message"]
    rich = house.key(house.account(format_nano(most * token)))
    marker = house.plan(told(token_usage(765, 2)))
    assert house.call(rich, max_tokens=10, tag=marker, **ask).status == 200
    assert house.balance(rich.account).balance == (most - 767) * token


def test_the_cost_stands_beside_the_charge(house: House) -> None:
    usage = token_usage(2006, 300, cached_tokens=1920)
    row = row_of(house, told(usage), model="openai/gpt-4o")
    listed = 86 * 2_500 + 1_920 * 1_250 + 300 * 10_000
    assert row["cost_nano"] == listed * 92 // 100
    assert row["charge_nano"] == row["cost_nano"] * 3 // 2
    assert row["rate_nano"] == parse_nano("0.92")
    assert row_of(house, told(usage))["cost_nano"] is None
    shown = {one["model"]: one for one in house.gateways[0].router("usage", "margin")}
    sums = house.rows("SELECT model, SUM(charge_nano) AS charge, SUM(cost_nano) AS cost FROM usage GROUP BY model")
    for one in sums:
        told_sums = shown[one["model"]]
        assert parse_nano(told_sums["charge"]) == one["charge"]
        assert parse_nano(told_sums["cost"]) == (one["cost"] or 0)


# Endings.

FAILURE = {"error": {"message": "The scripted upstream broke.", "type": "server_error", "code": None}}


@pytest.mark.parametrize("plan", [Answer.error(500), Answer(FAILURE)], ids=["status", "inside a 200"])
@MODES
def test_a_failure_before_output_costs_nothing(house: House, frail: str, plan: Script, stream: bool) -> None:
    row = row_of(house, plan, model=frail, stream=stream, status=502)
    assert (counts(row), row["charge_nano"], row["ending"], marks(row)) == ((0, 0, 0, 0), 0, "error", "")


def test_usage_before_a_failure_without_output_costs_nothing(house: House, frail: str) -> None:
    first = chunks("never")[0] | {"usage": token_usage(90, 5)}
    row = row_of(house, Stream([first, FAILURE]), model=frail, stream=True, status=502)
    assert (row["charge_nano"], row["ending"]) == (0, "error")


@pytest.mark.parametrize("how", ["cut", "error"])
def test_what_was_delivered_before_a_failure_is_charged_by_estimate(house: House, frail: str, how: str) -> None:
    events = chunks(*(f"word{number} " for number in range(40)))[:-1]
    plan = Stream(events, done=False, cut_after=len(events)) if how == "cut" else Stream([*events, FAILURE], done=False)
    row = row_of(house, plan, model=frail, stream=True)
    assert (row["ending"], marks(row)) == ("cut", "estimated")
    assert 40 <= row["completion_tokens"] < 200
    assert row["charge_nano"] == charge_of(*counts(row))


def test_usage_before_a_failure_after_output_is_charged(house: House, frail: str) -> None:
    events = [*chunks("one ", "two ")[:-1], chunks()[0] | {"choices": [], "usage": token_usage(90, 2)}, FAILURE]
    row = row_of(house, Stream(events), model=frail, stream=True)
    assert (row["ending"], counts(row), marks(row)) == ("cut", (90, 2, 0, 0), "")
    assert row["charge_nano"] == charge_of(90, 2)
