"""Payments on the console: found, given back, credited by hand, and what methods told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ops_kit import Operator, text_of
from paying_site import Install, Paying, start_paying

from router import DepositPaid, Dispute, Refund, TopUpPaid
from router.ledger.paid.lots import credit_kinds
from router.ledger.verify import verify
from router.money.amounts import NANO
from router.office.accounts import create_account
from router.office.actor import Actor
from router.office.audit import list_audit
from router.office.operations.accounts import show_account
from router.office.payments.deposits import address_of
from router.office.payments.refunds import list_refunds, refundable

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def paying(tmp_path_factory: pytest.TempPathFactory, install: Install) -> Iterator[Paying]:
    with start_paying(tmp_path_factory.mktemp("paying"), install) as made:
        yield made


@pytest.fixture(scope="module")
def ops(paying: Paying) -> Operator:
    return Operator(paying.site).become()


def test_the_list_has_methods_sums_and_filters(paying: Paying, ops: Operator) -> None:
    made, open_one = paying.paid("12.5"), paying.begin("10")
    said = text_of(ops.read("/ops/payments"))
    assert "Card card On Test USD $12.50" in said and "USDT on Testnet chain" in said
    assert "Top-ups 1 $12.50" in said
    page = ops.read("/ops/payments?state=paid&method=card")
    assert made in page and open_one not in page
    assert open_one in ops.read(f"/ops/payments?account={paying.account}&state=started")
    assert "No top-up matches." in text_of(ops.read("/ops/payments?method=gift"))
    for text in (made, f"cs_{made}", f"pi_{made}"):
        status, headers, _ = ops.get(f"/ops/payments?q={text}")
        assert (status, headers["Location"]) == (303, f"/ops/payments/{made}")
    assert "No payment has the ID or reference “<b>”." in text_of(ops.read("/ops/payments?q=%3Cb%3E"))
    assert ops.get("/ops/payments?before=top_none")[0] == 400
    assert ops.get("/ops/payments/top_none")[0] == 404


def test_an_account_shows_why_nothing_is_charged_by_itself(paying: Paying, ops: Operator) -> None:
    page = f"/ops/accounts/{paying.account}"
    assert "Automatic top-up" not in text_of(ops.read(page))
    with paying.full_day() as means:
        rule = {"means": means, "threshold": "5000", "amount": "20", "per_day": "2"}
        assert paying.owner.post("/app/topup/automatic", rule)[0] == 303
        said = text_of(ops.read(page))
        assert "Automatic top-up $20.00 below $5,000.00 waits At most 2000.00 USD can be paid in" in said
        with paying.office() as office:
            shown = show_account.function(office, account=paying.account).value
        assert "waits: At most 2000.00 USD" in shown["automatic_topup"]


def test_a_gift_that_is_credited_by_hand_stays_a_gift(paying: Paying, ops: Operator) -> None:
    full = 2**63 - NANO  # with so much given and taken, the ledger takes no more
    sql = "UPDATE balances SET credits = credits + ?, debits = debits + ? WHERE account_id = ?"
    with paying.office() as office:
        account = create_account(office, Actor("operator", "test"), "Gifts").id
        until = office.clock() + 30 * 86_400
        office.database.write(lambda connection: connection.execute(sql, (full, full, account)))
        gift = DepositPaid("gift-9", account, 700, "USD", 2, granted=True, expires_at=until)
        sold = DepositPaid("sold-9", account, 700, "USD", 2)
        told = [paying.tell("gift", fact)[0] for fact in (gift, sold)]
        assert [one.state for one in told] == ["refused", "refused"]
        office.database.write(lambda connection: connection.execute(sql, (-full, -full, account)))
        for one in told:
            path = f"/ops/payments/{one.topup}"
            assert "Credit by hand" in ops.read(path)
            ops.do(f"{path}/settle", {"reference": "by hand"})
        found = credit_kinds(office.database, account)
        assert (found.paid, found.granted) == (7 * NANO, 7 * NANO)
        assert [(lot.left_nano, lot.expires_at) for lot in found.expiring] == [(7 * NANO, until)]
        row = paying.row(told[0].topup)
        assert (row.state, row.amount, refundable(row)) == ("paid", 0, 0)
        assert [one.state for one in paying.tell("gift", gift, sold)] == ["repeated", "repeated"]
        assert [str(check) for check in verify(office.database) if not check.ok] == []


def test_one_payment_shows_what_was_told(paying: Paying, ops: Operator) -> None:
    made = paying.paid("12.5")
    page = ops.read(f"/ops/payments/{made}")
    said = text_of(page)
    assert f"cs_{made}" in said and f"topup:card:cs_{made}" in said and "with a fee of $0.50" in said
    assert f"/ops/payments/{made}/refund" in page and "/settle" not in page and "/close" not in page


def test_a_payment_is_given_back_in_parts(paying: Paying, ops: Operator) -> None:
    made = paying.paid("10")
    page = ops.read(f"/ops/payments/{made}/refund")
    assert 'name="left" value="1050"' in page and 'value="10.5"' in page
    ops.do(f"/ops/payments/{made}/refund", {"amount": "2,10", "left": "1050"}, reason="as agreed")
    with paying.office() as office:
        [refund] = list_refunds(office, made)
        assert (refund.amount, refund.state, refund.reason) == (210, "done", "as agreed")
        entry = next(one for one in list_audit(office, limit=20) if one.action == "topups refund")
        assert entry.detail["reason"] == "as agreed"
    again = {"amount": "2.10", "left": "1050", "reason": "sent twice"}
    status, _, page = ops.post(f"/ops/payments/{made}/refund", again)
    assert status == 409 and "Something was refunded meanwhile" in text_of(page)
    for left in ("9" * 5000, "\u0968", "-1"):
        assert ops.post(f"/ops/payments/{made}/refund", {**again, "left": left})[0] == 409, left[:9]
    for amount, status in (("8.41", 400), ("0", 400), ("0.001", 400), ("x", 422), ("", 422)):
        asked = {"amount": amount, "left": "840", "reason": "as a test"}
        assert ops.post(f"/ops/payments/{made}/refund", asked)[0] == status, amount
    assert ops.post(f"/ops/payments/{made}/refund", {"amount": "1", "left": "840"})[0] == 422, "no reason"
    ops.do(f"/ops/payments/{made}/refund", {"amount": "8.40", "left": "840"})
    assert paying.row(made).state == "refunded"
    assert f"/ops/payments/{made}/refund" not in ops.read(f"/ops/payments/{made}")


def test_what_was_not_told_is_credited_by_hand_or_closed(paying: Paying, ops: Operator) -> None:
    lost, given_up = paying.begin("10"), paying.begin("10")
    ops.do(f"/ops/payments/{lost}/settle", {"reference": "bank 17"}, reason="seen on the statement")
    assert paying.row(lost).state == "paid"
    status, _, page = ops.post(f"/ops/payments/{lost}/settle", {"reference": "bank 17", "reason": "twice"})
    assert status == 409 and "was paid before" in text_of(page)
    ops.do(f"/ops/payments/{given_up}/close")
    assert paying.row(given_up).state == "expired"
    assert ops.post(f"/ops/payments/{given_up}/close", {"reason": "twice"})[0] == 409


def test_a_payment_by_bank_transfer_is_recorded_once(paying: Paying, ops: Operator) -> None:
    path = f"/ops/accounts/{paying.account}/record-payment"
    led = ops.do(path, {"amount": "33", "reference": "SEPA 4711"}, reason="transfer")
    made = led.removeprefix("/ops/payments/").partition("?")[0]
    assert "manual" in text_of(ops.read(f"/ops/payments/{made}"))
    status, _, page = ops.post(path, {"amount": "33", "reference": "SEPA 4711", "reason": "twice"})
    assert status == 409 and "was credited before" in text_of(page)
    assert ops.post("/ops/accounts/acct_none/record-payment", {"amount": "1", "reference": "x"})[0] == 404
    assert "Paid to the operator" in text_of(paying.owner.get(f"/app/topup/{made}")[2])


def test_what_was_refused_is_to_be_looked_at(paying: Paying, ops: Operator) -> None:
    made = paying.begin("10")
    paying.tell("card", TopUpPaid(f"cs_{made}", made, 999, "USD"), Refund("re_early", payment="pi_unknown", amount=5))
    assert "told and not credited" in text_of(ops.read("/ops/payments"))
    said = text_of(ops.read("/ops/payments/facts"))
    assert made in said and "9.99 USD was paid where" in said
    assert "re_early" in ops.read("/ops/payments/facts?state=waiting&method=card")
    assert "None is waiting." in text_of(ops.read("/ops/payments/facts?state=waiting&method=gift"))


def test_a_method_says_whether_it_works(paying: Paying, ops: Operator) -> None:
    page = ops.read("/ops/payments/methods/card")
    said = text_of(page)
    assert "secret key OK it is a test's" in said and "webhook Wrong no <URL> is set" in said and "<URL>" not in page
    assert "it has nothing to look at" in text_of(ops.read("/ops/payments/methods/gift"))
    assert ops.get("/ops/payments/methods/none")[0] == 404
    assert ops.get("/ops/payments/methods/gift/compare")[0] == 404


def test_what_lies_on_addresses_is_listed_for_collecting(paying: Paying, ops: Operator) -> None:
    path = "/ops/payments/methods/chain/addresses"
    assert "No address was given out." in text_of(ops.read(path))
    paying.owner.get("/app/topup/address/chain")
    with paying.office() as office:
        address = address_of(office, office.payments, paying.account, "chain").address
    paying.tell("chain", DepositPaid("tx-1", address, 25_000_000, "USDT", 6))
    assert path in ops.read("/ops/payments/methods/chain") and path not in ops.read("/ops/payments/methods/card")
    said = text_of(ops.read(path))
    assert f"{address} m/0/0 {paying.account} Testnet" in said and "Enough" in said
    assert "Enough" not in text_of(ops.read(f"{path}?min=25,51"))
    status, _, page = ops.get(f"{path}?min=lots")
    assert status == 200 and "lots" in page and "Traceback" not in page
    told = ops.get(f"{path}.csv?min=25.5")[2].splitlines()
    assert told == [
        "number,address,path,account,network,currency,held,credited,enough",
        f"0,{address},m/0/0,{paying.account},Testnet,USDT,25.5,25,yes",
    ]
    assert ops.get("/ops/payments/methods/card/addresses")[0] == 404
    assert ops.get("/ops/payments/methods/none/addresses.csv")[0] == 404
    command = ("payments", "addresses", "chain", "--min", "25.51")
    [row] = paying.site.gateway.router(*command)
    assert (row["held"], row["credited"], row["enough"]) == ("25.5", "25", False)
    assert paying.site.gateway.router(*command, "--enough") == []


def test_addresses_that_cannot_be_asked_about_are_said_so(paying: Paying, ops: Operator) -> None:
    with paying.office() as office:
        other = create_account(office, Actor("operator", "test"), "Other").id
        address = address_of(office, office.payments, other, "chain").address
    paying.tell("chain", DepositPaid("tx-2", address, 13_000_000, "USDT", 6))
    page = ops.read("/ops/payments/methods/chain/addresses")
    assert "cannot be asked now" in text_of(page) and "<down>" not in page
    assert ops.get("/ops/payments/methods/chain/addresses.csv")[0] == 503


def test_an_account_shows_its_credit_and_what_froze_it(paying: Paying, ops: Operator) -> None:
    made = paying.paid("20")
    opened = Dispute("dp_9", "opened", payment=f"pi_{made}", amount=2050, currency="USD")
    paying.tell("card", opened)
    said = text_of(ops.read(f"/ops/accounts/{paying.account}"))
    assert "Disputes keep this account frozen: dp_9" in said and "paid, $5.00 granted" in said
    paying.tell("card", Dispute("dp_9", "won", payment=f"pi_{made}", amount=2050, currency="USD"))
    assert "frozen" not in text_of(ops.read(f"/ops/accounts/{paying.account}"))
