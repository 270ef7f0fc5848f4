"""Through the portal's own door: free credit, guesses at a password, and the proof of who has none."""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.request
from collections.abc import Iterator

import pytest
from portal_site import Client, PortalSite, start_portal

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalSite]:
    with start_portal(tmp_path_factory.mktemp("people"), profile="nexgate", proof_of_work=False) as running:
        yield running


def without_password(site: PortalSite) -> tuple[Client, str]:
    client, email = Client(site), site.new_address()
    status, _, text = client.post("/app/signup", {"email": email, "password": ""})
    assert status == 200, text
    status, _, text = client.post(site.next_link(email).removeprefix(site.url))
    assert status == 303, text
    return client, email


def long_ago(site: PortalSite) -> None:
    """As if everybody had logged in an hour ago."""
    with sqlite3.connect(site.gateway.folder / "router.db", timeout=30) as database:
        database.execute("UPDATE web_sessions SET stepped_at = stepped_at - 3600")


def test_a_mailed_link_is_the_proof_of_who_has_no_password(site: PortalSite) -> None:
    client, email = without_password(site)
    other, _ = without_password(site)
    key = {"name": "mine"}
    long_ago(site)
    status, _, text = client.post("/app/keys/new", key)
    assert status == 403 and "/app/step-up/link" in text
    status, _, text = client.post("/app/step-up/link", key)
    assert status == 200 and email in text
    link = site.next_link(email).removeprefix(site.url)
    assert "Confirm that it is you" in client.get(link)[2]
    assert other.post(link)[0] == 410, "somebody else's log-in proves nothing by it"
    status, headers, _ = Client(site).post(link)
    assert (status, headers["Location"].partition("?")[0]) == (303, "/app/login")
    before = dict(client.cookies)
    status, headers, _ = client.post(link)
    assert (status, headers["Location"]) == (303, "/app/?said=proved") and client.cookies != before
    assert client.post("/app/keys/new", key)[0] == 201
    assert client.post(link)[0] == 410


def balance_of(site: PortalSite, client: Client) -> dict[str, str]:
    """What a new key of somebody is told of its balance."""
    status, _, page = client.post("/app/keys/new", {"name": "mine"})
    assert status == 201, page
    [key] = set(re.findall(r"\bng-\w{20,}", page))
    asked = urllib.request.Request(f"{site.gateway.url}/user/balance", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        [told] = json.load(answer)["balance_infos"]
    return dict(told)


def test_nexgate_gives_five_once_whatever_the_alias(site: PortalSite) -> None:
    first, second = Client(site), Client(site)
    name = site.new_address("dotty").partition("@")[0]
    first.sign_up(f"{name}@gmail.com")
    told = balance_of(site, first)
    assert (told["currency"], told["total_balance"], told["granted_balance"]) == ("USD", "5.00", "5.00")
    second.sign_up(f"{name[:2]}.{name[2:]}+again@googlemail.com")
    assert balance_of(site, second)["total_balance"] == "0.00"
    assert site.gateway.router("ledger", "verify")["ok"]


def test_guesses_meet_a_wait_for_known_and_unknown_people_alike(site: PortalSite) -> None:
    known = Client(site).sign_up()
    told: list[str] = []
    for email in (known, site.new_address("nobody")):
        client, answers = Client(site), []
        for _ in range(11):
            status, headers, page = client.log_in(email, "not the right sentence at all")
            page = re.sub(r'data-options="[^"]*"', "", page)  # a passkey's challenge is random
            answers.append((status, "Retry-After" in headers, re.sub(r"\d+", "N", page.replace(email, ""))))
        assert [status for status, _, _ in answers] == [401] * 10 + [429]
        assert [waits for _, waits, _ in answers] == [False] * 10 + [True]
        pages = [page for *_, page in answers]
        told = told or pages
        assert pages == told
