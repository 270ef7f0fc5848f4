"""Accounts on the console: found, looked into, and what is done to them, each with its reason in the audit log."""

from __future__ import annotations

import re
import time

import pytest
import requests
from ops_kit import PROGRAM, Operator, office_of, text_of
from portal_site import Client, PortalSite

from router.money.amounts import NANO
from router.office import accounts, credits, keys, limits
from router.office.audit import list_audit
from router.office.limits import Subject

pytestmark = pytest.mark.slow


def last_entry(site: PortalSite) -> tuple[str, str, str, dict[str, object]]:
    with office_of(site) as office:
        one = list_audit(office, limit=1)[0]
        return one.action, one.kind, one.subject, dict(one.detail)


def balance(site: PortalSite, account: str) -> int:
    with office_of(site) as office:
        return accounts.show_account(office, account).balance.balance


def test_accounts_are_found(operator: Operator, customer: Client, account: str, key: str) -> None:
    for text in (account, "cleo", customer.email, key, f"req_{1:024x}"):  # type: ignore[attr-defined]
        page = text_of(operator.read(f"/ops/accounts?q={text}"))
        assert account in page, text
    assert "Cleo &amp; Sons &lt;b&gt;" in operator.read("/ops/accounts")
    page = text_of(operator.read("/ops/accounts?q=nobody-at-all"))
    assert "No account matches. Clear the filter" in page
    assert f'href="/ops/calls/req_{1:024x}"' in operator.read(f"/ops/accounts?q=req_{1:024x}")


def test_pages_of_accounts_lead_on(site: PortalSite, operator: Operator) -> None:
    with office_of(site) as office:
        for number in range(55):
            accounts.create_account(office, PROGRAM, f"many {number}")
    first = operator.read("/ops/accounts?q=many")
    further = re.search(r'href="(/ops/accounts\?[^"]*before=acct_\w+[^"]*)"', first)
    assert further is not None
    second = operator.read(further[1].replace("&amp;", "&"))
    found = [re.findall(r">(many \d+)</a>", page) for page in (first, second)]
    assert (len(found[0]), len(found[1])) == (50, 5)
    assert not set(found[0]) & set(found[1])


def test_credit_is_given_once_however_often_the_form_is_sent(
    site: PortalSite, operator: Operator, account: str
) -> None:
    before = balance(site, account)
    page = operator.read(f"/ops/accounts/{account}/grant")
    once = re.search(r'name="once" value="([\w-]+)"', page)
    assert once is not None
    fields = {"amount": "12,5", "once": once[1]}
    operator.do(f"/ops/accounts/{account}/grant", fields, reason="sorry for the outage")
    assert balance(site, account) == before + 12_500_000_000
    action, kind, subject, detail = last_entry(site)
    assert (action, kind, subject) == ("credits grant", "operator", account)
    assert (detail["amount"], detail["reason"]) == ("12.50", "sorry for the outage")
    status, _, text = operator.post(f"/ops/accounts/{account}/grant", {**fields, "reason": "again"})
    assert status == 409 and "already" in text
    assert balance(site, account) == before + 12_500_000_000
    status, _, text = operator.post(f"/ops/accounts/{account}/grant", {"amount": "1,000", "reason": "again"})
    assert status == 422 and "two ways" in text and 'value="1,000"' in text


def test_a_correction_goes_no_lower_than_what_is_there(site: PortalSite, operator: Operator, account: str) -> None:
    before = balance(site, account)
    path = f"/ops/accounts/{account}/adjust"
    operator.do(path, {"direction": "take", "amount": "2"}, reason="given twice")
    assert balance(site, account) == before - 2 * NANO
    assert last_entry(site)[3]["reason"] == "given twice"
    status, _, text = operator.post(path, {"direction": "take", "amount": "100000", "reason": "all of it"})
    assert status == 400 and "cannot be taken" in text
    status, _, _ = operator.post(path, {"direction": "double", "amount": "1", "reason": "no way"})
    assert status == 422


def test_tier_price_list_and_limits(site: PortalSite, operator: Operator, account: str) -> None:
    page = text_of(operator.read(f"/ops/accounts/{account}"))
    assert "next regular: 0 of 1000 days old, 0.00 of 20.00 USD paid in" in page
    with office_of(site) as office:
        limits.set_limits(office, PROGRAM, Subject("tier", "gold"), {"concurrent": 3})
    operator.do(f"/ops/accounts/{account}/tier", {"chosen": "gold"}, reason="a good customer")
    assert last_entry(site)[3] == {"tier": "gold", "reason": "a good customer"}
    status, _, text = operator.post(f"/ops/accounts/{account}/tier", {"chosen": "platinum", "reason": "even better"})
    assert status == 404 and "no tier" in text
    status, _, text = operator.post(f"/ops/accounts/{account}/price-list", {"chosen": "none such", "reason": "cheap"})
    assert status == 404
    fields = {"requests_per_minute": "60", "spend_per_day": "12.50", "concurrent": ""}
    operator.do(f"/ops/accounts/{account}/set-limits", fields)
    page = text_of(operator.read(f"/ops/accounts/{account}/limits"))
    assert "Requests per minute account 60" in page and "$12.50" in page
    shown = operator.read(f"/ops/accounts/{account}/set-limits")
    assert 'value="60"' in shown and 'value="12.5"' in shown
    status, _, _ = operator.post(f"/ops/accounts/{account}/set-limits", {"concurrent": "-1", "reason": "less"})
    assert status == 422
    operator.do(f"/ops/accounts/{account}/set-limits", {})
    operator.do(f"/ops/accounts/{account}/tier", {"chosen": ""})


def test_a_suspended_account_is_refused_within_a_second(site: PortalSite, operator: Operator) -> None:
    with office_of(site) as office:
        account = accounts.create_account(office, PROGRAM, "To be suspended").id
        credits.grant_credit(office, PROGRAM, account, NANO, reason="start")
        text = keys.create_key(office, PROGRAM, account, "its").text

    def call() -> int:
        body = {"model": "echo/echo", "messages": [{"role": "user", "content": "hello"}]}
        headers = {"Authorization": f"Bearer {text}"}
        url = f"{site.gateway.base_url.removesuffix('/v1')}/v1/chat/completions"
        return requests.post(url, json=body, headers=headers, timeout=20).status_code

    def soon(wanted: int) -> None:
        ends = time.monotonic() + 10
        while call() != wanted:
            assert time.monotonic() < ends
            time.sleep(0.1)

    soon(200)
    operator.do(f"/ops/accounts/{account}/suspend", {"now": "true"}, reason="fraud")
    assert last_entry(site) == ("accounts suspend", "operator", account, {"now": True, "reason": "fraud"})
    soon(401)
    assert "Suspended" in operator.read(f"/ops/accounts/{account}")
    operator.do(f"/ops/accounts/{account}/resume", reason="it was none")
    soon(200)
    (row,) = _keys(site, account)
    operator.do(f"/ops/accounts/{account}/keys/{row.id}/disable", reason="leaked")
    soon(401)
    operator.do(f"/ops/accounts/{account}/keys/{row.id}/enable")
    soon(200)
    operator.do(f"/ops/accounts/{account}/keys/{row.id}/revoke", reason="leaked for good")
    soon(401)
    assert "Show 1 revoked key" in operator.read(f"/ops/accounts/{account}/keys")


def test_a_key_of_another_account_is_not_there(operator: Operator, site: PortalSite, key: str) -> None:
    with office_of(site) as office:
        other = accounts.create_account(office, PROGRAM, "Other").id
    assert operator.get(f"/ops/accounts/{other}/keys/{key}/revoke")[0] == 404
    assert operator.post(f"/ops/accounts/{other}/keys/{key}/revoke", {"reason": "wrong"})[0] == 404


def test_a_call_shows_its_attempts_and_what_it_cost(operator: Operator) -> None:
    page = text_of(operator.read(f"/ops/calls/req_{3:024x}"))
    assert "bad gateway <script>" in page and "502" in page
    page = text_of(operator.read(f"/ops/calls/req_{2:024x}"))
    assert "Cost unknown" in page and "Margin unknown" in page
    page = text_of(operator.read(f"/ops/calls/req_{1:024x}"))
    assert "Cost $1.234567891" in page and "Margin $1.765432109" in page


def test_a_charge_that_was_not_made_cannot_be_given_back(operator: Operator) -> None:
    status, _, text = operator.post(f"/ops/calls/req_{1:024x}/refund", {"reason": "was slow"})
    assert status == 404 and "Nothing was charged" in text


def test_notes_are_kept(operator: Operator, account: str) -> None:
    location = operator.do(f"/ops/accounts/{account}/note", {"text": "calls on Fridays <b>"})
    assert location.startswith(f"/ops/accounts/{account}/notes")
    page = operator.read(f"/ops/accounts/{account}/notes")
    assert "calls on Fridays &lt;b&gt;" in page and operator.email in page
    assert operator.post(f"/ops/accounts/{account}/note", {"text": " "})[0] in (400, 422)


def _keys(site: PortalSite, account: str) -> list[keys.KeyRow]:
    with office_of(site) as office:
        return keys.list_keys(office, account)
