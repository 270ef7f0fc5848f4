"""People on the console: their log-ins, sign-ups that wait, mails, and a look with a customer's eyes."""

from __future__ import annotations

import re

import pytest
from ops_kit import Operator, office_of, text_of
from portal_site import PASSWORD, Client, PortalSite

from router.office.audit import list_audit

pytestmark = pytest.mark.slow


def person_of(operator: Operator, email: str) -> str:
    found = re.search(r"/ops/people/(pers_\w+)", operator.read(f"/ops/people?q={email}"))
    assert found is not None
    return found[1]


def test_who_is_suspended_is_logged_out(site: PortalSite, operator: Operator) -> None:
    eve = Client(site)
    email = eve.sign_up(name="Eve")
    person = person_of(operator, email)
    page = text_of(operator.read(f"/ops/people/{person}"))
    assert email in page and "owner" in page and "login" in page
    operator.do(f"/ops/people/{person}/suspend", reason="asked for by the police")
    assert eve.get("/app/")[0] == 303
    assert eve.log_in(email)[0] in (401, 403)
    operator.do(f"/ops/people/{person}/resume", reason="an error")
    assert eve.log_in(email)[0] == 303


def test_log_ins_are_ended(site: PortalSite, operator: Operator) -> None:
    ada, again = Client(site), Client(site)
    email = ada.sign_up()
    again.log_in(email, PASSWORD)
    person = person_of(operator, email)
    sessions = re.findall(r"/sessions/(sess_\w+)/end", operator.read(f"/ops/people/{person}"))
    assert len(sessions) == 2
    operator.do(f"/ops/people/{person}/sessions/{sessions[0]}/end")
    assert sorted(client.get("/app/")[0] for client in (ada, again)) == [200, 303]
    operator.do(f"/ops/people/{person}/log-out")
    assert [client.get("/app/")[0] for client in (ada, again)] == [303, 303]


def test_operators_are_made_and_ended(site: PortalSite, operator: Operator) -> None:
    address = site.new_address("second")
    operator.do("/ops/people/new-operator", {"email": address}, reason="holidays")
    site.next_link(address)
    other = Operator(site, "other").become()
    person = person_of(operator, other.email)
    operator.do(f"/ops/people/{person}/no-operator", reason="left us")
    assert other.get("/ops/")[0] in (303, 404)


def test_switches_blocks_and_sign_ups_that_wait(site: PortalSite, operator: Operator) -> None:
    operator.do("/ops/abuse/switches/free_credit", reason="too many today")
    assert "too many today" in operator.read("/ops/abuse")
    waiting = Client(site)
    email = waiting.sign_up()
    page = operator.read("/ops/abuse?verdict=waits")
    signup = re.search(r"/ops/abuse/signups/(sign_\w+)/give", page)
    assert signup is not None and email in page and "switched off" in page
    assert "waits" in text_of(operator.read("/ops/"))
    operator.do(f"/ops/abuse/signups/{signup[1]}/give", reason="known to us")
    status, _, _ = operator.post(f"/ops/abuse/signups/{signup[1]}/refuse", {"reason": "changed my mind"})
    assert status == 409
    assert "5.00" in text_of(operator.read("/ops/abuse?verdict=given"))
    operator.do("/ops/abuse/switches/free_credit", reason="all well again")
    operator.do("/ops/abuse/block", {"kind": "domain", "value": "bad.example"}, reason="all bots")
    assert "bad.example" in operator.read("/ops/abuse")
    status, _, text = operator.post("/ops/abuse/block", {"kind": "network", "value": "10.0.0.0/8", "reason": "wide"})
    assert status == 400 and "wider" in text
    operator.do("/ops/abuse/unblock", {"kind": "domain", "value": "bad.example"})
    assert operator.get("/ops/abuse/switches/none")[0] == 404


def test_mails_are_listed_and_tried(operator: Operator, customer: Client) -> None:
    page = operator.read(f"/ops/mail?to={customer.email}")  # type: ignore[attr-defined]
    assert "verify" in page and "Nobody receives anything" in page
    mail = re.search(r"/ops/mail/(mail_\w+)/bounced", page)
    assert mail is not None
    status, _, text = operator.post(f"/ops/mail/{mail[1]}/retry", {"reason": "not there"})
    assert status == 409 and "was sent" in text
    operator.do(f"/ops/mail/{mail[1]}/bounced", reason="550 no such user")
    assert "550 no such user" in operator.read("/ops/mail?status=bounced")
    operator.do("/ops/mail/test", {"email": operator.email})


def test_an_operator_looks_with_a_customer_s_eyes_and_changes_nothing(
    site: PortalSite, operator: Operator, customer: Client, account: str, key: str
) -> None:
    status, _, _ = operator.post(f"/ops/accounts/{account}/act-as")
    assert status == 422, "a reason is asked for"
    assert operator.do(f"/ops/accounts/{account}/act-as", reason="ticket 17") == "/app/"
    with office_of(site) as office:
        entry = list_audit(office, limit=1)[0]
    assert (entry.action, entry.subject, entry.detail) == ("accounts act-as", account, {"reason": "ticket 17"})
    page = operator.read("/app/keys")
    assert "main" in page and "as its viewers see it" in page and "/app/keys/new" not in page
    for path in ("/app/keys/new", f"/app/keys/{key}/disable", "/app/team/invite", "/app/team/name", "/app/team/leave"):
        status, _, text = operator.post(path, {"name": "forged", "email": "a@example.org", "role": "owner"})
        assert status == 403 and "You only look" in text, path
    assert "as its viewers see it" not in customer.get("/app/keys")[2]
    status, headers, _ = operator.post("/app/act-as/end")
    assert status == 303 and headers["Location"].startswith(f"/ops/accounts/{account}")
    assert operator.get("/app/keys")[0] == 303, "they have no workspace of their own"
    status, headers, _ = operator.post("/app/act-as/end")
    assert headers["Location"] == "/app/"


def test_nobody_else_looks(customer: Client, account: str) -> None:
    assert customer.post(f"/ops/accounts/{account}/act-as", {"reason": "curious"})[0] == 404
    assert customer.post("/app/act-as/end")[0] == 303
    assert customer.get("/app/keys")[0] == 200
