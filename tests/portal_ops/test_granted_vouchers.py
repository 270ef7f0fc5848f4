"""A voucher of granted credit: made on the operator's page, typed on the customer's, shown as what it is on all."""

from __future__ import annotations

import re

import pytest
from ops_kit import Operator, office_of, text_of
from portal_site import Client, PortalSite

from router.ledger.paid.lots import credit_kinds
from router.money.amounts import NANO
from router.office.payments.topups import show_topup

pytestmark = pytest.mark.slow

MAKE = "/ops/plugin/voucher/codes/make"
REDEEM = "/app/topup/code/voucher"
CODE = re.compile(r"\b[0-9A-Z]{5}(?:-[0-9A-Z]{5}){3}\b")


def made(operator: Operator, **fields: str) -> str:
    """A new code, as the page that makes it shows it once."""
    status, _, page = operator.post(MAKE, {"count": "1", "campaign": "gifts by page", **fields})
    assert status == 201, text_of(page)
    return CODE.findall(text_of(page))[0]


def test_a_granted_code_is_granted_credit_on_every_page(site: PortalSite, operator: Operator) -> None:
    gift, sold = made(operator, amount="3", granted="yes", lasts="30d"), made(operator, amount="7")
    client = Client(site)
    client.sign_up(name="Gita")
    status, headers, page = client.post(REDEEM, {"code": f" {gift.lower()} "})
    assert status == 303, text_of(page)
    topup = headers["Location"]
    page = client.get(topup)[2]
    said = text_of(page)
    assert "Credited" in said and "$3.00 was credited. You have $8.00 now." in said, "5 were given at sign-up"
    assert "/receipt" not in page and client.get(f"{topup}/receipt")[0] == 404, "nobody has paid"
    again = client.post(REDEEM, {"code": gift})
    assert (again[0], again[1]["Location"]) == (303, topup), "a click twice is no second use"
    paid = client.post(REDEEM, {"code": sold})[1]["Location"]
    assert f"{paid}/receipt" in client.get(paid)[2]
    for path in ("/app/", "/app/topup", "/app/transactions"):
        said = text_of(client.get(path)[2])
        assert "$7.00 paid, $8.00 granted" in said and "$3.00 expires on" in said, path
    assert "/receipt" not in client.get("/app/topups")[2].replace(f"{paid}/receipt", "")
    with office_of(site) as office:
        account = show_topup(office, "", topup.rpartition("/")[2]).account_id
        found = credit_kinds(office.database, account)
        sql = "SELECT claimed_at FROM voucher_codes WHERE claimed_by = ? AND granted"
        [(claimed_at,)] = office.database.read(lambda connection: connection.tuples(sql, (account,)))
    assert (found.paid, found.granted) == (7 * NANO, 8 * NANO)
    assert [(lot.left_nano, lot.expires_at) for lot in found.expiring] == [(3 * NANO, claimed_at + 30 * 86_400)]


def test_a_granted_code_cannot_be_refunded_by_the_operator(site: PortalSite, operator: Operator) -> None:
    client = Client(site)
    client.sign_up(name="Gus")
    location = client.post(REDEEM, {"code": made(operator, amount="3", granted="yes")})[1]["Location"]
    page = operator.read(location.replace("/app/topup/", "/ops/payments/"))
    assert "/refund" not in page and "/settle" not in page and "Credit" in text_of(page)
    other = Client(site)
    other.sign_up(name="Oz")
    assert other.get(location)[0] == 404
