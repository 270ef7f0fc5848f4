"""What the operator's console reads: accounts found, sums of money, how providers do, and the ledger verified."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from office_kit import ADA, entries
from stored_usage import insert_usage

from router.errors import BadRequest, Conflict, NotFound
from router.money.amounts import NANO
from router.money.prices import Price
from router.office import accounts, credits, keys, prices
from router.office.console import figures, finding, model_lines, price_effects, provider_health, system, verification
from router.office.console.provider_switches import disable_provider, enable_provider, providers_off
from router.office.office import Office
from router.office.usage import sum_hours
from router.types.records import Attempt, CallRecord

pytestmark = pytest.mark.slow


def call(office: Office, number: int, account: str, key: str = "", **facts: object) -> CallRecord:
    made = CallRecord(
        request_id=f"req_{number:03}",
        created_at=office.clock() - 60 - number,
        route="chat",
        account=account,
        key=key,
        model="echo/echo",
        provider="echo",
        upstream_model="echo",
        status=200,
        ending="ok",
        error_code="",
        streamed=False,
        prompt_tokens=1000,
        completion_tokens=500,
        cached_tokens=0,
        reasoning_tokens=0,
        estimated=False,
        latency_ms=100 * (number + 1),
        first_token_ms=10,
        attempts=(Attempt("echo", "echo", "ok", 200, 5),),
    )
    return replace(made, **facts)  # type: ignore[arg-type]


def keep(office: Office, *records: CallRecord) -> None:
    office.database.write(lambda connection: insert_usage(connection, records))


def found(office: Office, text: str = "", **filters: Any) -> list[str]:
    return [one.account.name for one in finding.find_accounts(office, text, **filters)]


def test_accounts_are_found_by_what_an_operator_has_at_hand(office: Office) -> None:
    ours = accounts.create_account(office, ADA, "Ours").id
    theirs = accounts.create_account(office, ADA, "Theirs 100%").id
    key = keys.create_key(office, ADA, ours, "mine").row
    posted = credits.grant_credit(office, ADA, ours, 5 * NANO, reason="r", reference="first")
    keep(office, call(office, 1, ours, key.id, charge_nano=7))
    for text in (ours, key.id, key.hint, f"sk-\u2026{key.hint}", "req_001", posted.transfer.reference, "our"):
        assert found(office, text) == ["Ours"], text
    assert found(office, "100%") == ["Theirs 100%"]
    assert found(office, "nothing of it") == found(office, "_") == []
    assert found(office)[:2] == ["Theirs 100%", "Ours"]
    accounts.suspend_account(office, ADA, theirs)
    assert found(office, status="suspended") == ["Theirs 100%"]
    assert found(office, tier="gold") == []
    (line,) = finding.find_accounts(office, ours)
    assert (line.balance_nano, line.spent_nano, line.keys, line.emails) == (5 * NANO, 7, 1, ())
    pages = finding.find_accounts(office, limit=1)
    pages += finding.find_accounts(office, before=pages[0].account.id, limit=1)
    assert [one.account.id for one in pages] == [theirs, ours]


def test_notes_stay_and_are_audited(office: Office, account: str) -> None:
    finding.add_note(office, ADA, account, "called, all well")
    finding.add_note(office, ADA, account, "second")
    assert [one.text for one in finding.list_notes(office, account)] == ["second", "called, all well"]
    last = finding.list_notes(office, account, limit=1)[0]
    assert [one.text for one in finding.list_notes(office, account, before=last.id)] == ["called, all well"]
    assert entries(office)[0][:2] == ("accounts note", "Ada")
    with pytest.raises(NotFound):
        finding.add_note(office, ADA, "acct_none", "x")
    with pytest.raises(BadRequest):
        finding.add_note(office, ADA, account, " ")


def test_a_reason_stands_in_the_audit_log(office: Office, account: str) -> None:
    accounts.suspend_account(office, replace(ADA, reason="unpaid for a year"), account)
    sql = "SELECT detail FROM audit ORDER BY seq DESC LIMIT 1"
    assert office.database.read(lambda c: c.tuples(sql)) == [('{"reason": "unpaid for a year"}',)]


def test_sums_leave_an_unknown_cost_unknown(office: Office, account: str) -> None:
    credits.grant_credit(office, ADA, account, 50 * NANO, reason="start")
    credits.adjust_credit(office, ADA, account, -2 * NANO, reason="wrong")
    now = office.clock()
    keep(office, call(office, 1, account, charge_nano=100, cost_nano=60), call(office, 2, account))
    sums = figures.figures(office, now - 86_400, now + 60)
    assert (sums.calls, sums.charged_nano, sums.cost_nano, sums.margin_nano) == (2, 100, 60, 40)
    assert (sums.granted_nano, sums.free_nano, sums.topped_up_nano, sums.paying) == (50 * NANO, 0, 0, 0)
    assert sums.kinds["adjustment"] == figures.KindSum("adjustment", 1, 2 * NANO, 0, 2 * NANO)
    keep(office, call(office, 3, account, charge_nano=5))
    sums = figures.figures(office, now - 86_400, now + 60)
    assert (sums.uncosted, sums.margin_nano) == (1, None)
    hours = sum_hours(office, since=0, until=now + 60)
    assert figures.figures(office, now - 86_400, now + 60, hours) == sums, "from sums that were read already"
    assert figures.figures(office, 0, 60, hours) == figures.Figures({}, 0, 0, 0, 0, 0, 0)
    assert figures.moved(office, now - 86_400, now + 60) == figures.Moved(sums.kinds, sums.paying)
    assert figures.figures(office, 0, 60) == figures.Figures({}, 0, 0, 0, 0, 0, 0)
    owed = figures.owed(office)
    assert (owed.balance_nano, owed.held_nano, owed.accounts) == (48 * NANO, 0, 1)
    assert figures.old_holds(office, 0) == []


def test_how_providers_do_is_told_by_their_calls(office: Office, account: str) -> None:
    broken = Attempt("acme", "large", "overloaded", 503, 9, "try later")
    served = Attempt("echo", "echo", "ok", 200, 5)
    keep(office, *(call(office, number, account) for number in range(20)))
    keep(office, call(office, 30, account, attempts=(broken, served)))
    keep(office, call(office, 31, account, ending="error", provider="acme", attempts=(broken,), status=503))
    health, whole = provider_health.provider_health(office, 3600)
    assert whole
    echo, acme = health["echo"], health["acme"]
    assert (echo.calls, echo.failures, echo.latency_ms, echo.first_token_ms) == (21, 0, (1100, 2000), 10)
    assert (acme.calls, acme.failures, acme.kinds, acme.latency_ms) == (2, 2, {"overloaded": 2}, None)
    assert [one[1:] for one in acme.last_failures] == [
        ("req_030", "overloaded", 503, "try later"),
        ("req_031", "overloaded", 503, "try later"),
    ]
    routing = provider_health.routing(office, 3600)
    (share,) = routing.shares
    assert (share.calls, share.attempts, share.fallbacks) == (22, 23, 1)
    assert share.providers == {"echo": 21, "acme": 1}
    assert provider_health.routing(office, 10).shares == []


def test_models_say_why_they_cannot_be_called(office: Office) -> None:
    line = model_lines.model_line(office, "echo/echo")
    assert line is not None and line.why_not == () and line.below_cost == []
    disable_provider(office, replace(ADA, reason="its bill"), "echo")
    assert [(one.provider, one.reason) for one in providers_off(office)] == [("echo", "its bill")]
    line = model_lines.model_line(office, "echo/echo")
    assert line is not None and line.why_not == ("Its provider, echo, is turned off.",)
    disable_provider(office, ADA, "echo")
    enable_provider(office, ADA, "echo")
    assert [one[0] for one in entries(office)] == ["providers enable", "providers disable"]
    assert model_lines.model_line(office, "none/none") is None
    assert [one.entry.id for one in model_lines.model_lines(office)] == sorted(office.shelf.snapshot.entries)


def test_the_effect_of_a_price_is_shown_before_it_is_saved(office: Office, account: str) -> None:
    keep(office, call(office, 1, account, charge_nano=30), call(office, 2, account, charge_nano=30, cost_nano=9))
    price = Price.per_million(input="2", output="4")
    effect = price_effects.price_effect(office, "echo/echo", price)
    assert (effect.calls, effect.charged_nano, effect.cost_nano) == (2, 60, None)
    assert effect.would_nano == 2 * (1000 * 2000 + 500 * 4000)
    changed = {one.name: (one.before_nano, one.after_nano) for one in effect.rates}
    assert changed["input"][1] == 2 * NANO and changed["output"][1] == 4 * NANO
    assert (
        office.shelf.snapshot.prices.charge("echo/echo", "echo", office.shelf.snapshot.entries["echo/echo"].card)
        != price
    )
    prices.set_price(office, ADA, "echo/echo", price)
    assert price_effects.price_effect(office, "echo/echo", None).rates[0].before_nano == 2 * NANO


@pytest.mark.parametrize(
    ("sold", "paid", "below"),
    [
        ({"input": "2", "output": "4"}, {"input": "1", "output": "4"}, []),
        ({"input": "2", "output": "4"}, {"input": "3", "output": "4"}, ["input", "cached_input", "cache_write"]),
        ({"input": "2", "output": "4"}, {"input": "2", "output": "4", "reasoning": "5"}, ["reasoning"]),
        ({"per_request": "1"}, {"per_request": "2"}, ["per_request"]),
        ({"input": "2", "output": "4"}, {"per_request": "2"}, ["per_request"]),
    ],
)
def test_what_is_sold_below_its_cost_is_named(sold: dict[str, str], paid: dict[str, str], below: list[str]) -> None:
    assert model_lines.below_cost(Price.per_million(**sold), Price.per_million(**paid), 0.0) == below
    assert model_lines.below_cost(None, Price.per_million(**paid), 0.0) == []


def test_the_ledger_is_verified_beside_the_pages(office: Office, account: str) -> None:
    before = verification.verification(office)
    assert (before.running, before.interrupted, before.last) == (False, False, None)
    credits.grant_credit(office, ADA, account, 5, reason="r")
    thread = verification.start_verification(office, replace(ADA, reason="monthly"))
    with pytest.raises(Conflict, match="under way"):
        verification.start_verification(office, ADA)
    thread.join(60)
    state = verification.verification(office)
    assert not state.running and state.step == state.steps and not state.interrupted
    last = state.last
    assert last is not None and last.ok
    assert (last.by, last.transfers, last.checks, last.failed, last.error) == ("Ada", 1, state.steps, {}, "")
    assert [one[0] for one in entries(office)][:2] == ["ledger verified", "ledger verify"]
    verification.start_verification(office, ADA).join(60)


def test_differences_are_told(office: Office, account: str) -> None:
    credits.grant_credit(office, ADA, account, 5, reason="r")
    office.database.write(lambda connection: connection.execute("UPDATE balances SET credits = credits + 1"))
    verification.start_verification(office, ADA).join(60)
    last = verification.verification(office).last
    assert last is not None and not last.ok
    assert "balances_equal_transfers" in last.failed and account in last.failed["balances_equal_transfers"]


def test_a_verification_whose_worker_died_is_seen_to_be_over(office: Office) -> None:
    now = int(office.clock())
    sql = "INSERT INTO meta (name, value) VALUES ('verify_began', ?)"
    office.database.write(lambda connection: connection.execute(sql, (now,)))
    assert verification.verification(office).interrupted


def test_the_system_tells_what_it_is(office: Office) -> None:
    state = system.database_state(office)
    assert state.engine == office.database.engine and state.version
    assert state.size_bytes > 10_000 and state.behind == 0
    assert {(one.owner, one.number) for one in state.steps} >= {("router", 19)}
    assert set(system.counts(office)) == set(system.COUNTERS)
