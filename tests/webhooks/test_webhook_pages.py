"""Webhooks by their pages and by real processes: made, tested, told, sent again, changed, taken away."""

from __future__ import annotations

import html
import os
import re
import signal
import time
from collections.abc import Iterator

import psutil
import pytest
from portal_site import Client, PortalSite, start_portal
from waiting import until
from webhooks_kit import Receiver

pytestmark = pytest.mark.slow

CONFIG = {"webhooks": {"allow_loopback": True, "timeout_s": 2.0}}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalSite]:
    with start_portal(tmp_path_factory.mktemp("hooks"), proof_of_work=False, config=CONFIG) as running:
        yield running


@pytest.fixture(scope="module")
def owner(site: PortalSite) -> Client:
    made = Client(site)
    made.sign_up(name="Olga")
    return made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def make(client: Client, url: str, **fields: str) -> tuple[str, str]:
    """A new webhook: its ID, and its secret."""
    status, _, text = client.post("/app/webhooks/new", {"url": url, **fields})
    assert status == 201, text
    return found(r"/app/webhooks/(hook_\w+)", text), html.unescape(found(r'value="(whsec_[^"]+)"', text))


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text[-3000:]
    return match[1]


def account_of(site: PortalSite, client: Client) -> str:
    hooks = site.gateway.router("webhooks", "list")
    return str(hooks[-1]["account"])


def test_the_life_of_a_webhook(site: PortalSite, owner: Client, receiver: Receiver) -> None:
    _, _, empty = owner.get("/app/webhooks")
    assert "There are no webhooks yet" in empty
    events = {"event-credit.added": "true", "event-balance.low": "true"}
    hook, secret = make(owner, f"{receiver.url}/in", about="books", low="50%", **events)
    page = f"/app/webhooks/{hook}"
    status, _, text = owner.get(page)
    assert status == 200 and "Nothing was sent yet" in text and secret not in text
    assert owner.post(f"{page}/test")[0] == 303
    test = until(lambda: receiver.nth(0))
    assert test.verified(secret)["type"] == "webhook.test"
    until(lambda: "badge ok" in owner.get(page)[2].split("What was sent")[1])

    account = account_of(site, owner)
    site.gateway.router("credits", "grant", account, "10", "--reason", "for the tests")
    told = until(lambda: receiver.nth(1))
    event = told.verified(secret)
    assert (event["type"], event["data"]["amount"], event["data"]["account"]) == ("credit.added", "10.00", account)

    delivery = found(r'name="delivery" value="(whd_\w+)"', owner.get(page)[2])
    assert owner.post(f"{page}/resend", {"delivery": delivery})[0] == 303
    again = until(lambda: receiver.nth(2))
    assert (again.id, again.event) == (told.id, told.event)
    assert owner.post(f"{page}/resend", {"delivery": "whd_unknown"})[0] == 404

    status, _, text = owner.post(f"{page}/rotate", {"overlap": "3600"})
    new = html.unescape(found(r'value="(whsec_[^"]+)"', text))
    owner.post(f"{page}/test")
    signed = until(lambda: receiver.nth(3))
    assert signed.verified(secret) == signed.verified(new)

    status, _, text = owner.post(page, {"url": "https://10.0.0.1/", "about": "x"})
    assert status == 422 and "not a public address" in text
    assert owner.post(page, {"url": f"{receiver.url}/new", "about": "new", "event-payment.failed": "true"})[0] == 303
    assert "payment.failed" in str(site.gateway.router("webhooks", "list"))
    assert owner.post(f"{page}/disable")[0] == 303
    status, _, text = owner.post(f"{page}/test")
    assert status == 409 and "switch it on" in text
    assert owner.post(f"{page}/enable")[0] == 303
    assert owner.post(f"{page}/delete")[0] == 303
    assert owner.get(page)[0] == 404
    log = site.gateway.log_path.read_text()
    assert secret not in log and new not in log


def test_too_many_test_events_are_refused_in_words(owner: Client, receiver: Receiver) -> None:
    hook, _ = make(owner, f"{receiver.url}/many", about="many")
    page = f"/app/webhooks/{hook}"
    assert {owner.post(f"{page}/test")[0] for _ in range(10)} == {303}
    status, headers, text = owner.post(f"{page}/test")
    assert status == 429 and "Too many attempts: try again in" in text and "Send a test event" in text
    assert 3500 < int(headers["Retry-After"]) <= 3600
    assert owner.post(f"{page}/delete")[0] == 303


def test_what_an_operator_sees_and_does(site: PortalSite, owner: Client, receiver: Receiver) -> None:
    receiver.answer = lambda path: 503
    hook, _ = make(owner, f"{receiver.url}/private-token", about="ops")
    router, page = site.gateway.router, f"/app/webhooks/{hook}"
    router("webhooks", "test", hook)
    until(lambda: "answered 503" in owner.get(page)[2])
    [row] = router("webhooks", "deliveries", "--webhook", hook)
    assert (row["status"], row["code"], row["error"]) == ("due", 503, "answered 503")
    receiver.answer = lambda path: 200
    router("webhooks", "resend", row["id"])
    until(lambda: "badge ok" in owner.get(page)[2].split("What was sent")[1])
    router("webhooks", "disable", hook)
    [listed] = [one for one in router("webhooks", "list") if one["id"] == hook]
    assert (listed["status"], listed["about"]) == ("disabled", "ops") and "secret" not in listed
    assert "private-token" not in str(router("audit", "show", "--limit", "20"))


def test_forms_that_are_wrong(owner: Client) -> None:
    for url, why in (("", "Please look"), ("ftp://example.com/", "no URL"), ("https://localhost\t/", "no blanks")):
        status, _, text = owner.post("/app/webhooks/new", {"url": url})
        assert status == 422 and why in text
    status, _, text = owner.post("/app/webhooks/new", {"url": "https://example.com/", "low": "often"})
    assert status == 422 and "often" in text


@pytest.mark.soak
def test_a_worker_that_is_killed_in_the_midst_of_sending(site: PortalSite, owner: Client, receiver: Receiver) -> None:
    """What it was sending comes again, under the same ID, and is shown as sent."""
    receiver.answer = lambda path: 200 if time.sleep(1.5) is None else 500
    hook, _ = make(owner, f"{receiver.url}/killed")
    owner.post(f"/app/webhooks/{hook}/test")
    until(lambda: receiver.heard)
    for worker in psutil.Process(site.gateway.pid).children(recursive=True):
        if "router.server.worker" in " ".join(worker.cmdline()):
            os.kill(worker.pid, signal.SIGKILL)
    until(lambda: len(receiver.heard) > 1, limit_s=90)
    assert len(set(receiver.ids())) == 1
    until(lambda: site.gateway.router("webhooks", "deliveries", "--webhook", hook)[0]["status"] == "sent", limit_s=30)
