"""A webhook in a browser: added, its secret copied, tested, its attempts read, deleted; light, dark and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from portal_kit import Visitor

pytestmark = pytest.mark.slow

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True},
}


@pytest.mark.parametrize("look", LOOKS)
def test_from_nothing_to_a_failing_webhook(another: Callable[..., Visitor], shots: Path, look: str) -> None:
    person = another(**LOOKS[look])
    person.sign_up(name="Ada Lovelace")
    page = person.page

    def shot(name: str) -> None:
        page.screenshot(path=shots / f"webhooks_{look}_{name}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, (name, wide)

    person.go("/app/webhooks")
    shot("none")
    page.get_by_role("link", name="Add a webhook").first.click()
    page.get_by_label("URL").fill("https://hooks.invalid/events/of/our/books")
    page.get_by_label("Description").fill("Bookkeeping")
    page.get_by_label("A refund").uncheck()
    shot("new")
    page.get_by_role("button", name="Add it").click()
    secret = page.get_by_label("Secret", exact=True).input_value()
    assert secret.startswith("whsec_")
    shot("secret")
    page.get_by_role("link", name="I have saved it").click()
    page.get_by_role("button", name="Send a test event").click()
    for _ in range(60):
        page.reload()
        if page.get_by_text("its name cannot be looked up").count():
            break
        page.wait_for_timeout(500)
    assert page.get_by_text("failing", exact=True).count()
    assert secret not in page.content()
    shot("failing")
    person.go("/app/webhooks")
    shot("list")
    page.get_by_role("link", name="Bookkeeping").click()
    page.get_by_role("button", name="Delete it").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    assert page.get_by_text("The webhook was deleted.").count() == 1
