"""Top-ups as pages and commands begin, refund, settle and watch them."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from payments_kit import CARD, OPERATOR, RETURN, Clock, Till

from router import (
    BadRequest,
    ConfigError,
    Conflict,
    DepositDropped,
    DepositPaid,
    DepositSeen,
    NotFound,
    PaymentOffer,
    PaymentStarted,
    PaymentWatch,
    Refund,
    TopUp,
    TopUpPaid,
    Unavailable,
    Watched,
)
from router.ledger.paid.lots import credit_kinds
from router.money.amounts import NANO
from router.office import accounts
from router.office.payments.books import clearing_nano, compare_method, verify_against
from router.office.payments.deposits import address_of, find_watch, step_watch
from router.office.payments.refunds import ask_refund, push_refunds, record_payment, settle_topup
from router.office.payments.told import list_facts
from router.office.payments.topups import cancel_topup, list_topups, look_at, quote_topup, show_topup
from router.office.payments.upkeep import TopUpPoll, payment_jobs, retry_waiting
from router.office.people.abuse import set_switch
from router.store.rates import set_rate

RATES = "https://rates.example.com"
IN_MANAT = f'[gateway]\ncurrency = "TMT"\n[billing]\nusd_rate_url = "{RATES}"\nusd_rate_field = "TMT"\n'


def paid(till: Till, row: Any) -> TopUpPaid:
    return TopUpPaid(row.reference, row.id, row.amount, row.currency)


def test_one_form_begins_one_top_up_whoever_sends_it_twice(till: Till) -> None:
    found: list[str] = []
    till.method.start = lambda topup: time.sleep(0.2) or PaymentStarted(f"cs_{topup.id}", f"https://x.org/{topup.id}")

    def begin() -> None:
        found.append(till.begin(form="same").url)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1
    assert len(list_topups(till.office, account_id=till.account)) == 1
    row = till.begin(form="same")
    assert row.url == found[0] == f"https://x.org/{row.id}" and row.reference == f"cs_{row.id}"
    asked = [one for what, one in till.method.asked if what == "start"]
    assert [topup.id for topup, _ in asked] == [row.id] and asked[0][1] == RETURN.replace("{topup}", row.id)


def test_a_beginning_that_was_cut_off_is_gone_on_with(till: Till, clock: Clock) -> None:
    row = till.begin(form="cut")
    cut = "UPDATE topups SET url = '', reference = '' WHERE id = ?"
    till.office.database.write(lambda connection: connection.execute(cut, (row.id,)))
    clock.now += 60
    again = till.begin(form="cut")
    assert (again.id, again.url) == (row.id, row.url)
    assert [topup.id for what, (topup, _) in till.method.asked if what == "start"] == [row.id] * 2


@pytest.mark.parametrize(
    ("amount", "said"), [(NANO // 2, "The least is 1 USD"), (2_000_000 * NANO, "takes payments from 1.00 USD")]
)
def test_amounts_out_of_bounds_are_refused_with_the_bounds(local_till: Till, amount: int, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        local_till.begin(amount)
    assert list_topups(local_till.office) == []


def test_a_day_has_its_bound(sqlite_url: str, make_till: Any, clock: Clock) -> None:
    till = make_till(sqlite_url, 'most_per_day = "25"\nmost = "20"\n')
    till.begin(20 * NANO)
    with pytest.raises(BadRequest, match=r"5\.00 are left"):
        till.begin(6 * NANO)
    till.begin(5 * NANO)
    with pytest.raises(BadRequest, match="The most at once is 20"):
        till.begin(21 * NANO)
    clock.now += 86_401
    till.begin(20 * NANO)


def test_fee_and_rate_are_told_before_and_frozen(sqlite_url: str, make_till: Any, clock: Clock) -> None:
    till = make_till(sqlite_url, 'presets = ["100"]\n', IN_MANAT)
    till.method.offer = replace(CARD, fee_minor=30, fee_millionths=29_000)
    with pytest.raises(Unavailable, match="exchange rate of USD to TMT"):
        till.begin(350 * NANO)
    set_rate(till.office.database, "TMT", 3_500_000_000, RATES)
    clock.now = till.office.database.read(lambda c: c.tuples("SELECT created_at FROM rates"))[0][0]
    quote = quote_topup(till.office, till.method.offer, 350 * NANO)
    assert (quote.charge, quote.fee, quote.currency) == (10_320, 320, "USD")
    row = till.begin(350 * NANO)
    set_rate(till.office.database, "TMT", 7_000_000_000, RATES)
    till.tell(paid(till, row))
    assert till.balance() == 350 * NANO and till.row(row.id).rate_nano == 3_500_000_000
    clock.now += 90_000
    with pytest.raises(Unavailable) as stale:
        till.begin(350 * NANO)
    assert stale.value.code == "stale_rate"
    till.method.offer = replace(CARD, currency="EUR")
    with pytest.raises(Unavailable) as unknown:
        till.begin(350 * NANO)
    assert "rates = { EUR" in unknown.value.detail


def test_who_may_not_pay_in_is_told_why(till: Till) -> None:
    set_switch(till.office, OPERATOR, "topup", True, reason="holiday")
    with pytest.raises(Unavailable, match="turned off"):
        till.begin()
    set_switch(till.office, OPERATOR, "topup", False, reason="back")
    accounts.suspend_account(till.office, OPERATOR, till.account)
    with pytest.raises(BadRequest, match="suspended"):
        till.begin()


def test_a_method_that_fails_or_answers_nonsense_closes_the_top_up(till: Till) -> None:
    def fails(topup: TopUp) -> PaymentStarted:
        raise RuntimeError("sk_live_secret")

    till.method.start = fails
    with pytest.raises(Unavailable) as error:
        till.begin()
    assert "secret" not in str(error.value)
    for url in ("javascript:alert(1)", "http://evil.example.com", "https://pay.example.com/a b"):
        till.method.start = lambda topup, url=url: PaymentStarted("cs", url)  # type: ignore[misc]
        with pytest.raises(Unavailable, match="does not work at the moment"):
            till.begin()
    assert {row.state for row in list_topups(till.office)} == {"failed"}
    till.method.offer = None
    with pytest.raises(NotFound):
        till.begin()


def test_a_method_that_is_not_set_up_says_what_lacks(local_till: Till) -> None:
    class Unset:
        def ask(self) -> None: ...

    def offer(account: str) -> PaymentOffer:
        raise ConfigError("set STRIPE_SECRET_KEY")

    local_till.methods.ask = lambda *_, **__: offer("")  # type: ignore[method-assign, assignment]
    state = local_till.methods.state("card")
    assert state.offer is None and "STRIPE_SECRET_KEY" in state.problem


def test_coming_back_before_the_notice_is_credited_once(till: Till) -> None:
    row = till.begin()
    till.method.poll = [paid(till, row)]
    assert look_at(till.office, till.methods, row).state == "paid"
    assert TopUpPoll(till.office, till.methods, "card").run() == 0
    [outcome] = till.tell(paid(till, row))
    assert outcome.state == "repeated" and till.balance() == 10 * NANO
    other = accounts.create_account(till.office, OPERATOR, "Other").id
    with pytest.raises(NotFound):
        show_topup(till.office, other, row.id)


def test_a_refund_takes_the_credit_first_and_asks_until_it_is_told(till: Till) -> None:
    row = till.paid()
    refund = ask_refund(till.office, OPERATOR, till.methods, row.id, 400, reason="sorry")
    assert refund.state == "asked" and refund.problem == "not now" and till.balance() == 6 * NANO
    till.method.refund = lambda topup, amount, asked: [Refund("re_1", topup=topup.id, amount=amount, asked=asked)]
    assert push_refunds(till.office, till.methods) == 0, "who asked for it asks"
    till.clock.now += 30
    assert push_refunds(till.office, till.methods) == 1 and push_refunds(till.office, till.methods) == 0
    [outcome] = till.tell(Refund("re_1", payment=row.payment, amount=400, total=400, currency="USD"))
    assert outcome.state == "repeated" and till.balance() == 6 * NANO
    assert till.row(row.id).state == "part_refunded"
    till.tell(Refund("ch_1", payment=row.payment, total=400, currency="USD"))
    assert till.balance() == 6 * NANO
    till.tell(Refund("re_1", payment=row.payment, amount=400, failed=True, asked=refund.id))
    assert till.balance() == 10 * NANO
    till.check()


def test_a_refund_that_was_decided_once_is_taken_once(till: Till) -> None:
    row = till.paid()
    found: list[str] = []

    def decide() -> None:
        try:
            ask_refund(till.office, OPERATOR, till.methods, row.id, 400, reason="sorry", left=1000)
            found.append("asked")
        except Conflict as error:
            found.append(str(error.code))

    threads = [threading.Thread(target=decide) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["asked", "refund_stale", "refund_stale", "refund_stale"] and till.balance() == 6 * NANO


def test_a_refund_that_is_refused_is_given_back(till: Till) -> None:
    row = till.paid()

    def refuses(topup: TopUp, amount: int, asked: str) -> Any:
        raise BadRequest("charge already refunded")

    till.method.refund = refuses
    with pytest.raises(BadRequest, match="already refunded"):
        ask_refund(till.office, OPERATOR, till.methods, row.id, reason="sorry")
    assert till.balance() == 10 * NANO and till.row(row.id).state == "paid"
    till.spend(9 * NANO)
    with pytest.raises(BadRequest, match="available"):
        ask_refund(till.office, OPERATOR, till.methods, row.id, reason="sorry")
    with pytest.raises(BadRequest, match=r"10\.00 USD can be refunded"):
        ask_refund(till.office, OPERATOR, till.methods, row.id, 1001, reason="sorry")
    till.check()


def test_a_refund_by_a_method_that_was_turned_off_is_not_given_back(till: Till) -> None:
    row = till.paid()
    ask_refund(till.office, OPERATOR, till.methods, row.id, 400, reason="sorry")  # it may have been made
    till.methods.names = ()
    till.clock.now += 30
    assert push_refunds(till.office, till.methods) == 1
    till.methods.names = ("card",)
    till.clock.now += 30
    assert push_refunds(till.office, till.methods) == 1 and till.balance() == 6 * NANO
    till.check()


def test_what_an_operator_books_by_hand_is_booked_once(till: Till) -> None:
    row = till.begin()
    settle_topup(till.office, OPERATOR, row.id, reference="bank 7", reason="seen on the account")
    with pytest.raises(Conflict, match="paid before"):
        settle_topup(till.office, OPERATOR, row.id, reference="bank 7", reason="again")
    [outcome] = till.tell(paid(till, row))
    assert outcome.state == "repeated" and till.balance() == 10 * NANO
    made = record_payment(till.office, OPERATOR, till.account, 5 * NANO, reference="wire 1", reason="wire")
    with pytest.raises(Conflict, match="credited before"):
        record_payment(till.office, OPERATOR, till.account, 5 * NANO, reference="wire 1", reason="wire")
    assert credit_kinds(till.office.database, till.account).paid == 15 * NANO
    refund = ask_refund(till.office, OPERATOR, till.methods, made.id, reason="sent back")
    assert refund.state == "done" and till.balance() == 10 * NANO
    with pytest.raises(Conflict):
        cancel_topup(till.office, OPERATOR, row.id)
    assert cancel_topup(till.office, OPERATOR, till.begin().id).state == "expired"
    till.check()


def test_addresses_are_given_once_and_a_changed_key_is_noticed(till: Till) -> None:
    till.method.offer = PaymentOffer("USDT", "address", "USDT", 6)
    found: set[str] = set()
    threads = [
        threading.Thread(target=lambda: found.add(address_of(till.office, till.methods, till.account, "card").address))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    other = accounts.create_account(till.office, OPERATOR, "Other").id
    assert address_of(till.office, till.methods, other, "card").address not in found
    sql = "UPDATE payment_addresses SET address = 'elsewhere' WHERE account_id = ?"
    till.office.database.write(lambda c: c.execute(sql, (till.account,)))
    with pytest.raises(Unavailable) as changed:
        address_of(till.office, till.methods, till.account, "card")
    assert "xpub was changed" in changed.value.detail


def test_deposits_are_seen_dropped_and_credited_with_the_cursor(till: Till) -> None:
    till.method.offer = PaymentOffer("USDT", "address", "USDT", 6)
    address = address_of(till.office, till.methods, till.account, "card").address
    seen = DepositSeen("evm:1:0xa:0", address, 12_500_000, "USDT", 6, 3, 12, {"block": 7})
    watches: list[PaymentWatch] = []

    def step(*facts: Any, **more: Any) -> None:
        def watch(given: PaymentWatch) -> Watched:
            watches.append(given)
            return Watched(facts, {"block": len(watches)}, **more)

        till.method.watch = watch
        step_watch(till.office, till.methods, "card")

    step(seen, delayed="the node is slow")
    [row] = list_topups(till.office, account_id=till.account)
    assert (row.state, row.confirmations, row.wanted, row.credit_nano) == ("pending", 3, 12, 12_500_000_000)
    assert find_watch(till.office, "card").delayed == "the node is slow"
    step(DepositDropped(seen.reference))
    assert watches[1].seen == [seen] and watches[1].cursor == {"block": 1}
    assert till.row(row.id).state == "failed"
    step(replace(seen, confirmations=1))
    step(DepositPaid(seen.reference, address, 12_500_000, "USDT", 6))
    step(DepositPaid(seen.reference, address, 12_500_000, "USDT", 6))
    assert till.row(row.id).state == "paid" and till.balance() == 12_500_000_000
    [outcome] = till.tell(DepositPaid("evm:1:0xb:0", "0xnobody", 1, "USDT", 6))
    assert outcome.state == "refused" and "given to nobody" in outcome.why
    till.check()


def test_a_deposit_of_more_than_there_is_stops_no_watcher(till: Till) -> None:
    till.method.offer = PaymentOffer("USDT", "address", "USDT", 6)
    address = address_of(till.office, till.methods, till.account, "card").address
    till.method.watch = lambda watch: Watched(
        [
            DepositPaid("evm:1:0xhuge:0", address, 10**40, "USDT", 6),
            DepositPaid("evm:1:0xb:0", address, 10**6, "USDT", 6),
        ],
        {"block": 1},
    )
    step_watch(till.office, till.methods, "card")
    assert till.balance() == NANO and find_watch(till.office, "card").cursor == {"block": 1}
    [kept] = [row for row in list_topups(till.office) if not row.is_paid]
    assert kept.amount == 10**40 and (kept.state, kept.note) == ("failed", "it cannot be credited: ask the operator")
    [refused] = list_facts(till.office, state="refused")
    assert refused.topup_id == kept.id
    step_watch(till.office, till.methods, "card")  # it is told again, and nothing else comes of it
    assert replace(till.row(kept.id), changed_at=kept.changed_at) == kept and till.balance() == NANO
    till.check()


def test_a_watcher_gets_the_pause_that_it_asks_for(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    now, steps, pauses = [1000.0], list[float](), [0.0, 0.0, 30.0, 12.0]

    def watch(given: PaymentWatch) -> Watched:
        steps.append(now[0])
        return Watched((), {}, again_s=pauses[min(len(steps), len(pauses)) - 1])

    till.method.watch = watch
    monkeypatch.setattr("router.office.payments.upkeep.time.monotonic", lambda: now[0])
    [job] = [one for one in payment_jobs(till.office, till.methods) if one.name == "watch:card"]
    for seconds in (0, 5, 20, 4, 1, 11, 1):  # beats of the job, long after each other
        now[0] += seconds
        job.function()
    assert steps == [1000.0, 1000.0, 1000.0, 1030.0, 1042.0], "what is behind goes on at once, and then it waits"
    till.method.watch = lambda given: steps.append(now.append(now.pop() + 7.0) or now[0]) or Watched((), {}, again_s=0)
    steps.clear()
    now[0] += 100
    job.function()
    assert 4 <= len(steps) <= 6, "catching up ends after some seconds, and others have their turn"


def test_a_deposit_without_a_rate_waits_for_one(sqlite_url: str, make_till: Any, clock: Clock) -> None:
    till = make_till(sqlite_url, "", IN_MANAT)
    till.method.offer = PaymentOffer("USDT", "address", "USDT", 18)
    address = address_of(till.office, till.methods, till.account, "card").address
    [outcome] = till.tell(DepositPaid("evm:56:0xa:0", address, 10**20, "USDT", 18))
    assert outcome.state == "waiting" and till.balance() == 0
    set_rate(till.office.database, "TMT", 3_500_000_000, RATES)
    clock.now = till.office.database.read(lambda c: c.tuples("SELECT created_at FROM rates"))[0][0]
    assert retry_waiting(till.office) == 1 and till.balance() == 350 * NANO
    assert retry_waiting(till.office) == 0
    [ether] = till.tell(DepositPaid("evm:1:0xe:0", address, 10**18, "ETH", 18, usd_rate="2000"))
    assert ether.state == "booked" and till.balance() == 350 * NANO + 7000 * NANO
    till.check()


def test_the_books_are_compared_with_what_the_method_says(till: Till) -> None:
    row = till.paid()
    till.tell(Refund("re_1", payment=row.payment, amount=250, currency="USD"))
    till.method.statement = [paid(till, row), Refund("re_1", payment=row.payment, amount=250, currency="USD")]
    books = verify_against(till.office, till.methods, "card", 0.0)
    assert (books.told, books.booked, books.clearing_nano, list(books.differences)) == (2, 2, 7_500_000_000, [])
    till.method.statement = [replace(paid(till, row), amount=999), TopUpPaid("cs_lost", "top_1", 5, "USD")]
    books = verify_against(till.office, till.methods, "card", 0.0)
    assert [line.partition(":")[0] for line in books.differences] == [f"paid {row.reference}", "paid cs_lost"]
    assert clearing_nano(till.office, "card") == 7_500_000_000
    till.method.differences = ["0xa: 5 on the chain, 4 credited"]
    assert compare_method(till.office, till.methods, "card") == till.method.differences
    assert list(find_watch(till.office, "card").differences) == till.method.differences


def test_what_was_credited_and_the_method_does_not_know_is_named(till: Till, clock: Clock) -> None:
    rows = [till.paid(), till.paid()]
    till.method.statement = [paid(till, rows[0])]
    books = verify_against(till.office, till.methods, "card", 0.0)
    assert (books.told, books.booked) == (1, 1)
    assert list(books.differences) == [
        f"paid {rows[1].reference}: 10.00 credited to {till.account} by {rows[1].id}, and card does not tell of it"
    ]
    assert list(verify_against(till.office, till.methods, "card", clock.now + 1).differences) == []
    clock.now += 100
    old = DepositPaid("evm:1:0xa:0", till.account, 10**6, "USDT", 6, detail={"at": clock.now - 50})
    till.tell(old)
    till.method.statement = []
    assert list(verify_against(till.office, till.methods, "card", clock.now - 10).differences) == []
    [line] = verify_against(till.office, till.methods, "card", clock.now - 60).differences
    assert line.startswith("paid evm:1:0xa:0: 1.00 credited")
