"""A portal without workers of its own: the gateway's serve it, beside calls and NexGate's own lists."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator, Mapping

import pytest
from portal_site import Client, PortalSite, start_portal

from router.testing import ScriptedUpstream

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalSite]:
    with ScriptedUpstream() as upstream:
        config = {
            "providers": {"openai": {"base_url": upstream.url, "api_key": "sk-upstream"}},
            "gateway": {"only_offers": True},
        }
        folder = tmp_path_factory.mktemp("one")
        with start_portal(folder, profile="nexgate", config=config, proof_of_work=False, workers=0) as running:
            yield running


@pytest.fixture(scope="module")
def owner(site: PortalSite) -> Client:
    client = Client(site)
    client.sign_up(name="Olga")
    return client


def test_pages_calls_and_lists_have_one_port(site: PortalSite, owner: Client) -> None:
    assert urllib.parse.urlsplit(site.url).port == site.gateway.port
    assert "Usage" in owner.get("/app/usage")[2]
    status, headers, _ = owner.get("/models", Accept="text/html,*/*")
    assert (status, headers["Location"]) == (303, "/app/models")
    assert isinstance(json.loads(owner.get("/models")[2]), list)
    assert isinstance(json.loads(owner.get("/api/models")[2]), list)
    assert owner.get("/api/health")[0] == 200


def test_the_account_api_is_beside_the_gateways_own(site: PortalSite, owner: Client) -> None:
    assert json.loads(owner.get("/api/me")[2])["name"] == "Olga"
    status, _, text = Client(site).get("/api/balance")
    assert (status, json.loads(text)["error"]["code"]) == (401, "no_session")
    assert owner.get("/api/v1/models")[0] == 401  # a session stands in for no key


def test_the_playground_calls_the_gateway_that_serves_it(site: PortalSite, owner: Client) -> None:
    cookie = "; ".join(f"{name}={text}" for name, text in owner.cookies.items())
    sent: Mapping[str, str] = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    status, _, text = site.ask("/app/play/chat", json.dumps(body).encode("ascii"), sent)
    assert status == 200 and text.rstrip().endswith("data: [DONE]"), text
