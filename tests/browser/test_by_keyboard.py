"""Everything by the keyboard alone: signing up, a key, its end in a dialog, the logs, logging out."""

from __future__ import annotations

import pytest
from portal_kit import Visitor
from portal_site import PASSWORD

pytestmark = pytest.mark.slow

_AT = "(selector) => document.activeElement.matches(selector)"
_SEEN = """
() => {
  const one = document.activeElement;
  if (one === document.body) return true;
  const { outlineStyle, outlineWidth } = getComputedStyle(one);
  const { top, bottom, left, right } = one.getBoundingClientRect();
  const within = bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
  return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && within;
}
"""
_WITHIN = "(id) => document.activeElement === document.body || !!document.activeElement.closest(`#${id}`)"
_TABS_MAX = 120


class Typist:
    """Somebody without a mouse. Wherever the focus comes on its way, it is seen."""

    def __init__(self, visitor: Visitor) -> None:
        self.page = visitor.page

    def reach(self, selector: str) -> None:
        """Press Tab until the focus is there."""
        for _ in range(_TABS_MAX):
            self.page.keyboard.press("Tab")
            assert self.page.evaluate(_SEEN), self.page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
            if self.page.evaluate(_AT, selector):
                return
        raise AssertionError(f"{selector} is not reached by Tab on {self.page.url}")

    def press(self, selector: str, key: str = "Enter") -> None:
        """Go there, and press a key."""
        self.reach(selector)
        self.page.keyboard.press(key)

    def type(self, selector: str, text: str) -> None:
        """Go there, and type."""
        self.reach(selector)
        self.page.keyboard.type(text)

    def is_at(self, selector: str) -> bool:
        """Whether the focus is there."""
        return bool(self.page.evaluate(_AT, selector))


def test_everything_works_by_the_keyboard(visitor: Visitor) -> None:
    typist, page, address = Typist(visitor), visitor.page, visitor.site.new_address()
    visitor.go("/app/signup")
    typist.type("#field-email", address)
    typist.type("#field-password", PASSWORD)
    typist.type("#field-name", "Ada")
    visitor.solve()
    typist.press("main button.primary")
    page.wait_for_selector("text=Look into your mail")
    visitor.go(visitor.site.next_link(address))
    typist.press("main button.primary")
    page.wait_for_url("**/app/?said=verified")

    typist.press("a.skip")
    page.keyboard.press("Tab")
    assert typist.is_at("main *"), "the list of pages is behind"
    page.reload()
    typist.press(".side a[href='/app/keys']")
    page.wait_for_url("**/app/keys")
    typist.press("main a[href='/app/keys/new']")
    page.wait_for_url("**/app/keys/new")
    typist.type("#field-name", "typed")
    typist.press("main form button.primary")
    key = page.input_value("#new-key")
    assert key.startswith("ng-")
    client = visitor.site.gateway.client(api_key=key)
    client.chat.completions.create(model="echo/echo", messages=[{"role": "user", "content": "Hello"}])
    typist.press("main a.primary")
    page.wait_for_url("**/app/keys/key_*")

    typist.press(".side a[href='/app/logs']")
    page.wait_for_url("**/app/logs")
    typist.reach("#f-status")
    page.keyboard.type("completed")
    typist.press("main form button")
    page.wait_for_url("**status=ok*")
    assert page.locator("main table tbody tr").count() == 1
    typist.press(".side form[action='/app/logout'] button")
    page.wait_for_url("**/app/login*")


def test_a_dialog_keeps_the_focus_and_gives_it_back(visitor: Visitor) -> None:
    visitor.sign_up()
    visitor.make_key("short lived")
    typist, page = Typist(visitor), visitor.page
    typist.press("main a.primary")
    page.wait_for_url("**/app/keys/key_*")
    for leave in ("Escape", "button"):
        typist.press("[data-open=revoke]")
        assert typist.is_at("#revoke h2"), "a reader hears first what it asks"
        for _ in range(8):
            page.keyboard.press("Tab")
            assert page.evaluate(_WITHIN, "revoke")
        if leave == "Escape":
            page.keyboard.press("Escape")
        else:
            typist.press("#revoke [data-close]", "Space")
        assert not page.locator("#revoke").is_visible() and typist.is_at("[data-open=revoke]")
        page.locator("h1").focus()
    typist.press("[data-open=revoke]")
    typist.type("#revoke-name", "short")
    page.keyboard.press("Enter")
    page.wait_for_selector("#revoke[open] #revoke-error")
    assert typist.is_at("#revoke-name"), "what is wrong is told where it is mended"
    page.keyboard.press("End")
    page.keyboard.type(" lived")
    page.keyboard.press("Enter")
    page.wait_for_url("**said=key_revoked")


def test_without_script_the_dialog_stands_on_the_page(visitor: Visitor) -> None:
    visitor.sign_up()
    visitor.make_key("plain")
    visitor.page.click("text=I have saved it")
    visitor.page.wait_for_url("**/app/keys/key_*")
    cookies, path = visitor.context.cookies(), visitor.page.url
    with Visitor(visitor.context.browser, visitor.site, "no script", java_script_enabled=False) as plain:  # type: ignore[arg-type]
        plain.context.add_cookies(cookies)  # type: ignore[arg-type]
        plain.go(path)
        assert not plain.page.locator("[data-open=revoke]").is_visible()
        plain.page.fill("#revoke-name", "another")
        plain.page.click("#revoke button.bad")
        plain.page.wait_for_selector("#revoke-error")
        assert plain.page.locator("#revoke-name:focus").input_value() == "another"
        plain.page.fill("#revoke-name", "plain")
        plain.page.click("#revoke button.bad")
        plain.page.wait_for_url("**said=key_revoked")
