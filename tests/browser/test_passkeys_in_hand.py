"""Passkeys in Chromium, by a virtual authenticator of its own (Chrome DevTools Protocol, domain WebAuthn)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from portal_kit import Visitor
from portal_site import PASSWORD

pytestmark = pytest.mark.slow

pytest.importorskip("webauthn")

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def with_device(visitor: Visitor) -> None:
    """Give a visitor a device that checks who holds it."""
    devtools = visitor.context.new_cdp_session(visitor.page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})


def test_a_passkey_from_the_settings_to_a_log_in(visitor: Visitor, shots: Path) -> None:
    page = visitor.page
    with_device(visitor)
    visitor.sign_up()
    visitor.go("/app/settings/security")
    page.click("text=Add a passkey")
    assert page.title().startswith("Add a passkey")
    page.screenshot(path=shots / "passkey-add.png")
    page.fill("#field-name", "laptop")
    page.click("text=Make the passkey")
    page.wait_for_selector("text=recovery codes")
    visitor.go("/app/settings/security")
    assert "laptop" in page.inner_text("section[aria-labelledby=second]")
    page.screenshot(path=shots / "passkey-security.png", full_page=True)

    visitor.context.clear_cookies()
    visitor.go("/app/login?next=/app/keys")
    page.screenshot(path=shots / "passkey-log-in.png")
    page.click("text=Log in with a passkey")
    page.wait_for_url("**/app/keys")

    visitor.context.clear_cookies()
    visitor.log_in(password=PASSWORD)
    page.wait_for_selector("text=Use a passkey")
    page.screenshot(path=shots / "passkey-second.png")
    page.click("text=Use a passkey")
    page.wait_for_url("**/app/")


def test_a_device_that_does_not_know_the_site_is_told_of(visitor: Visitor) -> None:
    with_device(visitor)
    visitor.go("/app/login")
    visitor.page.click("text=Log in with a passkey")
    visitor.page.wait_for_selector("[data-failed]:visible")


def test_without_script_nothing_is_said_of_passkeys(another: Callable[..., Visitor]) -> None:
    visitor = another(java_script_enabled=False)
    visitor.go("/app/login")
    assert not visitor.page.is_visible("form[data-passkey]")
    assert visitor.page.is_visible("#field-password")
