"""A log-in that ends while somebody is at work: they come back to where they were, and what was typed is there."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from portal_site import PASSWORD, Client, PortalSite, start_portal

from router.portal.web.refusing import next_path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalSite]:
    folder: Path = tmp_path_factory.mktemp("ended")
    with start_portal(folder, profile="nexgate", proof_of_work=False) as running:
        yield running


class Somebody(Client):
    """Who has signed up, and knows by which address."""

    email = ""


@pytest.fixture
def ada(site: PortalSite) -> Somebody:
    client = Somebody(site)
    client.email = client.sign_up(name="Ada")
    return client


def end_session(client: Client) -> None:
    """As "end other sessions" elsewhere does: the browser keeps its cookie."""
    kept = dict(client.cookies)
    client.post("/app/logout")
    client.cookies.update(kept)


def hidden(page: str, action: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    form = re.search(rf'<form method="post" action="{re.escape(action)}".*?</form>', page, re.S)
    assert form is not None, page
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
    return {name: html.unescape(value) for name, value in found}


@pytest.mark.parametrize(
    "path", ["/app/logs", "/app/logs?key=key_1&status=ok", "/app/logs/req_1", "/app/keys", "/ops/", "/app/t/abc"]
)
def test_a_log_in_leads_to_any_page_of_ours(path: str) -> None:
    assert next_path(path) == path


@pytest.mark.parametrize("path", ["/app/login", "/app/login/second", "/app/logout", "//evil.example/app/", "/app//x"])
def test_it_leads_to_no_other(path: str) -> None:
    assert next_path(path) == "/app/"


def test_the_address_of_filtered_calls_survives_the_log_in(ada: Somebody) -> None:
    end_session(ada)
    _, headers, _ = ada.get("/app/logs?status=ok&range=30d")
    page = ada.get(headers["Location"])[2]
    sent = {**hidden(page, "/app/login"), "email": ada.email, "password": PASSWORD}
    status, headers, _ = ada.post("/app/login", sent)
    assert (status, headers["Location"]) == (303, "/app/logs?status=ok&range=30d")


def test_a_part_of_a_page_leads_back_to_the_page(site: PortalSite, ada: Somebody) -> None:
    end_session(ada)
    asked = {"HX-Request": "true", "HX-Current-URL": f"{site.url}/app/?range=90d"}
    status, headers, _ = ada.get("/app/first-steps", **asked)
    assert (status, headers["HX-Redirect"]) == (204, "/app/login?next=%2Fapp%2F%3Frange%3D90d")
    for foreign in ("https://evil.example/app/keys", "//evil.example/app/keys", "http://[", ""):
        headers = ada.get("/app/first-steps", **{"HX-Request": "true", "HX-Current-URL": foreign})[1]
        assert headers["HX-Redirect"] == "/app/login?next=%2Fapp%2F", foreign


def test_what_was_typed_outlives_the_log_in(site: PortalSite, ada: Somebody) -> None:
    once = re.search(r'name="once" value="([\w-]+)"', ada.get("/app/keys/new")[2])
    assert once is not None
    end_session(ada)
    typed = {"name": 'a "long" name', "models": "one\ntwo", "once": once[1], "budget": "12.50"}
    status, _, page = ada.post("/app/keys/new", typed, Referer=f"{site.url}/app/keys/new")
    assert status == 401 and "What you typed is kept" in page
    for password, wanted in (("a wrong sentence, alas", 401), (PASSWORD, 200)):
        sent = {**hidden(page, "/app/login"), "email": ada.email, "password": password}
        assert sent["next"] == "/app/keys/new"
        status, _, page = ada.post("/app/login", sent)
        assert status == wanted, page
    again = hidden(page, "/app/keys/new")
    assert again == typed
    end_session(ada)
    assert ada.post("/app/keys/new", again)[0] == 401, "it is as much a form as before"


def test_a_second_factor_keeps_it_too_and_secrets_are_typed_again(site: PortalSite, ada: Somebody) -> None:
    shown = ada.post("/app/settings/security/totp")[2]
    secret = re.search(r'id="totp-secret" value="(\w+)"', shown)
    assert secret is not None
    codes = ada.post("/app/settings/security/totp/confirm", {"code": pyotp.TOTP(secret[1]).now()})[2]
    recovery = re.search(r'<pre id="recovery-codes"[^>]*>\s*(\S+)', codes)
    assert recovery is not None, codes
    end_session(ada)
    status, _, page = ada.post("/app/settings/password", {"password": "a new sentence, never seen", "odd": "kept"})
    assert status == 401 and "never seen" not in page
    sent = {**hidden(page, "/app/login"), "email": ada.email, "password": PASSWORD}
    status, _, page = ada.post("/app/login", sent)
    assert status == 200 and "Second factor" in page
    sent = {**hidden(page, "/app/login/second"), "code": recovery[1]}
    status, _, page = ada.post("/app/login/second", sent)
    assert status == 200 and hidden(page, "/app/settings/password") == {"odd": "kept"}
    assert ada.get("/app/keys")[0] == 200


def test_a_fault_of_a_form_leads_back_to_a_page_that_opens(site: PortalSite, ada: Somebody) -> None:
    for path in ("/app/keys/key_aaaaaaaaaaaaaaaa/rotate", "/app/team/pers_aaaaaaaaaaaaaaaa/role", "/app/step-up"):
        for said in ({}, {"Referer": f"{site.url}{path}"}):
            _, _, page = ada.post(path, {"x": "1"}, **{"Sec-Fetch-Site": "cross-site", **said})
            back = re.search(r'<a class="button primary" href="([^"]+)"', page)
            assert back is not None, page
            assert ada.get(html.unescape(back[1]))[0] in (200, 404), back[1]
    _, _, page = ada.post("/app/team/leave", Referer=f"{site.url}/app/team?x=1")
    assert 'name="back" value="/app/team?x=1"' in page


def test_a_refusal_is_in_the_reader_s_language(site: PortalSite, ada: Somebody) -> None:
    visitor = Client(site)
    visitor.cookies["lang"] = "ru"
    status, _, page = visitor.post("/app/login", {"email": ada.email, "password": "wrong, wrong, wrong"})
    assert status == 401 and "Адрес или пароль неверен." in page
    status, _, page = visitor.post("/app/signup", {"email": "x@example.org", "password": "short"})
    assert status == 400 and "пароле не меньше 15 символов" in page
    status, _, page = visitor.post("/app/login/link", {"email": ""})
    assert status == 422 and "Заполните это поле." in page
