"""Paying in by pages: what it costs before, one payment of one form, and waiting until the ledger has it."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from paying_site import Paying, hidden, text_of
from portal_site import Client

from router import Dispute, Refund

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("amount", ["12,5", "12.5", "12.50"])
def test_what_it_costs_is_shown_before_it_is_paid(paying: Paying, amount: str) -> None:
    before = paying.started()
    status, _, page = paying.owner.get(f"/app/topup/review?method=card&amount={amount}")
    said = text_of(page)
    assert status == 200
    assert "You pay $13.00" in said and "You are credited $12.50" in said and "Fee in that $0.50" in said
    assert "Refunds within 14 days <ask>." in said and "<ask>" not in page
    fields = hidden(page)
    assert (fields["method"], fields["amount"], fields["charge"]) == ("card", "12.5", "1300 USD")
    assert page.count('<button class="primary">Pay ') == 1
    assert paying.started() == before


def test_the_page_offers_what_is_on(paying: Paying) -> None:
    status, _, page = paying.owner.get("/app/topup")
    said = text_of(page)
    assert status == 200
    assert "Card Test: no real money" in said and "USDT on Testnet" in said and "Voucher" in said
    assert "No way to pay is set up" not in said and "From $1.00 to $1,000.00." in said
    assert re.findall(r'review\?method=card&amp;amount=(\d+)"', page) == ["10", "25", "50", "100"]


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("0.5", "The least is $1.00."),
        ("1000,01", "The most at once is $1,000.00."),
        ("1,234", "That can be read in two ways"),
        ("ten", "Write an amount such as 12.50"),
        ("-5", "Write an amount such as 12.50"),
        ("", "Write how much you want to add."),
        ("9" * 40, "Write an amount such as 12.50"),
    ],
)
def test_an_amount_that_is_none_is_refused_at_its_field(paying: Paying, amount: str, said: str) -> None:
    status, _, page = paying.owner.get(f"/app/topup/review?method=card&amount={amount}")
    assert status in (400, 422)
    assert said in text_of(page) and 'id="error-card"' in page
    assert f'value="{amount}"' in page


def test_one_form_is_one_payment_however_often_it_is_sent(paying: Paying) -> None:
    fields = paying.review("12.5")
    before = len(paying.started())
    with ThreadPoolExecutor(6) as pool:
        led = list(pool.map(lambda _: paying.owner.post("/app/topup/pay", fields)[1]["Location"], range(6)))
    assert len(set(led)) == 1
    assert len(paying.started()) - before == 1
    other = paying.owner.post("/app/topup/pay", paying.review("12.5"))[1]["Location"]
    assert other != led[0]


def test_the_way_leads_out_by_a_link_and_back_here(paying: Paying) -> None:
    fields = paying.review("10")
    status, headers, _ = paying.owner.post("/app/topup/pay", fields)
    assert status == 303 and re.fullmatch(r"/app/topup/top_\w+\?go=1", headers["Location"])
    made = headers["Location"].removeprefix("/app/topup/").removesuffix("?go=1")
    _, answered, page = paying.owner.get(headers["Location"])
    assert "form-action 'self'" in answered["Content-Security-Policy"]
    assert re.search(rf'<a class="button primary" href="https://pay.example.com/{made}"[^>]* data-follow>', page)
    assert "Nothing has arrived yet." in text_of(page)
    assert "data-follow" not in paying.owner.get(f"/app/topup/{made}")[2]
    lines = paying.folder.joinpath("started").read_text().splitlines()
    assert f"{made} {paying.site.url}/app/topup/{made}" in lines


def test_the_page_waits_and_turns_to_credited_by_itself(paying: Paying) -> None:
    made = paying.begin("20")
    _, _, page = paying.owner.get(f"/app/topup/{made}")
    assert f'hx-get="/app/topup/{made}/state?look=1" hx-trigger="load delay:2s"' in page
    _, _, part = paying.owner.get(f"/app/topup/{made}/state?look=1")
    assert "<html" not in part and "state?look=2" in part
    _, _, part = paying.owner.get(f"/app/topup/{made}/state?look=30")
    assert "hx-get" not in part and "we will mail you" in text_of(part)
    before = json.loads(paying.owner.get("/api/balance")[2])["available"]
    paying.folder.joinpath(made).write_text("pending")
    assert "Your payment is on its way" in text_of(paying.owner.get(f"/app/topup/{made}")[2])
    paying.folder.joinpath(made).write_text("paid")
    _, _, part = paying.owner.get(f"/app/topup/{made}/state?look=4")
    assert "hx-get" in part, "between its looks at the method, the page asks the ledger alone"
    _, _, part = paying.owner.get(f"/app/topup/{made}/state?look=5")
    assert "$20.00 was credited" in text_of(part) and "hx-get" not in part
    now = json.loads(paying.owner.get("/api/balance")[2])["available"]
    assert float(now) == float(before) + 20
    balance = f"${float(now):.2f}"
    for place in ("head", "side"):
        assert re.search(rf'<a id="{place}-balance"[^>]* hx-swap-oob="true">{re.escape(balance)}</a>', part)


def test_what_failed_is_told_in_plain_words(paying: Paying) -> None:
    made = paying.begin("10")
    paying.folder.joinpath(made).write_text("Your bank <b>declined</b> it.")
    said = text_of(paying.owner.get(f"/app/topup/{made}")[2])
    assert "The payment did not work out" in said and "Your bank <b>declined</b> it." in said
    assert "Nothing was credited." in said


def test_a_charge_that_is_not_what_was_shown_is_asked_again(paying: Paying) -> None:
    fields, before = paying.review("10"), paying.started()
    status, _, page = paying.owner.post("/app/topup/pay", {**fields, "charge": "1000 USD"})
    assert status == 409 and "This is not what was shown before" in text_of(page)
    assert hidden(page) == fields
    for forged in ({}, {"method": "card"}, {"method": "card", "amount": "10"}, {**fields, "form": "x"}):
        assert paying.owner.post("/app/topup/pay", forged)[0] in (409, 422)
    assert paying.owner.post("/app/topup/pay", {**fields, "method": "nothing"})[0] == 404
    assert paying.owner.post("/app/topup/pay", {**fields, "method": "chain"})[0] == 404
    assert paying.owner.post("/app/topup/pay", {**fields, "amount": "1e3"})[0] == 422
    assert paying.owner.post("/app/topup/pay", {**fields, "amount": "5000"})[0] == 400
    assert paying.owner.post("/app/topup/pay", fields, **{"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert paying.started() == before


def test_others_top_ups_are_not_there(paying: Paying) -> None:
    made = paying.paid("10")
    stranger = Client(paying.site)
    stranger.sign_up(name="Sam")
    for path in ("", "/state", "/receipt"):
        foreign = stranger.get(f"/app/topup/{made}{path}")
        unknown = stranger.get(f"/app/topup/top_{'a' * 16}{path}")
        assert foreign[0] == unknown[0] == 404
    assert made not in stranger.get("/app/topups")[2] and made not in stranger.get("/app/topups.csv")[2]
    assert stranger.get(f"/app/topups?before={made}")[0] == 400
    assert json.loads(stranger.get("/api/deposits")[2])["data"] == []
    fields = paying.review("10")
    mine = stranger.post("/app/topup/pay", fields)[1]["Location"]
    theirs = paying.owner.post("/app/topup/pay", fields)[1]["Location"]
    assert mine != theirs, "a form's token is its workspace's own"


def test_who_is_no_owner_pays_nothing_in(paying: Paying) -> None:
    email = paying.site.new_address("dev")
    assert paying.owner.post("/app/team/invite", {"email": email, "role": "developer"})[0] == 303
    developer = Client(paying.site)
    link = paying.site.next_link(email).removeprefix(paying.site.url)
    assert developer.post(link, {"password": "a sentence for a member of a team"})[0] == 303
    made = paying.paid("10")
    for path in ("", "/review?method=card&amount=10", f"/{made}", f"/{made}/receipt", "/automatic", "/deposit/chain"):
        assert developer.get(f"/app/topup{path}")[0] == 403
    assert developer.post("/app/topup/pay", paying.review("10"))[0] == 403
    _, _, page = developer.get("/app/transactions")
    assert "Top-up" in text_of(page) and f"/app/topup/{made}" not in page


def test_transactions_lists_and_receipts_know_it(paying: Paying) -> None:
    made = paying.paid("12,5")
    _, _, page = paying.owner.get("/app/transactions?kind=topup")
    assert f'href="/app/topup/{made}"' in page and "$12.50" in text_of(page)
    _, _, page = paying.owner.get("/app/topups?state=paid")
    assert f"/app/topup/{made}/receipt" in page and "$13.00" in text_of(page)
    _, headers, csv = paying.owner.get("/app/topups.csv?state=paid")
    assert headers["Content-Type"].startswith("text/csv")
    [line] = [one for one in csv.splitlines() if made in one]
    assert ",card,paid,13,0.5,USD,12.5,USD,0,cs_" in line
    status, _, page = paying.owner.get(f"/app/topup/{made}/receipt")
    said = text_of(page)
    assert status == 200
    assert "Example GmbH VAT DE123" in said and paying.account in said and f"cs_{made}" in said
    assert "Prepaid credit of $12.50 $12.50 Fee $0.50" in said and "Total paid $13.00" in said
    assert paying.owner.get(f"/app/topup/{paying.begin('10')}/receipt")[0] == 404
    [told] = [one for one in json.loads(paying.owner.get("/api/deposits?limit=1000")[2])["data"] if one["id"] == made]
    assert (told["amount"], told["amount_currency"], told["credited"], told["status"]) == ("13", "USD", "12.5", "paid")


def test_deposits_of_the_api_come_in_pages(paying: Paying) -> None:
    for _ in range(5):
        paying.paid("2")
    whole = [one["id"] for one in json.loads(paying.owner.get("/api/deposits?limit=1000")[2])["data"]]
    found, before = [], ""
    while True:
        page = json.loads(paying.owner.get(f"/api/deposits?limit=2&before={before}")[2])
        found += [one["id"] for one in page["data"]]
        before = page["next"]
        if not before:
            break
    assert found == whole and len(whole) > 4
    for path in ("/api/deposits?before=top_none", "/app/topups?before=zz"):
        assert paying.owner.get(path)[0] == 400
    assert paying.owner.get("/api/deposits?limit=0")[0] == 200


def test_a_refund_and_a_dispute_are_told(paying: Paying) -> None:
    disputed = Client(paying.site)
    disputed.sign_up(name="Dora")
    owner, paying.owner = paying.owner, disputed
    try:
        made, other = paying.paid("10"), paying.paid("20")
    finally:
        paying.owner = owner
    paying.tell("card", Refund("re_1", payment=f"pi_{made}", amount=400, currency="USD"))
    said = text_of(disputed.get(f"/app/topup/{made}")[2])
    assert "Partly refunded" in said and "$4.00 of it was given back to you." in said
    assert "Refunded \u2212$4.00" in text_of(disputed.get(f"/app/topup/{made}/receipt")[2])
    assert "Payment refunded" in text_of(disputed.get("/app/transactions")[2])
    assert "No way to pay" not in disputed.get("/app/topup")[2]
    opened = Dispute("dp_1", "opened", payment=f"pi_{other}", amount=2050, currency="USD")
    gone = Dispute("dp_1", "withdrawn", payment=f"pi_{other}", amount=2050, currency="USD")
    paying.tell("card", opened, gone)
    for path in ("/app/", "/app/topup", "/app/transactions"):
        assert "is disputed with the bank: its keys are refused" in text_of(disputed.get(path)[2]), path
    assert "/app/topup/review" not in disputed.get("/app/topup")[2]
    assert "Disputed payment" in text_of(disputed.get("/app/transactions")[2])
    status, _, page = disputed.get("/app/topup/review?method=card&amount=10")
    assert status == 400 and "is disputed with the bank" in text_of(page)
    paying.tell("card", Dispute("dp_1", "won", payment=f"pi_{other}", amount=2050, currency="USD"))
    assert "is disputed with the bank" not in text_of(disputed.get("/app/")[2])
