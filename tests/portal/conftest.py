"""NexGate's portal with a scripted provider behind its gateway, once for each module of tests."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from customer_kit import Scene
from portal_site import Client, start_portal

from router.testing import ScriptedUpstream

_LIMITS = {
    "requests_per_minute": 1000,
    "account": {"spend_per_day": "50"},
    "tiers": {
        "gold": {"requests_per_minute": 6000, "account": {"spend_per_day": "500"}},
        "platinum": {"after": "gold", "days": 1000, "paid": "100", "requests_per_minute": 9000},
    },
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with ScriptedUpstream() as upstream:
        config = {
            "providers": {"openai": {"base_url": upstream.url, "api_key": "sk-upstream", "on_disconnect": "cancel"}},
            "limits": _LIMITS,
            "gateway": {"only_offers": True},
        }
        folder = tmp_path_factory.mktemp("customers")
        with start_portal(folder, profile="nexgate", config=config, proof_of_work=False) as site:
            yield _peopled(Scene(site, upstream, Client(site), Client(site), Client(site), "", ""))


def _peopled(scene: Scene) -> Scene:
    scene.owner.sign_up(name="Olga")
    for role, client in (("developer", scene.developer), ("viewer", scene.viewer)):
        email = scene.site.new_address(role)
        assert scene.owner.post("/app/team/invite", {"email": email, "role": role})[0] == 303
        link = scene.site.next_link(email).removeprefix(scene.site.url)
        assert client.post(link, {"password": "a sentence for a member of a team"})[0] == 303
    status, _, text = scene.owner.post("/app/keys/new", {"name": "=1+1 <b>bold</b>"})
    assert status == 201, text
    found = re.search(r'id="new-key"[^>]*value="([^"]+)"', text)
    account = re.search(r"acct_\w+", scene.owner.get("/app/topup")[2])
    assert found is not None and account is not None
    scene.key, scene.account = found[1], account[0]
    return scene
