"""The console's page of vouchers, which is a plugin's: made once before the operator's eyes, listed, revoked."""

from __future__ import annotations

import re

import pytest
from ops_kit import Operator, text_of
from portal_site import Client

pytestmark = pytest.mark.slow

PATH = "/ops/plugin/voucher/codes"
CODE = re.compile(r"\b[0-9A-Z]{5}(?:-[0-9A-Z]{5}){3}\b")


def test_codes_are_made_once_before_the_operators_eyes(operator: Operator) -> None:
    assert "No codes were made yet." in operator.read(PATH)
    fields = {"amount": "12.5", "count": "3", "campaign": "autumn <b>", "expires": "30d"}
    status, _, page = operator.post(f"{PATH}/make", fields)
    codes = CODE.findall(text_of(page))
    assert status == 201 and len(set(codes)) == 3
    page = operator.read(PATH)
    assert not CODE.findall(page) and "autumn &lt;b&gt;" in page and "<b>" not in page
    listed = text_of(page)
    assert all(code[-5:] in listed for code in codes) and listed.count("12.50") >= 3 and "made" in listed
    number = re.findall(r"vch_[0-9a-f]{16}", page)[0]
    status, _, page = operator.post(f"{PATH}/revoke", {"id": number, "campaign": "", "reason": "lost"})
    assert status == 200 and "1 codes are revoked." in page and "stands in the audit log" in page
    audited = text_of(operator.read("/ops/audit?action=voucher+revoke"))
    assert number in audited and "lost" in audited
    status, _, page = operator.post(f"{PATH}/revoke", {"id": "", "campaign": "autumn <b>", "reason": ""})
    assert "2 codes are revoked." in page


def test_codes_for_gifts_say_so(operator: Operator) -> None:
    fields = {"amount": "3", "count": "1", "campaign": "gifts", "granted": "yes", "lasts": "30d"}
    assert operator.post(f"{PATH}/make", fields)[0] == 201
    assert "granted for 30 days" in text_of(operator.read(PATH))


def test_what_is_wrong_stands_beside_its_field(operator: Operator) -> None:
    for fields, told in (
        ({"amount": "much", "count": "1"}, "is not an amount"),
        ({"amount": "1", "count": "many"}, "From 1 to 500"),
        ({"amount": "1", "count": "1", "expires": "soon"}, "neither a duration"),
        ({"amount": "1", "count": "1", "granted": "perhaps"}, "Write yes, or no."),
        ({"amount": "1", "count": "1", "lasts": "90d"}, "say both, or neither"),
    ):
        status, _, page = operator.post(f"{PATH}/make", fields)
        assert status == 400 and text_of(page).count(told) == 2
    assert operator.post(f"{PATH}/revoke", {"id": "vch_nothing"})[0] == 404
    assert operator.post(f"{PATH}/revoke", {})[0] == 400


def test_a_customer_has_no_such_page(customer: Client) -> None:
    for path in (PATH, "/app/plugins/voucher/codes"):
        assert customer.get(path)[0] in (303, 403, 404)
    assert customer.post(f"{PATH}/make", {"amount": "1", "count": "1"})[0] in (303, 403, 404)
