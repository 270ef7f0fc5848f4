"""How pages look and weigh: every page light, dark and on a phone, with axe, and as a picture to be looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from portal_kit import Visitor

from router.i18n.language import PSEUDO

pytestmark = pytest.mark.slow

PAGES = (
    *("/app/login", "/app/login/link", "/app/signup", "/app/reset", "/app/t/unknown", "/app/nowhere"),
    *("/app/", "/app/keys", "/app/keys/new", "/app/logs", "/app/team", "/app/workspaces", "/app/settings"),
    *("/app/settings/security", "/app/notices", "/app/usage", "/app/transactions", "/app/limits", "/app/topup"),
    *("/app/models", "/app/docs", "/app/play", "/app/webhooks", "/app/webhooks/new"),
)
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True},
}
WEIGHT_MAX = 60_000
ENGLISH = (
    "Log in",
    "Sign up",
    "Overview",
    "API keys",
    "Logs",
    "Team",
    "Settings",
    "Security",
    "Notices",
    "Usage",
    "Limits",
)


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible_and_fits(another: Callable[..., Visitor], shots: Path, look: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    person = another(bypass_csp=True, **LOOKS[look])
    person.sign_up(name="Ada Lovelace")
    person.make_key("production")
    faults: list[str] = []
    for path in PAGES:
        person.go(path)
        person.page.screenshot(path=shots / f"{look}{path.replace('/', '_')}.png", full_page=True)
        found = Axe().run(person.page, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        faults += [f"{path}: {one['id']}: {one['nodes'][0]['html'][:160]}" for one in serious]
        wide = person.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            faults.append(f"{path} is {wide} px wider than the screen")
    assert not faults, "\n".join(faults)


def test_pages_weigh_little_and_break_no_policy(another: Callable[..., Visitor]) -> None:
    person = another()
    weights: list[int] = []
    person.page.on("requestfinished", lambda one: weights.append(one.sizes()["responseBodySize"]))
    for path in PAGES[:4]:
        weights.clear()
        person.context.clear_cookies()
        person.go(path)
        person.page.wait_for_load_state("networkidle")
        assert sum(weights) < WEIGHT_MAX, (path, weights)
    person.sign_up()
    for path in PAGES[6:]:
        weights.clear()
        person.go(path)
        person.page.wait_for_load_state("load")
        assert sum(weights) < WEIGHT_MAX, (path, weights)


_LABELS = """
() => [...document.querySelectorAll(".chart .labels span")]
  .filter((one) => one.textContent && getComputedStyle(one).visibility === "visible")
  .map((one) => {
    const range = document.createRange();
    range.selectNodeContents(one);
    const { left, right } = range.getBoundingClientRect();
    return [left, right];
  })
"""


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_labels_of_charts_have_room(another: Callable[..., Visitor], shots: Path, width: int) -> None:
    person = another(viewport={"width": width, "height": 740})
    person.sign_up(name="Ada")
    client = person.site.gateway.client(api_key=person.make_key())
    client.chat.completions.create(model="echo/echo", messages=[{"role": "user", "content": "Hello"}])
    person.go("/app/settings")
    person.page.select_option("#field-locale", "ru")  # its months are longer
    person.page.click("main form[action='/app/settings'] button.primary")
    person.page.wait_for_url("**said=saved")
    for path in ("/app/", "/app/usage?range=7d", "/app/usage?range=30d", "/app/usage?range=90d"):
        person.go(path)
        person.page.locator(".chart .labels").wait_for()
        person.page.screenshot(path=shots / f"chart-{width}{re.sub('[/?]', '_', path)}.png", full_page=True)
        labels = person.page.evaluate(_LABELS)
        assert len(labels) >= 3, (path, labels)
        for (_, right), (left, _) in pairwise(labels):
            assert left - right >= 2, (path, labels)
        assert labels[-1][1] <= width, (path, labels)


@pytest.mark.parametrize("code", ["ru", "tk", PSEUDO])
def test_pages_are_in_the_language_that_was_chosen(another: Callable[..., Visitor], shots: Path, code: str) -> None:
    person = another()
    person.sign_up(name="Ada")
    url = person.site.url
    person.go("/app/settings")
    person.page.select_option("#field-locale", "")  # else what was chosen at the sign-up wins
    person.page.click("main form[action='/app/settings'] button.primary")
    person.page.wait_for_url("**said=saved")
    person.context.add_cookies([{"name": "lang", "value": code, "url": url}])
    english: list[str] = []
    for path in PAGES:
        person.go(path)
        person.page.screenshot(path=shots / f"{code}{path.replace('/', '_')}.png", full_page=True)
        title = person.page.inner_text("h1")
        marked = title.startswith("[!!") if code == PSEUDO else title not in ENGLISH
        if not marked and path not in ("/app/workspaces",):
            english.append(f"{path}: {title}")
    assert not english, json.dumps(english, ensure_ascii=False)
