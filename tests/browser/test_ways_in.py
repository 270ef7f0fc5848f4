"""Signing up, verifying, logging in and out, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from portal_kit import Visitor
from portal_site import FORM, PASSWORD, PortalSite

pytestmark = pytest.mark.slow


def test_who_is_logged_out_gets_the_log_in_page_and_comes_back(visitor: Visitor) -> None:
    email = visitor.sign_up()
    visitor.page.click("text=Log out")
    visitor.go("/app/keys?show=all")
    assert "/app/login?next=" in visitor.page.url
    visitor.page.fill("#field-email", email)
    visitor.page.fill("#field-password", PASSWORD)
    visitor.page.click("main button.primary")
    visitor.page.wait_for_url("**/app/keys?show=all")


def test_a_known_address_gets_word_for_word_the_same_page(visitor: Visitor, another: Callable[..., Visitor]) -> None:
    known = visitor.sign_up()
    told = []
    for address in (known, visitor.site.new_address("eve")):
        eve = another()
        eve.go("/app/signup")
        eve.page.fill("#field-email", address)
        eve.page.fill("#field-password", PASSWORD)
        eve.solve()
        eve.page.click("main button.primary")
        told.append(eve.page.inner_text("main").replace(address, "ADDRESS"))
    assert told[0] == told[1]
    link = visitor.site.next_link(known)
    visitor.go(link)
    assert visitor.page.inner_text("h1") == "Log in"


def test_a_link_may_be_opened_often_and_is_used_by_its_button_once(
    visitor: Visitor, another: Callable[..., Visitor]
) -> None:
    site, address = visitor.site, visitor.site.new_address()
    visitor.go("/app/signup")
    visitor.page.fill("#field-email", address)
    visitor.page.fill("#field-password", PASSWORD)
    visitor.solve()
    visitor.page.click("main button.primary")
    visitor.page.wait_for_selector("text=Look into your mail")
    link = site.next_link(address)
    assert link.startswith(site.url)
    for _ in range(5):
        assert site.ask(link.removeprefix(site.url))[0] == 200
    other = another()
    other.go(link)
    other.page.click("main button.primary")
    other.page.wait_for_url("**/app/login?*")  # another browser: verified, and not logged in
    visitor.go(link)
    assert "does not work any more" in visitor.page.inner_text("h1")


def test_verified_sign_ups_of_nexgate_have_free_credit_once(visitor: Visitor, another: Callable[..., Visitor]) -> None:
    site = visitor.site
    address = visitor.sign_up(site.new_address("c.d"))
    assert "$5.00" in visitor.page.inner_text("main")
    visitor.go("/app/settings")
    visitor.page.fill("#field-confirm", address)
    visitor.page.click("main button.bad")
    visitor.page.wait_for_url("**/app/login?*")
    name, _, domain = address.partition("@")
    again = another()
    again.sign_up(f"{name.upper()}+x@{domain}")
    assert "$0.00" in again.page.inner_text("main dl.stat >> nth=0")


def test_wrong_passwords_wait_alike_for_known_and_unknown(portal: PortalSite, visitor: Visitor) -> None:
    known, unknown = visitor.sign_up(), portal.new_address("nobody")
    told: dict[str, list[tuple[int, str]]] = {}
    for address, client in ((known, portal.new_client_address()), (unknown, portal.new_client_address())):
        for _ in range(11):
            status, headers, text = portal.ask(
                "/app/login",
                f"email={address}&password=wrong".replace("@", "%40").encode(),
                {**FORM, "X-Forwarded-For": client},
            )
            alert = re.search(r'role="alert">(.*?)</div>', text, re.S)
            told.setdefault(address, []).append((status, re.sub(r"\d+", "N", alert[1] if alert else "")))
    assert told[known] == told[unknown]
    assert told[known][-1][0] == 429
    assert headers["Retry-After"].isdigit() and "N" in told[known][-1][1]


def test_the_session_s_cookie_is_new_and_locked_down(visitor: Visitor) -> None:
    visitor.sign_up()
    before = _session_cookie(visitor)
    visitor.page.click("text=Log out")
    visitor.log_in()
    after = _session_cookie(visitor)
    assert before["value"] != after["value"]
    assert after["name"] == "__Host-s" and after["secure"] and after["httpOnly"] and after["sameSite"] == "Lax"


def test_back_after_logging_out_shows_nothing(visitor: Visitor) -> None:
    visitor.sign_up()
    visitor.go("/app/keys")
    visitor.page.click("text=Log out")
    visitor.page.wait_for_url("**/app/login?*")
    visitor.page.go_back()
    visitor.page.wait_for_url("**/app/login?*")


def test_a_second_factor_is_asked_for_and_each_code_counts_once(visitor: Visitor) -> None:
    import pyotp

    visitor.sign_up()
    visitor.go("/app/settings/security")
    visitor.page.click("text=Add an authenticator")
    secret = visitor.page.input_value("#totp-secret")
    code = pyotp.TOTP(secret).now()
    visitor.page.fill("#field-code", code)
    visitor.page.click("main button.primary")
    codes = visitor.page.inner_text("#recovery-codes").split("\n")
    assert len(set(codes)) == 10
    for typed, right in ((code, False), (codes[0], True), (codes[0], False), (codes[1], True)):
        visitor.page.context.clear_cookies()
        visitor.log_in()
        assert "/app/login/second" in visitor.page.url
        visitor.go("/app/keys")
        assert "/app/login/second" in visitor.page.url  # half a log-in opens nothing
        visitor.page.fill("#field-code", typed)
        visitor.page.click("main button.primary")
        visitor.page.wait_for_load_state()
        assert ("/app/login/second" not in visitor.page.url) is right


def test_other_sessions_end_and_parts_of_pages_lead_to_the_log_in(
    visitor: Visitor, another: Callable[..., Visitor]
) -> None:
    email = visitor.sign_up()
    other = another()
    other.log_in(email)
    other.go("/app/")
    visitor.go("/app/settings/security")
    visitor.page.click("text=End all others")
    visitor.page.wait_for_url("**said=sessions_ended")
    other.page.wait_for_url("**/app/login?*", timeout=15_000)  # the page asks for its first steps, as a part of itself
    assert other.page.locator("form").count() >= 1 and not other.page.locator("table form").count()


def test_without_script_one_can_sign_up_log_in_and_make_a_key(another: Callable[..., Visitor]) -> None:
    plain = another(java_script_enabled=False)
    plain.sign_up()
    assert "$0.00" in plain.page.inner_text("main dl.stat >> nth=0"), "no proof of work: the credit waits"
    assert plain.make_key().startswith("ng-")
    for path in ("/app/keys", "/app/logs", "/app/team", "/app/settings"):
        assert plain.go(path).inner_text("h1")


@pytest.mark.parametrize("path", ["/app/login?next=https://evil.example/", "/app/login?next=//evil.example/app/"])
def test_log_ins_lead_to_pages_of_ours_alone(visitor: Visitor, path: str) -> None:
    email = visitor.sign_up()
    visitor.page.context.clear_cookies()
    visitor.go(path)
    visitor.page.fill("#field-email", email)
    visitor.page.fill("#field-password", PASSWORD)
    visitor.page.click("main button.primary")
    visitor.page.wait_for_url(f"{visitor.site.url}/app/")


def _session_cookie(visitor: Visitor) -> dict[str, object]:
    found = [one for one in visitor.context.cookies() if str(one.get("name")).endswith("s") and one["httpOnly"]]
    return dict(next(one for one in found if one["name"] == "__Host-s"))


def test_days_are_those_of_where_one_signed_up(another: Callable[..., Visitor]) -> None:
    away = another(timezone_id="Asia/Ashgabat")
    away.sign_up()
    assert "Asia/Ashgabat" in away.page.inner_text("main .sub")
