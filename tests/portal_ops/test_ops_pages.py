"""Every page of the console: it opens, it says what is there, and no form does anything without a reason."""

from __future__ import annotations

import re

import pytest
from ops_kit import Operator, office_of, text_of
from portal_site import Client, PortalSite

from router.office.audit import list_audit
from router.portal.all_pages import ALL_PAGES
from router.portal.web.pages import PageRoute

pytestmark = pytest.mark.slow

CONSOLE = [one for one in ALL_PAGES if one.access == "operator" and "/ops/plugin/" not in one.path]
ADDRESSES = "/ops/payments/methods/<method>/addresses"
"""Only of methods with addresses, which this site has none of: ``test_ops_payments`` opens it."""
READ = [one for one in CONSOLE if one.method == "GET" and not one.path.startswith(ADDRESSES)]
WRITTEN = [one for one in CONSOLE if one.method == "POST"]


@pytest.fixture(scope="module")
def known(site: PortalSite, account: str, key: str, topup: str, operator: Operator) -> dict[str, str]:
    """A value for each name in paths."""
    people = re.findall(r"/ops/people/(pers_\w+)", operator.read("/ops/people"))
    mails = re.findall(r"/ops/mail/(mail_\w+)/", operator.read("/ops/mail"))
    return {
        "account_id": account,
        "key_id": key,
        "request_id": f"req_{1:024x}",
        "name": "echo",
        "person_id": people[0],
        "mail_id": mails[0],
        "month": "2026-01",
        "signup_id": "sign_none",
        "session_id": "sess_none",
        "topup_id": topup,
        "method": "voucher",
    }


def path_of(page: PageRoute, known: dict[str, str]) -> str:
    values = {**known, "name": "signup"} if "/switches/" in page.path else known
    path = re.sub(r"<(\w+)>", lambda found: values[found[1]], page.path)
    return (
        f"{path}?model=echo/echo"
        if path.endswith(("/models/one", "/models/enable", "/models/disable", "/edit"))
        else path
    )


def test_there_are_pages() -> None:
    assert len(READ) > 40 and len(WRITTEN) > 25
    assert all(one.step_up for one in WRITTEN)


@pytest.mark.parametrize("page", READ, ids=lambda page: page.path)
def test_a_page_opens(operator: Operator, known: dict[str, str], page: PageRoute) -> None:
    status, headers, text = operator.get(path_of(page, known))
    assert status == 200, text_of(text)
    if not page.path.endswith(".csv"):
        assert "text/html" in headers["Content-Type"] and "Undefined" not in text
        assert "<b>" not in text and "<script>" not in text, "what customers write is text"
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "page", [one for one in READ if "<" in one.path and "csv" not in one.path], ids=lambda page: page.path
)
def test_what_is_not_there_is_said_so(operator: Operator, page: PageRoute) -> None:
    path = re.sub(r"<(\w+)>", "nothing", page.path)
    status, _, text = operator.get(path)
    expected = (200, 404) if "/mail/" in page.path or "/signups/" in page.path else (404,)  # told when it is sent
    assert status in expected, (path, status, text_of(text))


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.path)
def test_nothing_is_done_without_a_reason(
    site: PortalSite, operator: Operator, known: dict[str, str], page: PageRoute
) -> None:
    if page.path in ("/ops/accounts/<account_id>/note", "/ops/mail/test"):
        pytest.skip("a text of its own")
    with office_of(site) as office:
        before = list_audit(office, limit=1)[0].seq
        path, _, query = path_of(page, known).partition("?")
        fields = dict(one.split("=") for one in query.split("&") if one)
        status, _, text = operator.post(
            path, {"amount": "1", "direction": "add", "model": "echo/echo", "input": "1", **fields}
        )
        assert status == 422 and "Say why" in text, (path, status, text_of(text))
        assert list_audit(office, limit=1)[0].seq == before


def test_a_proof_that_is_old_is_asked_for_anew_and_the_form_comes_back(
    site: PortalSite, operator: Operator, account: str
) -> None:
    with office_of(site) as office:
        office.database.write(lambda connection: connection.execute("UPDATE web_sessions SET stepped_at = 0"))
    status, _, text = operator.post(f"/ops/accounts/{account}/note", {"text": "typed before the proof"})
    assert status == 403 and "Confirm that it is you" in text
    assert "typed before the proof" in text
    assert "typed before the proof" not in operator.read(f"/ops/accounts/{account}/notes")
    operator.prove_again()
    operator.do(f"/ops/accounts/{account}/note", {"text": "typed before the proof"})
    assert "typed before the proof" in operator.read(f"/ops/accounts/{account}/notes")


def test_an_operator_without_a_second_factor_has_no_page(site: PortalSite) -> None:
    fresh = Operator(site, "plain")
    fresh.open_link()
    for path in ("/ops/", "/ops/accounts", "/ops/audit"):
        status, headers, _ = fresh.get(path)
        assert status == 303 and headers["Location"].startswith("/app/settings/security")


def test_customers_never_see_costs(customer: Client, account: str) -> None:
    for path in (
        "/app/",
        "/app/logs",
        f"/app/logs/req_{1:024x}",
        f"/app/logs/req_{3:024x}",
        "/app/usage",
        "/app/logs.csv",
    ):
        status, _, text = customer.get(path)
        if status == 404:
            continue
        assert status == 200, path
        for word in ("cost_nano", "margin", "upstream_model", "bad gateway", "1.23456", "1234567891"):
            assert word not in text.lower(), (path, word)
