"""Addresses, codes, and what is charged by itself: pages of the ways to pay that lead nowhere else."""

from __future__ import annotations

import re

import pytest
from paying_site import Paying, seen, text_of
from portal_site import Client

from router import DepositDropped, DepositPaid
from router.money.amounts import NANO
from router.office.actor import Actor
from router.office.credits import grant_credit

pytestmark = pytest.mark.slow

PROGRAM = Actor("system", "test")


def address_of(page: str) -> str:
    found = re.search(r'id="deposit-address"[^>]*value="([^"]+)"', page)
    assert found is not None, text_of(page)
    return found[1]


def test_an_address_is_asked_for_and_stays(paying: Paying) -> None:
    status, _, page = paying.owner.get("/app/topup/deposit/chain")
    assert status == 200 and "0xAbC" not in page and "Get the address" in page
    status, headers, _ = paying.owner.post("/app/topup/deposit/chain")
    assert (status, headers["Location"]) == (303, "/app/topup/deposit/chain")
    _, _, page = paying.owner.get("/app/topup/deposit/chain")
    address, said = address_of(page), text_of(page)
    assert "Testnet USDT" in said and "Send no TRX here." in said and "At least 1.00 USDT" in said
    assert "Other tokens and other networks are not credited" in said
    assert re.search(r'<div class="qr" role="img"[^>]*><svg ', page) and 'data-copy="deposit-address"' in page
    paying.owner.post("/app/topup/deposit/chain")
    assert address_of(paying.owner.get("/app/topup/deposit/chain")[2]) == address
    other = Client(paying.site)
    other.sign_up(name="Sam")
    other.post("/app/topup/deposit/chain")
    assert address_of(other.get("/app/topup/deposit/chain")[2]) != address


def test_a_deposit_is_seen_before_it_is_credited(paying: Paying) -> None:
    paying.owner.post("/app/topup/deposit/chain")
    address = address_of(paying.owner.get("/app/topup/deposit/chain")[2])
    paying.tell("chain", seen(address, "tx1:0", 3), seen(address, "tx2:0", 1))
    said = text_of(paying.owner.get("/app/topup/deposit/chain")[2])
    assert "On its way 3 of 12" in said and "25.00 USDT" in said.replace("\u00a0", " ")
    paying.tell("chain", DepositPaid("tx1:0", address, 25_000_000, "USDT", 6), DepositDropped("tx2:0", "reorg"))
    _, _, page = paying.owner.get("/app/topup/deposit/chain")
    said = text_of(page)
    assert "Credited" in said and "$25.00" in said and "Failed" in said
    link = re.search(r"/app/topup/(top_\w+)/receipt", page)
    assert link is not None
    said = text_of(paying.owner.get(link[0])[2])
    assert "tx1:0" in said and "Fee" not in said


def test_a_method_that_is_behind_says_so(paying: Paying) -> None:
    for _ in range(100):
        said = text_of(paying.owner.get("/app/topup/deposit/chain")[2])
        if "Deposits are seen later than usual" in said:
            assert "the node does not answer" in said
            return
    pytest.fail("the watcher's delay is not on the page")


def test_a_code_is_credited_once(paying: Paying) -> None:
    status, headers, page = paying.owner.post("/app/topup/code/gift", {"code": " GOOD-1 "})
    assert status == 303, text_of(page)
    assert "$7.00 was credited" in text_of(paying.owner.get(headers["Location"])[2])
    other = Client(paying.site)
    other.sign_up(name="Sam")
    for client, code in ((other, "GOOD-1"), (other, "bad"), (other, ""), (other, "x" * 300), (other, "G\u0000")):
        status, _, page = client.post("/app/topup/code/gift", {"code": code})
        assert status == 400 and "This code was used already, or is none." in text_of(page), code
        assert 'id="error-gift"' in page
    assert paying.owner.post("/app/topup/code/card", {"code": "GOOD-2"})[0] == 404
    assert paying.owner.post("/app/topup/code/none", {"code": "GOOD-2"})[0] == 404


def test_codes_cannot_be_guessed_at_will(paying: Paying) -> None:
    guesser = Client(paying.site)
    guesser.sign_up(name="Gus")
    statuses = [guesser.post("/app/topup/code/gift", {"code": f"guess-{number}"})[0] for number in range(11)]
    assert statuses == [400] * 10 + [429]
    status, headers, page = guesser.post("/app/topup/code/gift", {"code": "GOOD-3"})
    assert status == 429 and int(headers["Retry-After"]) > 0
    assert "Too many codes were tried." in text_of(page)


def test_what_is_paid_with_is_kept_and_charged_by_itself(paying: Paying) -> None:
    _, _, page = paying.owner.get("/app/topup/automatic")
    assert "Nothing is saved." in text_of(page)
    paying.paid("10", save="true")
    _, _, page = paying.owner.get("/app/topup/automatic")
    means = re.search(r"/app/topup/means/(mean_\w+)/forget", page)
    assert means is not None and "Visa 4242" in text_of(page)
    rule = {"means": means[1], "threshold": "5,5", "amount": "20", "per_day": "2"}
    wrong = {"amount": "0.5"}, {"amount": "1001"}, {"threshold": "0"}, {"threshold": "x"}, {"per_day": "7"}
    for one in wrong:
        status, _, page = paying.owner.post("/app/topup/automatic", {**rule, **one})
        assert status == 422 and f'id="error-{next(iter(one))}"' in page, (one, text_of(page))
    assert paying.owner.post("/app/topup/automatic", {**rule, "means": "mean_other"})[0] == 404
    status, headers, _ = paying.owner.post("/app/topup/automatic", rule)
    assert status == 303 and headers["Location"].endswith("said=automatic_set")
    said = text_of(paying.owner.get("/app/topup")[2])
    assert "$20.00 is charged when the balance falls below $5.50." in said
    _, _, page = paying.owner.get("/app/topup/automatic")
    assert 'value="5.5"' in page and "pm_top" not in page
    stranger = Client(paying.site)
    stranger.sign_up(name="Sam")
    assert stranger.post(f"/app/topup/means/{means[1]}/forget")[0] == 404
    assert stranger.post("/app/topup/automatic", rule)[0] == 404
    assert paying.owner.post("/app/topup/automatic/end")[0] == 303
    assert "What you paid with can be kept" in text_of(paying.owner.get("/app/topup")[2])
    assert paying.owner.post("/app/topup/automatic", rule)[0] == 303
    assert paying.owner.post(f"/app/topup/means/{means[1]}/forget")[0] == 303
    said = text_of(paying.owner.get("/app/topup/automatic")[2])
    assert "Visa 4242" not in said and "Nothing is saved." in said


def test_why_nothing_is_charged_by_itself_stands_on_its_page(paying: Paying) -> None:
    with paying.full_day() as means:
        rule = {"means": means, "threshold": "5000", "amount": "20", "per_day": "2"}
        status, _, page = paying.owner.post("/app/topup/automatic", {**rule, "amount": "2001"})
        assert status == 422 and "From $1.00 to $1,000.00." in text_of(page)
        assert paying.owner.post("/app/topup/automatic", rule)[0] == 303
        said = text_of(paying.owner.get("/app/topup/automatic")[2])
        assert "nothing is charged now: At most $2,000.00 can be paid in within 24 hours." in said
        assert "When what is charged waits" in said
    assert "nothing is charged now" not in text_of(paying.owner.get("/app/topup/automatic")[2])


def test_charging_by_itself_asks_who_it_is(paying: Paying) -> None:
    with paying.office() as office:
        office.database.write(lambda connection: connection.execute("UPDATE web_sessions SET stepped_at = 1", ()))
    status, _, page = paying.owner.post("/app/topup/automatic", {"means": "mean_x", "threshold": "1", "amount": "5"})
    assert status == 403 and "/app/step-up" in page
    assert paying.owner.post("/app/topup/pay", paying.review("10"))[0] == 303, "paying itself asks for no proof"


def test_kinds_of_credit_are_told_apart(paying: Paying) -> None:
    client = Client(paying.site)
    client.sign_up(name="Kim")
    account = re.search(r"acct_\w+", client.get("/api/me")[2])
    assert account is not None
    with paying.office() as office:
        expires = office.clock() + 86_400 * 3
        grant_credit(office, PROGRAM, account[0], 3 * NANO, reason="a start", expires_at=expires)
    paying.tell("gift", DepositPaid("code-of-kim", account[0], 700, "USD", 2))
    for path in ("/app/", "/app/topup", "/app/transactions"):
        said = text_of(client.get(path)[2])
        assert "$7.00 paid, $8.00 granted" in said and "$3.00 expires on" in said, path
    said = text_of(client.get("/app/topup")[2])
    assert "Paid never $7.00 Granted never $5.00 Granted" in said
    told = client.get("/api/balance")[2]
    assert '"paid": "7"' in told and '"granted": "8"' in told and '"owed": "0"' in told
