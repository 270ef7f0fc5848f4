"""A test call of a provider: from the console where its process has the keys, else it says which command makes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ops_kit import Operator, text_of
from portal_site import PortalSite, start_portal

from router.testing import Answer, ScriptedUpstream

pytestmark = pytest.mark.slow

SECRET = "sk-upstream-secret"


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream) -> Iterator[Operator]:
    """An operator of a portal that the gateway's own workers serve."""
    far = {"kind": "compatible", "base_url": upstream.url, "api_key": SECRET, "unlisted": True}
    folder = tmp_path_factory.mktemp("keyed")
    with start_portal(folder, config={"providers": {"far": far}}, workers=0, proof_of_work=False) as running:
        yield Operator(running).become()


def test_a_worker_of_the_gateway_makes_it(keyed: Operator, upstream: ScriptedUpstream) -> None:
    assert "Make one" in keyed.read("/ops/providers/far") and "None was made" in keyed.read("/ops/providers/far")
    assert "fraction of a cent" in keyed.read("/ops/providers/far/test")
    status, _, page = keyed.post("/ops/providers/far/test", {"reason": "a new account"})
    assert status == 400 and "has no list of models" in page
    keyed.do("/ops/providers/far/test", {"model": "tiny"}, reason="a new account")
    page = text_of(keyed.read("/ops/providers/far"))
    assert "The last one was made" in page and "OK tiny, status 200" in page
    upstream.script(Answer.error(401, "No such key <b>."))
    keyed.do("/ops/providers/far/test", {"model": "tiny"})
    page = keyed.read("/ops/providers/far")
    assert "auth" in text_of(page) and "No such key &lt;b&gt;." in page and SECRET not in page
    entry = keyed.site.gateway.router("audit", "show", "--limit", "1")[0]
    assert (entry["action"], entry["subject"], entry["detail"]["reason"]) == ("providers test", "far", "as a test")
    assert keyed.get("/ops/providers/none/test")[0] == 404


def test_a_process_without_keys_says_which_command_does(site: PortalSite, operator: Operator) -> None:
    page = text_of(operator.read("/ops/providers/echo"))
    assert "router providers test echo" in page and "Make one" not in page
    assert "router providers test echo" in operator.read("/ops/providers/echo/test")
    status, _, text = operator.post("/ops/providers/echo/test", {"reason": "as a test"})
    assert status == 409 and "router providers test echo" in text
    assert site.gateway.router("providers", "test", "echo")["ok"]
