"""The operator's console in a real browser: a log-in with a second factor, credit with a reason, an account's end."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from json import dumps

import pyotp
import pytest
from portal_kit import Visitor
from portal_site import PASSWORD

pytestmark = pytest.mark.slow

_STEP_S = 30
_WITHIN_S = 5.0


def status_of(visitor: Visitor, key: str) -> int:
    """What a call with a key is answered with."""
    request = urllib.request.Request(
        f"{visitor.site.gateway.base_url}/chat/completions",
        dumps({"model": "echo/echo", "messages": [{"role": "user", "content": "Hello"}]}).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def become_operator(visitor: Visitor) -> pyotp.TOTP:
    """Sign up, be made an operator by the command's link, and set up an authenticator."""
    visitor.sign_up(name="Olga")
    link = visitor.site.gateway.router("people", "operator", visitor.email)["link"]
    visitor.go(link)
    visitor.page.click("main button.primary")
    visitor.page.wait_for_url("**/app/settings/security")
    visitor.go("/ops/")
    visitor.page.wait_for_url("**/app/settings/security*")
    visitor.page.click("main form[action$='/totp'] button")
    codes = pyotp.TOTP(visitor.page.input_value("#totp-secret"))
    visitor.page.fill("#field-code", codes.now())
    visitor.page.click("main button.primary")
    visitor.page.wait_for_selector("text=ecovery codes")
    return codes


def test_an_operator_gives_credit_and_suspends_an_account(visitor: Visitor, another: Callable[..., Visitor]) -> None:
    customer = another()
    customer.sign_up(name="Cleo")
    key = customer.make_key()
    assert status_of(customer, key) == 200

    codes = become_operator(visitor)
    page = visitor.page
    visitor.go("/app/")
    page.click("text=Log out")
    page.wait_for_url("**/app/login*")
    visitor.go("/ops/accounts")
    page.wait_for_url("**/app/login?next=*")
    page.fill("#field-email", visitor.email)
    page.fill("#field-password", PASSWORD)
    page.click("main button.primary")
    page.wait_for_url("**/app/login/second*")
    page.fill("#field-code", codes.at(time.time() + _STEP_S))  # a code counts once, and that of now was used
    page.click("main button.primary")
    page.wait_for_url("**/ops/accounts")

    page.fill("main input[name=q]", customer.email)
    page.keyboard.press("Enter")
    page.click("main table a >> nth=0")
    page.wait_for_url("**/ops/accounts/acct_*")
    home = page.url
    page.click("text=Give credit")
    page.fill("#field-amount", "12,5")
    page.click("main button.primary")
    page.wait_for_selector("main [aria-invalid=true], main :invalid")  # without a reason nothing is done
    page.fill("#field-reason", "sorry for the outage")
    page.click("main button.primary")
    page.wait_for_url("**said=granted*")
    customer.go("/app/transactions")
    assert "12.50" in customer.page.inner_text("main")

    visitor.go(home)
    page.click("text=Suspend the account")
    page.fill("#field-reason", "an unpaid bill")
    page.click("main button.bad")
    page.wait_for_url("**said=account_suspended*")
    deadline = time.monotonic() + _WITHIN_S
    while (status := status_of(customer, key)) == 200 and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    assert status in (401, 403)
    customer.go("/app/keys")
    visitor.go("/ops/audit")
    told = page.inner_text("main")
    assert "sorry for the outage" in told and "an unpaid bill" in told
    visitor.go(home)
    page.click("text=Resume the account")
    page.fill("#field-reason", "paid")
    page.click("main button.primary")
    page.wait_for_url("**said=account_resumed*")
    deadline = time.monotonic() + _WITHIN_S
    while status_of(customer, key) != 200:
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)


def test_customers_find_no_console(visitor: Visitor) -> None:
    visitor.sign_up()
    visitor.go("/app/")
    assert not visitor.page.locator("a[href='/ops/']").count()
    visitor.go("/ops/accounts")
    assert "There is no such page" in visitor.page.inner_text("main")
