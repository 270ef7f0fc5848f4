"""Keys, from the form to the call and the log, in a real browser."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from json import dumps, loads
from typing import Any

import pytest
from portal_kit import Visitor

pytestmark = pytest.mark.slow

EVIL = "<img src=x onerror=alert(1)>"


def call(visitor: Visitor, key: str, model: str = "echo/echo", text: str = "Hello") -> tuple[int, Any]:
    """A chat call; status and JSON."""
    request = urllib.request.Request(
        f"{visitor.site.gateway.base_url}/chat/completions",
        dumps({"model": model, "messages": [{"role": "user", "content": text}]}).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, loads(error.read())


def test_a_key_is_shown_once(visitor: Visitor) -> None:
    visitor.sign_up()
    key = visitor.make_key("laptop")
    assert key.startswith("ng-") and key in visitor.page.inner_text("#first-call")
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.page.click("[data-copy=new-key]")
    visitor.page.wait_for_selector("text=Copied")
    assert visitor.page.evaluate("navigator.clipboard.readText()") == key
    visitor.page.click("text=I have saved it")
    visitor.go("/app/keys")
    assert key not in visitor.page.content() and f"ng-…{key[-4:]}" in visitor.page.inner_text("table")


def test_without_a_clipboard_the_text_is_selected(another: Callable[..., Visitor]) -> None:
    other = another(permissions=[])
    other.page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    other.sign_up()
    key = other.make_key()
    other.page.click("[data-copy=new-key]")
    other.page.wait_for_selector("text=Selected")
    assert other.page.evaluate("document.activeElement.value ?? getSelection().toString()") == key


def test_the_first_call_turns_green_by_itself(visitor: Visitor) -> None:
    visitor.sign_up()
    key = visitor.make_key()
    visitor.go("/app/")
    assert visitor.page.locator(".steps .done").count() == 2
    status, answer = call(visitor, key)
    assert status == 200, answer
    visitor.page.wait_for_selector(".steps .done >> nth=2", timeout=20_000)
    visitor.go("/app/logs")
    assert "Completed" in visitor.page.inner_text("table")
    visitor.page.click("tbody a")
    assert "Bill" in visitor.page.inner_text("main") and "Charged" in visitor.page.inner_text("main")


def test_names_are_text_wherever_they_stand(visitor: Visitor) -> None:
    visitor.sign_up(name=EVIL[:70])
    for name in (EVIL, "=1+1"):
        key = visitor.make_key(name)
        assert call(visitor, key)[0] == 200
    for path in ("/app/keys", "/app/", "/app/logs", "/app/team", "/app/settings"):
        visitor.go(path)
        assert visitor.page.locator("img[src=x]").count() == 0
    visitor.go("/app/keys")
    assert EVIL in visitor.page.inner_text("table")
    with visitor.page.expect_download() as download:
        visitor.page.evaluate("location.href = '/app/logs.csv'")
    text = download.value.path().read_text(encoding="utf-8")
    assert ",'=1+1," in text and text.count("\n") == 3


@pytest.mark.parametrize(("budget", "wrong"), [("1,000", True), ("12,5", False), ("12.50", False), ("1e3", True)])
def test_budgets_are_typed_as_people_write_them(visitor: Visitor, budget: str, wrong: bool) -> None:
    visitor.sign_up()
    visitor.go("/app/keys/new")
    visitor.page.fill("#field-name", "one")
    visitor.page.fill("#field-budget", budget)
    visitor.page.click("main button.primary")
    if wrong:
        assert visitor.page.locator("#field-budget[aria-invalid=true]").is_visible()
        assert visitor.page.input_value("#field-budget") == budget and visitor.page.input_value("#field-name") == "one"
        assert visitor.page.evaluate("document.activeElement.id") == "field-budget"
    else:
        visitor.page.click("text=I have saved it")
        assert "12.50" in visitor.page.inner_text("main")


def test_a_key_keeps_to_its_models_and_its_budget(visitor: Visitor) -> None:
    visitor.sign_up()
    key = visitor.make_key("narrow", models="gpt-5.5")
    status, answer = call(visitor, key, model="echo/echo")
    assert status == 403 and answer["error"]["code"] == "model_not_allowed", answer
    poor = visitor.make_key("poor", budget="0.000000001")
    while (found := call(visitor, poor, text="word " * 200))[0] == 200:
        pass
    assert found[1]["error"]["code"] == "key_budget_exceeded", found
    visitor.go("/app/keys")
    assert "poor" in visitor.page.inner_text("table")


def test_a_replaced_key_works_on_and_a_revoked_one_does_not(visitor: Visitor) -> None:
    visitor.sign_up()
    old = visitor.make_key("worker")
    visitor.page.click("text=I have saved it")
    visitor.page.select_option("#field-grace", "3600")
    visitor.page.click("text=Replace the key")
    new = visitor.page.input_value("#new-key")
    assert call(visitor, old)[0] == call(visitor, new)[0] == 200
    visitor.page.click("text=I have saved it")
    for name in ("another name", "worker"):
        visitor.page.click("[data-open=revoke]")
        visitor.page.fill("#revoke-name", name)
        visitor.page.click("#revoke button.bad")
        if name == "another name":
            assert "exactly" in visitor.page.inner_text("[role=alert]")
    visitor.page.wait_for_url("**said=key_revoked")
    assert call(visitor, new)[0] == 401
