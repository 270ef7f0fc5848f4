"""Through the portal's own door: who has no password proves by a mailed link who they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from portal_site import Client, PortalSite, start_portal


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalSite]:
    with start_portal(tmp_path_factory.mktemp("people"), proof_of_work=False) as running:
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
