"""What three of the four systems ask of their portals, each by its profile alone."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from portal_site import Client, PortalSite, start_portal

pytestmark = pytest.mark.slow


def key_of(client: Client, name: str = "first") -> str:
    """A new key's text."""
    status, _, text = client.post("/app/keys/new", {"name": name})
    found = re.search(r'id="new-key"[^>]*value="([^"]+)"', text)
    assert status == 201 and found is not None, text
    return found[1]


def call(site: PortalSite, key: str) -> int:
    """A chat call's status."""
    request = urllib.request.Request(
        f"{site.gateway.base_url}/chat/completions",
        json.dumps({"model": "echo/echo", "messages": [{"role": "user", "content": "Hello"}]}).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def account_of(site: PortalSite) -> str:
    """The account that was made last."""
    return str(site.gateway.router("accounts", "list")[-1]["id"])


@pytest.mark.row("AG-1", "AG-5", "AG-9")
def test_ai_gateway(tmp_path: Path) -> None:
    with start_portal(tmp_path, profile="aigateway", proof_of_work=False) as site:
        ada = Client(site)
        ada.sign_up(name="Ada")
        site.gateway.router("credits", "grant", account_of(site), "50", "--reason", "a deposit")
        key = key_of(ada)
        assert key.startswith("gw_") and key not in ada.get("/app/keys")[2], "shown once"
        assert call(site, key) == 200
        overview = ada.get("/app/")[2]
        assert "TMT" in overview and 'class="bar"' in overview and "echo/echo" in overview
        assert "TMT" in Client(site).get("/app/models")[2], "prices for everybody, in manat"
        for path in ("/app/transactions", "/app/usage", "/app/topup", "/app/docs"):
            assert ada.get(path)[0] == 200
        assert "50.00" in ada.get("/app/transactions")[2]
        found = re.search(r"/app/keys/(key_\w+)", ada.get("/app/keys")[2])
        assert found is not None
        assert ada.post(f"/app/keys/{found[1]}/revoke", {"confirm": "first"})[0] == 303
        assert call(site, key) == 401


@pytest.mark.row("NX-10")
def test_nexorouter(tmp_path: Path) -> None:
    with start_portal(tmp_path, profile="nexorouter", proof_of_work=False) as site:
        ada = Client(site)
        ada.sign_up()
        site.gateway.router("credits", "grant", account_of(site), "5", "--reason", "a deposit")
        key = key_of(ada)
        assert key.startswith("nx-") and call(site, key) == 200
        logs = ada.get("/app/logs")[2]
        assert "echo/echo" in logs and "Completed" in logs
        found = re.search(r"/app/logs/(req_\w+)", logs)
        assert found is not None
        shown = ada.get(f"/app/logs/{found[1]}")[2]
        assert "Charged" in shown and "first" in shown
        rows = ada.get("/app/logs.csv")[2].splitlines()
        assert len(rows) == 2 and found[1] in rows[1]


@pytest.mark.row("NG-10", "NG-11")
def test_nexgate(tmp_path: Path) -> None:
    with start_portal(tmp_path, profile="nexgate", proof_of_work=False) as site:
        ada = Client(site)
        address = ada.sign_up(site.new_address("a.b"))
        assert "$5.00" in ada.get("/app/")[2]
        assert key_of(ada).startswith("ng-")
        again = Client(site)
        again.sign_up(address.replace("@", "+more@"))
        assert "$5.00" not in again.get("/app/")[2], "once, whatever the alias"
