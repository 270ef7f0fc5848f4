"""What is wrong is told where it is: at a field of a dialog, on a page among the others, while one waits for mail."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from portal_site import PASSWORD, Client, PortalSite, start_portal

pytestmark = pytest.mark.slow

NAME = 'the "best" <key>'
WORDS = {
    "en": ("There is no such page", "Log in", "exactly as it is", "Look into your mail", "Sent again."),
    "ru": ("Такой страницы нет", "Войти", "точно", "Проверьте почту", "Отправлено ещё раз."),
    "tk": ("Beýle sahypa ýok", "Girmek", "edil", "Poçtaňyza serediň", "Ýene iberildi."),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalSite]:
    folder: Path = tmp_path_factory.mktemp("told")
    with start_portal(folder, profile="nexgate", proof_of_work=False) as running:
        yield running


@pytest.fixture(params=WORDS)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ada(site: PortalSite, language: str) -> Client:
    """Somebody who chose a language and a theme elsewhere: this browser has no cookie of either."""
    client = Client(site)
    client.sign_up(name="Ada")
    client.post("/app/language", {"language": language})
    client.post("/app/theme", {"theme": "dark"})
    del client.cookies["lang"], client.cookies["theme"]
    return client


def test_a_wrong_name_is_told_at_its_field(ada: Client, language: str) -> None:
    page = ada.post("/app/keys/new", {"name": NAME})[2]
    key = re.search(r"/app/keys/(key_\w+)", page)
    assert key is not None
    dialog = _dialog(ada.get(f"/app/keys/{key[1]}")[2])
    assert "data-shown" not in dialog and "aria-invalid" not in dialog and "autofocus" not in dialog
    for typed in ('the "best"', ""):
        status, _, page = ada.post(f"/app/keys/{key[1]}/revoke", {"confirm": typed})
        dialog = _dialog(page)
        assert status == 422 and re.match(r"<dialog [^>]* data-shown>", dialog)
        field = re.search(r'<input id="revoke-name"[^>]*>', dialog)
        assert field is not None and f'value="{html.escape(typed).replace("&quot;", "&#34;")}"' in field[0]
        assert 'aria-invalid="true" aria-describedby="revoke-error" autofocus' in field[0]
        told = re.search(r'<p class="error" id="revoke-error">([^<]+)</p>', dialog)
        assert told is not None and WORDS[language][2] in told[1]
        assert told[1].strip() not in page.replace(dialog, "") and 'class="alert bad"' not in page
        assert page.count('aria-invalid="true"') == page.count(" autofocus") == 1
    assert ada.post(f"/app/keys/{key[1]}/revoke", {"confirm": NAME})[0] == 303


@pytest.mark.parametrize(
    "path", ["/app/nothing", "/nothing", "/app/keys/key_aaaaaaaaaaaaaaaa", "/ops/nothing", "/ops/"]
)
def test_a_page_that_is_not_there_stands_among_the_others(ada: Client, language: str, path: str) -> None:
    status, headers, page = ada.get(path)
    assert status == 404 and WORDS[language][0] in page and headers["Cache-Control"] == "no-store"
    assert f'<html lang="{language}"' in page and 'data-theme="dark"' in page
    assert '<nav class="side"' in page and 'href="/app/keys"' in page and 'action="/app/logout"' in page
    assert 'href="/app/login"' not in page and 'href="/ops/accounts"' not in page


def test_a_visitor_may_log_in_there(site: PortalSite, language: str) -> None:
    visitor = Client(site)
    visitor.cookies["lang"] = language
    for cookies in ({}, dict.fromkeys(("__Host-s", "s"), "not a session")):
        visitor.cookies.update(cookies)
        status, _, page = visitor.get("/app/nothing")
        main = page.partition("<main")[2]
        assert status == 404 and WORDS[language][0] in page and f'<html lang="{language}"' in page
        assert f'<a class="button" href="/app/login">{WORDS[language][1]}</a>' in main
        assert '<nav class="side"' not in page and "/app/logout" not in page


def test_programs_are_told_in_json_as_before(site: PortalSite, ada: Client) -> None:
    status, headers, text = ada.get("/api/nothing")
    assert status == 404 and headers["Content-Type"].startswith("application/json") and "<" not in text


def test_who_waits_for_the_mail_has_it_sent_again(site: PortalSite, language: str) -> None:
    known = Client(site).sign_up()
    for email, mails in ((site.new_address("new"), "verify"), (known, "login"), (site.new_address("nobody"), "")):
        visitor = Client(site)
        visitor.cookies["lang"] = language
        if mails:
            page = visitor.post("/app/signup", {"email": email, "password": PASSWORD})[2]
            assert WORDS[language][3] in page and _again(page) == email
            first = site.next_link(email)
        status, _, page = visitor.post("/app/signup/again", {"email": email})
        assert status == 200 and WORDS[language][4] in page and _again(page) == email
        if mails:
            link = site.next_link(email)
            assert link != first
            assert visitor.get(first.removeprefix(site.url))[0] == 410, "a newer link ends the older"
            assert visitor.post(link.removeprefix(site.url))[0] == 303
            assert visitor.get("/app/")[0] == 200, "the browser that asked is logged in"
        else:
            assert site.mails(email) == []


def test_too_often_is_told_with_the_wait(site: PortalSite) -> None:
    visitor, email = Client(site), site.new_address("often")
    visitor.post("/app/signup", {"email": email, "password": PASSWORD})
    heard = [visitor.post("/app/signup/again", {"email": email}) for _ in range(11)]
    assert [one[0] for one in heard[:3]] == [200, 200, 200]
    status, headers, page = heard[-1]
    assert status == 429 and int(headers["Retry-After"]) > 0 and _again(page) == email
    assert re.search(r'role="alert">\s*<p>Too many attempts: try again in \d+ seconds\.</p>', page)
    status, _, page = visitor.post("/app/signup/again", {"email": "no address"})
    assert status == 422 and 'id="error-email"' in page
    assert visitor.post("/app/signup/again", {"email": email}, **{"Sec-Fetch-Site": "cross-site"})[0] == 403


def _dialog(page: str) -> str:
    found = re.search(r'<dialog id="revoke".*?</dialog>', page, re.S)
    assert found is not None, page
    return found[0]


def _again(page: str) -> str:
    """Whom the form of the page mails again."""
    found = re.search(r'action="/app/signup/again">\s*<input type="hidden" name="email" value="([^"]+)">', page)
    assert found is not None, page
    return html.unescape(found[1])
