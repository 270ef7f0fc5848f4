"""Money on the console: what is unknown stays so, prices are looked at before they are set, the ledger is proved."""

from __future__ import annotations

import time

import pytest
from ops_kit import Operator, office_of, text_of
from portal_site import PortalSite

from router.money.prices import Price
from router.office.audit import list_audit
from router.office.prices import show_price_of
from router.types.periods import iso_time

pytestmark = pytest.mark.slow


def test_the_dashboard_has_no_zero_where_a_cost_is_unknown(operator: Operator, account: str) -> None:
    page = text_of(operator.read("/ops/"))
    assert "and 1 call of unknown cost" in page
    assert "Margin unknown unknown" in page
    assert "Charged for calls $4.00 $4.00" in page


def test_a_price_is_looked_at_before_it_is_set(site: PortalSite, operator: Operator, account: str) -> None:
    page = text_of(operator.read("/ops/prices/edit?model=echo/embed&input=2"))
    assert "Input, a million tokens" in page and "Would have been" in page, page
    with office_of(site) as office:
        assert show_price_of(office, "echo/embed").found.source == "card", "nothing was saved"
    fields = {"model": "echo/embed", "input": "2", "price_list": ""}
    operator.do("/ops/prices/edit", fields, reason="the new list")
    with office_of(site) as office:
        assert show_price_of(office, "echo/embed").found.price == Price.per_million(input="2")
        assert list_audit(office, limit=1)[0].detail["reason"] == "the new list"
    operator.do("/ops/prices/edit", {**fields, "input": "3"}, reason="dearer")
    assert "dearer" in operator.read("/ops/audit?action=models+price&subject=echo/embed")
    operator.do("/ops/prices/remove", {"model": "echo/embed", "price_list": ""}, reason="as it was")
    with office_of(site) as office:
        assert show_price_of(office, "echo/embed").found.source == "card"


def test_a_price_is_planned_in_the_operators_time_and_withdrawn(
    site: PortalSite, operator: Operator, account: str
) -> None:
    fields = {"model": "echo/embed", "input": "7", "price_list": "", "valid_from": "2031-01-31T12:30"}
    page = operator.read("/ops/prices/edit?model=echo/embed&input=7&valid_from=2031-01-31T12:30")
    assert "Plan this price" in page and 'name="valid_from" value="2031-01-31T12:30"' in page
    operator.do("/ops/prices/edit", fields, reason="dearer from February on")
    with office_of(site) as office:
        assert show_price_of(office, "echo/embed").found.source == "card", "nothing holds yet"
        (row,) = show_price_of(office, "echo/embed").planned
        assert (row.price, iso_time(row.starts_at)) == (Price.per_million(input="7"), "2031-01-31T12:30:00Z")
    for path in ("/ops/prices", "/ops/prices/edit?model=echo/embed"):
        page = operator.read(path)
        assert "Planned" in text_of(page) and "valid_from=2031-01-31T12%3A30%3A00Z" in page, path
    plan = {"model": "echo/embed", "price_list": "", "valid_from": "2031-01-31T12:30:00Z"}
    operator.do("/ops/prices/withdraw", plan, reason="not yet")
    status, _, page = operator.post("/ops/prices/withdraw", {**plan, "reason": "twice"})
    assert status == 404 and "is planned" in text_of(page)
    status, _, page = operator.post("/ops/prices/withdraw", {**plan, "valid_from": "soon", "reason": "twice"})
    assert status == 422
    for wrong, said in (("2020-01-01T00:00", "a moment to come"), ("soon", "Write a time such as")):
        status, _, page = operator.post("/ops/prices/edit", {**fields, "valid_from": wrong, "reason": "in vain"})
        assert status in (400, 422) and said in text_of(page), (wrong, text_of(page))
    with office_of(site) as office:
        assert show_price_of(office, "echo/embed").planned == []


def test_a_price_that_the_configuration_pins_stays(operator: Operator) -> None:
    fields = {"model": "echo/echo", "input": "2", "output": "4", "reason": "in vain"}
    status, _, page = operator.post("/ops/prices/edit", fields)
    assert status == 409 and "change it in that file" in page


def test_a_price_that_is_none_is_told_at_its_field(operator: Operator) -> None:
    for query, said in (
        ("input=x", "Write an amount such as"),
        ("output=4", "write it, too"),
        ("input=1&free=true", "A free model has no rates"),
        ("per_image=&input=", "Write what input costs"),
    ):
        status, _, page = operator.get(f"/ops/prices/edit?model=echo/echo&{query}")
        assert status == 422 and said in text_of(page), (query, text_of(page))
    status, _, page = operator.post("/ops/prices/edit", {"model": "echo/echo", "input": "2", "reason": "no output"})
    assert status == 400 and "give --output" in page
    assert operator.get("/ops/prices/edit?model=none/such")[0] == 404


def test_the_ledger_is_verified_while_pages_are_served(site: PortalSite, operator: Operator) -> None:
    operator.do("/ops/ledger/verify", reason="end of the month")
    ends = time.monotonic() + 60
    while "every 2s" in operator.read("/ops/ledger/progress"):
        assert time.monotonic() < ends
        time.sleep(0.1)
    page = text_of(operator.read("/ops/ledger"))
    assert "Ended" in page and "Checks 17, over" in page, page
    assert operator.email in page
    with office_of(site) as office:
        actions = [one.action for one in list_audit(office, action="ledger", limit=5)]
    assert actions == ["ledger verified", "ledger verify"]


def test_a_month_s_sums_are_there_as_a_table(operator: Operator, account: str) -> None:
    month = time.strftime("%Y-%m", time.gmtime())
    _, headers, text = operator.get(f"/ops/ledger/{month}.csv")
    assert headers["Content-Disposition"] == f'attachment; filename="ledger-{month}.csv"'
    lines = text.splitlines()
    assert lines[0] == "month,kind,count,given,taken,currency"
    assert any(line.startswith(f"{month},usage,") for line in lines)
    assert any(line.startswith(f"{month},grant,") for line in lines)
    assert operator.get("/ops/ledger/never.csv")[0] == 404
    assert operator.get("/ops/ledger/2999-01.csv")[0] == 404


def test_payments_name_the_methods_that_are_on(operator: Operator) -> None:
    page = text_of(operator.read("/ops/payments"))
    assert "No method is on" not in page and "voucher" in page


def test_credits_are_summed_by_kind(operator: Operator, account: str) -> None:
    page = text_of(operator.read("/ops/credits"))
    assert "Given by operators" in page and "Free credit of sign-ups" in page
    assert "A verified sign-up is given $5.00" in page


def test_the_audit_log_is_filtered_and_exported(operator: Operator, account: str) -> None:
    page = text_of(operator.read(f"/ops/audit?action=credits+grant&subject={account}"))
    assert "credits grant" in page and "accounts suspend" not in page
    assert "No entry matches. Clear the filter" in text_of(operator.read("/ops/audit?action=none"))
    _, headers, text = operator.get(f"/ops/audit.csv?subject={account}")
    assert headers["Content-Type"].startswith("text/csv")
    assert text.splitlines()[0].startswith("seq,created_at,kind,actor")
    assert all(account in line or "key_" in line for line in text.splitlines()[1:])
    assert operator.get("/ops/audit?before=x")[0] == operator.get("/ops/audit?before=9" + "9" * 30)[0] == 200
