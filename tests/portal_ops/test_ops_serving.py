"""Providers, routing and models on the console."""

from __future__ import annotations

import pytest
from ops_kit import Operator, office_of, text_of
from portal_site import PortalSite

from router.office.console.provider_switches import providers_off
from router.office.fallbacks import list_fallbacks

pytestmark = pytest.mark.slow


def test_a_provider_is_turned_off_and_on(site: PortalSite, operator: Operator) -> None:
    operator.do("/ops/providers/echo/disable", reason="its bill is unpaid")
    with office_of(site) as office:
        assert [(one.provider, one.reason) for one in providers_off(office)] == [("echo", "its bill is unpaid")]
    assert "Turned off" in operator.read("/ops/providers")
    assert "its bill is unpaid" in operator.read("/ops/providers/echo")
    assert "echo is turned off : its bill is unpaid" in text_of(operator.read("/ops/")).replace("off:", "off :")
    page = text_of(operator.read("/ops/models/one?model=echo/echo"))
    assert "Not sold" in page and "Its provider, echo, is turned off." in page
    operator.do("/ops/providers/echo/enable", reason="paid")
    assert "Sold" in operator.read("/ops/models?show=sold")
    assert operator.get("/ops/providers/none/disable")[0] == 404


def test_failures_are_told_with_their_words(operator: Operator, account: str) -> None:
    page = operator.read("/ops/providers/echo?window=1h")
    assert "bad gateway &lt;script&gt;" in page
    assert "33.3 %" in text_of(page) or "failed" in text_of(page).lower()


def test_models_are_switched(operator: Operator) -> None:
    operator.do("/ops/models/disable", {"model": "echo/embed"}, reason="not ready")
    page = text_of(operator.read("/ops/models?show=unsold"))
    assert "echo/embed" in page and "It is disabled." in page and "echo/echo" not in page.partition("Aliases")[0]
    operator.do("/ops/models/enable", {"model": "echo/embed"})
    assert "No model matches." in text_of(operator.read("/ops/models?show=disabled"))
    assert operator.get("/ops/models/one?model=none")[0] == 404


def test_aliases_are_set_and_removed(operator: Operator) -> None:
    operator.do("/ops/models/alias", {"alias": "quick", "model": "echo/echo"})
    assert "quick" in operator.read("/ops/models/one?model=echo/echo")
    status, _, text = operator.post("/ops/models/alias", {"alias": "lost", "model": "echo/ecko", "reason": "a test"})
    assert status == 404 and "echo/echo" in text, "the nearest is named"
    assert 'value="lost"' in text, "what was typed is kept"
    operator.do("/ops/models/no-alias", {"alias": "quick"})
    status, _, _ = operator.post("/ops/models/no-alias", {"alias": "quick", "reason": "again"})
    assert status == 404


def test_fallbacks_are_set_and_cleared(site: PortalSite, operator: Operator) -> None:
    operator.do("/ops/routing/fallbacks", {"model": "echo/echo", "targets": "echo/embed"})
    with office_of(site) as office:
        assert [(one.model, one.targets) for one in list_fallbacks(office)] == [("echo/echo", ("echo/embed",))]
    circle = {"model": "echo/embed", "targets": "echo/echo", "reason": "round"}
    status, _, text = operator.post("/ops/routing/fallbacks", circle)
    assert status == 400 and "circle" in text
    operator.do("/ops/routing/clear", {"model": "echo/echo"})
    assert "No model has fallbacks" in operator.read("/ops/routing")


def test_the_system_shows_no_secret(operator: Operator) -> None:
    page = operator.read("/ops/system")
    assert "server.port" in page and "a master key for tests" not in page
    assert "Alive" in page and "migrations were made" in page
    assert "echo" in operator.read("/ops/plugins")
