"""Paying in a real browser: out by a link and back, one payment of a double click, and how the pages look."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from paying_site import Install, Paying, seen, start_paying
from portal_kit import Visitor
from portal_site import PortalSite

pytestmark = pytest.mark.slow

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True},
}


@pytest.fixture(scope="module")
def paying(tmp_path_factory: pytest.TempPathFactory, install: Install) -> Iterator[Paying]:
    with start_paying(tmp_path_factory.mktemp("paying"), install) as made:
        yield made


@pytest.fixture(scope="module")
def portal(paying: Paying) -> PortalSite:
    return paying.site


@pytest.fixture(scope="module", autouse=True)
def shop(paying: Paying) -> Iterator[str]:
    """The page elsewhere on which one pays: a link leads back."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            back = f"{paying.site.url}/app/topup{self.path}"
            body = f'<!doctype html><link rel="icon" href="data:,"><a id="back" href="{back}">Back</a>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    url = f"http://127.0.0.1:{server.server_port}"
    paying.folder.joinpath("url").write_text(url + "/{topup}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield url
    server.shutdown()
    thread.join()
    server.server_close()


def quiet(visitor: Visitor, shop: str) -> None:
    """Going to the shop is no noise: it is where the person was led."""
    visitor.noise[:] = [one for one in visitor.noise if not one.startswith(f"a request to {shop}")]


def choose(visitor: Visitor, amount: str) -> None:
    visitor.go("/app/topup")
    visitor.page.fill("#amount-card", amount)
    visitor.page.press("#amount-card", "Enter")
    visitor.page.wait_for_selector("text=You are credited")


def test_a_double_click_is_one_payment_and_the_page_turns_by_itself(
    visitor: Visitor, paying: Paying, shop: str
) -> None:
    visitor.sign_up()
    before = len(paying.started())
    choose(visitor, "12,5")
    assert "$13.00" in visitor.page.inner_text("dl.pairs") and "$0.50" in visitor.page.inner_text("dl.pairs")
    visitor.page.dblclick("main form button.primary")
    visitor.page.wait_for_url(f"{shop}/top_*")
    assert len(paying.started()) - before == 1
    made = paying.started()[-1]
    visitor.page.click("#back")
    visitor.page.wait_for_selector("text=Waiting for your payment")
    assert visitor.page.url == f"{visitor.site.url}/app/topup/{made}"
    assert visitor.page.inner_text("#side-balance") == "$5.00"
    paying.folder.joinpath(made).write_text("paid")
    visitor.page.wait_for_selector("text=$12.50 was credited")
    assert visitor.page.inner_text("#side-balance") == "$17.50"
    quiet(visitor, shop)


def test_whoever_comes_back_by_the_browser_stays(visitor: Visitor, paying: Paying, shop: str) -> None:
    visitor.sign_up()
    choose(visitor, "10")
    visitor.page.click("main form button.primary")
    visitor.page.wait_for_url(f"{shop}/top_*")
    visitor.page.go_back()
    visitor.page.wait_for_timeout(500)
    assert visitor.page.url.startswith(f"{visitor.site.url}/app/topup/")
    visitor.go(f"/app/topup/{paying.started()[-1]}")
    assert visitor.page.locator("text=Go on to pay").is_visible()
    quiet(visitor, shop)


def test_two_tabs_are_two_payments(visitor: Visitor, paying: Paying, shop: str) -> None:
    visitor.sign_up()
    before = len(paying.started())
    second = visitor.context.new_page()
    choose(visitor, "10")
    second.goto(f"{visitor.site.url}/app/topup/review?method=card&amount=20")
    visitor.page.click("main form button.primary")
    visitor.page.wait_for_url(f"{shop}/top_*")
    second.click("main form button.primary")
    second.wait_for_url(f"{shop}/top_*")
    first, other = paying.started()[before:]
    assert (paying.row(first).credit_nano, paying.row(other).credit_nano) == (10 * 10**9, 20 * 10**9)
    quiet(visitor, shop)


def test_without_script_there_are_links(another: Callable[..., Visitor], paying: Paying, shop: str) -> None:
    person = another(java_script_enabled=False)
    person.sign_up()
    choose(person, "10")
    person.page.click("main form button.primary")
    person.page.wait_for_selector("text=Go on to pay")
    made = paying.started()[-1]
    assert person.page.url == f"{person.site.url}/app/topup/{made}?go=1"
    person.page.click("text=Go on to pay")
    person.page.wait_for_url(f"{shop}/{made}")
    person.page.click("#back")
    paying.folder.joinpath(made).write_text("paid")
    person.page.click("text=Look again")
    person.page.wait_for_selector("text=$10.00 was credited")
    quiet(person, shop)


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_of_paying_is_accessible_and_fits(
    another: Callable[..., Visitor], paying: Paying, shots: Path, look: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    person = another(bypass_csp=True, **LOOKS[look])
    person.sign_up(name="Ada Lovelace")
    faults: list[str] = []
    for name, path in _made_ready(person, paying).items():
        person.go(path)
        person.page.screenshot(path=shots / f"paying-{look}-{name}.png", full_page=True)
        found = Axe().run(person.page, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        faults += [f"{path}: {one['id']}: {one['nodes'][0]['html'][:160]}" for one in serious]
        wide = person.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            faults.append(f"{path} is {wide} px wider than the screen")
    assert not faults, "\n".join(faults)


def _made_ready(person: Visitor, paying: Paying) -> dict[str, str]:
    """The pages there are to look at, with something on each."""

    def begun(save: bool = False) -> str:
        person.go("/app/topup/review?method=card&amount=123.5")
        if save:
            person.page.check("input[name=save]")
        form = person.page.locator("main form")
        fields = form.evaluate("form => Object.fromEntries(new FormData(form))")
        told = person.context.request.post(
            f"{person.site.url}/app/topup/pay", form=fields, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert told.ok, told.text()
        return paying.started()[-1]

    paid, waits, lost = begun(save=True), begun(), begun()
    paying.folder.joinpath(paid).write_text("paid")
    paying.folder.joinpath(lost).write_text("Your bank declined the card.")
    for one in (paid, lost):
        person.go(f"/app/topup/{one}")
    person.go("/app/topup/deposit/chain")
    person.page.click("main form button.primary")
    address = person.page.input_value("#deposit-address")
    paying.tell("chain", seen(address, f"tx-{address}", 3))
    return {
        "topup": "/app/topup",
        "review": "/app/topup/review?method=card&amount=12.5",
        "refused": "/app/topup/review?method=card&amount=0",
        "waits": f"/app/topup/{waits}",
        "paid": f"/app/topup/{paid}",
        "lost": f"/app/topup/{lost}",
        "topups": "/app/topups",
        "receipt": f"/app/topup/{paid}/receipt",
        "deposit": "/app/topup/deposit/chain",
        "automatic": "/app/topup/automatic",
        "transactions": "/app/transactions",
    }
