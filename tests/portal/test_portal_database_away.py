"""A database that is away: pages say so in the customer's words, nothing is half done, and all comes back by itself."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from own_postgres import OwnServer, own_postgres
from portal_site import PASSWORD, Client, Heard, PortalSite, start_portal

from router.store.migrating import migrate
from router.store.opening import open_database

pytestmark = pytest.mark.slow

SAID = "The database does not answer. Nothing was changed; try again in a minute."
ANSWERED_S = 25.0
"""A read and a claim of a connection have 5 s each; the rest is for a busy machine."""
BACK_S = 30.0
PAGES = (
    "/app/",
    "/app/keys",
    "/app/logs",
    "/app/usage",
    "/app/transactions",
    "/app/team",
    "/app/settings",
    "/app/signup",
)
FORMS = {
    "/app/keys/new": {"name": "while away"},
    "/app/team/invite": {"email": "guest@example.org", "role": "viewer"},
    "/app/login": {"email": "ada@example.org", "password": PASSWORD},
    "/app/signup": {"email": "new@example.org", "password": PASSWORD, "name": ""},
    "/app/reset": {"email": "ada@example.org"},
    "/app/logout": {},
}


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with own_postgres() as running:
        yield running


@pytest.fixture(scope="module")
def site(server: OwnServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalSite]:
    folder = tmp_path_factory.mktemp("away")
    with closing(open_database(server.url, folder)) as database:
        migrate(database)
    config = {"database": {"url": server.url}}
    with start_portal(folder, profile="nexgate", config=config, proof_of_work=False) as running:
        yield running
        assert running.gateway.router("ledger", "verify")["ok"] is True


@pytest.fixture(scope="module")
def ada(site: PortalSite) -> Client:
    client = Client(site)
    client.sign_up(name="Ada")
    assert client.post("/app/keys/new", {"name": "before"})[0] == 201
    return client


def keys_of(client: Client) -> list[str]:
    status, _, text = client.get("/app/keys?show=all")
    assert status == 200, text
    return re.findall(r'href="/app/keys/(key_\w+)"', text)


def back(client: Client) -> None:
    """Wait until pages come again."""
    deadline = time.monotonic() + BACK_S
    while client.get("/app/")[0] != 200:
        assert time.monotonic() < deadline, "pages did not come back by themselves"
        time.sleep(0.2)


def check_away(heard: Heard, took_s: float) -> None:
    status, headers, text = heard
    assert (status, headers["Retry-After"], headers["Cache-Control"]) == (503, "60", "no-store"), text
    assert SAID in text and "req_" in text and "Try again" in text
    lowered = text.lower()
    assert not [word for word in ("postgres", "sqlite", "traceback", "psycopg", "/tmp") if word in lowered]
    assert took_s < ANSWERED_S


def test_pages_say_so_while_there_is_no_server(site: PortalSite, server: OwnServer, ada: Client) -> None:
    before = keys_of(ada)
    with server.stopped():
        for path in PAGES:
            started = time.monotonic()
            check_away(ada.get(path), time.monotonic() - started)
        for path, fields in FORMS.items():
            started = time.monotonic()
            check_away(ada.post(path, fields), time.monotonic() - started)
        status, headers, text = ada.get("/api/balance")
        assert (status, headers["Content-Type"], headers["Retry-After"]) == (503, "application/json", "60")
        assert json.loads(text)["error"]["code"] == "database_unavailable"
        assert site.ask("/healthz")[0] == 200, "it is no reason to kill the portal"
    back(ada)
    assert keys_of(ada) == before, "nothing was half done, and who was logged in still is"
    assert ada.post("/app/keys/new", {"name": "after"})[0] == 201
    assert len(keys_of(ada)) == len(before) + 1
    assert site.mails("guest@example.org") == [] == site.mails("new@example.org")


def test_pages_say_so_while_the_server_is_frozen(server: OwnServer, ada: Client) -> None:
    before = keys_of(ada)
    with server.frozen():
        for ask in (lambda: ada.get("/app/usage"), lambda: ada.post("/app/keys/new", {"name": "frozen"})):
            started = time.monotonic()
            check_away(ask(), time.monotonic() - started)
    back(ada)
    assert keys_of(ada) == before


def test_with_sqlite_pages_are_read_while_another_process_writes(tmp_path: Path) -> None:
    with start_portal(tmp_path, proof_of_work=False) as site:
        ada = Client(site)
        ada.sign_up(name="Ada")
        with contextlib.closing(sqlite3.connect(tmp_path / "router.db", isolation_level=None, timeout=10)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert {ada.get(path)[0] for path in PAGES if path != "/app/signup"} == {200}
            started = time.monotonic()
            check_away(ada.post("/app/keys/new", {"name": "while away"}), time.monotonic() - started)
            other.execute("ROLLBACK")
        assert keys_of(ada) == []
        assert ada.post("/app/keys/new", {"name": "after"})[0] == 201
        assert len(keys_of(ada)) == 1
