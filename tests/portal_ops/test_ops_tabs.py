"""Two operators, two tabs: money moves once, and a form that was opened while something else held is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from ops_kit import Operator, office_of, text_of
from portal_site import PortalSite

from router.money.amounts import NANO
from router.office.accounts import show_account
from router.office.prices import show_price_of

pytestmark = pytest.mark.slow


def hidden(page: str, name: str) -> str:
    found = re.search(rf'type="hidden" name="{name}" value="([^"]*)"', page)
    assert found is not None, page
    return found[1]


def test_credit_is_given_once_however_often_its_form_is_sent(
    site: PortalSite, operator: Operator, account: str
) -> None:
    def balance() -> int:
        with office_of(site) as office:
            return show_account(office, account).balance.balance

    before = balance()
    for path, extra in (("grant", {}), ("adjust", {"direction": "add"})):
        page = operator.read(f"/ops/accounts/{account}/{path}")
        form = {"amount": "2", "reason": "pressed twice", "once": hidden(page, "once"), **extra}
        assert operator.post(f"/ops/accounts/{account}/{path}", form)[0] == 303
        status, _, page = operator.post(f"/ops/accounts/{account}/{path}", form)
        assert status == 409, text_of(page)
    assert balance() - before == 4 * NANO
    operator.do(f"/ops/accounts/{account}/adjust", {"amount": "4", "direction": "take"}, reason="as it was")


def test_a_price_that_was_changed_meanwhile_is_looked_at_again(site: PortalSite, operator: Operator) -> None:
    ours = {"model": "echo/embed", "price_list": "", "input": "2", "reason": "ours"}
    try:
        ours["state"] = hidden(operator.read("/ops/prices/edit?model=echo/embed&input=2"), "state")
        operator.do("/ops/prices/edit", {"model": "echo/embed", "input": "5"}, reason="another operator's")
        status, _, page = operator.post("/ops/prices/edit", ours)
        assert status == 409 and "This was changed since the page was opened" in text_of(page)
        with office_of(site) as office:
            price = show_price_of(office, "echo/embed").found.price
        assert price is not None and price.input == 5 * NANO
        operator.do("/ops/prices/edit", {**ours, "state": hidden(page, "state")})
        with office_of(site) as office:
            price = show_price_of(office, "echo/embed").found.price
        assert price is not None and price.input == 2 * NANO
    finally:
        operator.do("/ops/prices/remove", {"model": "echo/embed", "price_list": ""})


def test_limits_that_were_changed_meanwhile_are_not_written_over(operator: Operator, account: str) -> None:
    path = f"/ops/accounts/{account}/set-limits"
    state = hidden(operator.read(path), "state")
    try:
        operator.do(path, {"requests_per_minute": "7"}, reason="another operator's")
        status, _, page = operator.post(path, {"concurrent": "3", "reason": "ours", "state": state})
        assert status == 409 and "This was changed" in text_of(page) and 'value="3"' in page, "what was typed is kept"
        assert 'value="7"' in operator.read(path), "and theirs stays"
        operator.do(path, {"concurrent": "3", "state": hidden(page, "state")})
        assert 'value="7"' not in operator.read(path)
    finally:
        operator.do(path)


def test_a_tier_that_was_changed_meanwhile_is_not_written_over(
    site: PortalSite, operator: Operator, account: str
) -> None:
    path = f"/ops/accounts/{account}/tier"
    state = hidden(operator.read(path), "state")
    site.gateway.router("limits", "set", "--tier", "gold", "--concurrent", "3")
    site.gateway.router("accounts", "tier", account, "gold")
    try:
        status, _, page = operator.post(path, {"chosen": "", "reason": "ours", "state": state})
        assert status == 409 and "This was changed" in text_of(page)
        with office_of(site) as office:
            assert show_account(office, account).account.tier == "gold"
    finally:
        site.gateway.router("accounts", "tier", account, "none")


@pytest.mark.parametrize("what", ["limits", "tier", "price list", "price"])
def test_of_two_forms_that_are_sent_at_once_one_is_taken(operator: Operator, account: str, what: str) -> None:
    operator.do("/ops/prices/edit", {"model": "echo/embed", "price_list": "vip", "input": "9"})
    operator.site.gateway.router("limits", "set", "--tier", "gold", "--concurrent", "3")
    price = "/ops/prices/edit?model=echo/embed&input=4"
    path, fields, again = {
        "limits": (f"/ops/accounts/{account}/set-limits", {"concurrent": "8"}, {"concurrent": ""}),
        "tier": (f"/ops/accounts/{account}/tier", {"chosen": "gold"}, {"chosen": ""}),
        "price list": (f"/ops/accounts/{account}/price-list", {"chosen": "vip"}, {"chosen": ""}),
        "price": (price, {"model": "echo/embed", "input": "4"}, {"model": "echo/embed", "input": "3"}),
    }[what]
    taken = []
    for form in (fields, again) * 3:
        state = {"state": hidden(operator.read(path), "state")}
        taken.append(sorted(_at_once(operator, path.partition("?")[0], {**form, **state})))
    operator.do("/ops/prices/remove", {"model": "echo/embed", "price_list": "vip"})
    if what == "price":
        operator.do("/ops/prices/remove", {"model": "echo/embed", "price_list": ""})
    assert taken == [[303, 409]] * 6


def _at_once(operator: Operator, path: str, form: Mapping[str, str]) -> list[int]:
    """The statuses of a form that is sent twice at one moment."""
    start = Barrier(2)

    def send(reason: str) -> int:
        start.wait()
        return operator.post(path, {**form, "reason": reason})[0]

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(send, ("in one tab", "in another")))
