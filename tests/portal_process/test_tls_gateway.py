"""A whole gateway and its portal by HTTPS of their own: clients, commands, cookies, the playground's way in."""

from __future__ import annotations

import http.client
import json
import signal
import ssl
import subprocess
import warnings
from collections.abc import Iterator

import openai
import pytest
from certificates import make_pair
from waiting import until

from router.cli.support.doctor_checks import check_port
from router.config.file import load_settings
from router.config.tls import local_trust
from router.portal.web.gateway import GatewayCaller, gateway_url
from router.testing.gateway import CommandFailed, Gateway, free_port

pytestmark = pytest.mark.slow

MESSAGES = [{"role": "user", "content": "Hello, gateway"}]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("tls")
    make_pair(folder, hosts=("localhost", "127.0.0.1"))
    config = {"server": {"tls_cert": "server.crt", "tls_key": "server.key", "node": "alpha"}}
    env = {"ROUTER_MASTER_KEY": "a-master-key-for-these-tests"}
    with Gateway(folder, config=config, portal=True, billing=False, env=env) as running:
        until(lambda: _page(running) is not None, "the portal is up")
        yield running


def _page(gateway: Gateway) -> tuple[int, http.client.HTTPMessage] | None:
    trust = ssl.create_default_context(cafile=str(gateway.folder / "server.crt"))
    connection = http.client.HTTPSConnection("localhost", gateway.portal_port, timeout=10, context=trust)
    try:
        connection.request("GET", "/app/login", headers={"Accept": "text/html"})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers
    except OSError:
        return None
    finally:
        connection.close()


def test_a_client_that_trusts_the_authority_is_served(gateway: Gateway) -> None:
    trust = ssl.create_default_context(cafile=str(gateway.folder / "server.crt"))
    with openai.DefaultHttpxClient(verify=trust) as http:
        for options in ({}, {"extra_body": {"stream": True}}):
            client = gateway.client(http_client=http).with_raw_response.chat.completions
            answer = client.create(model="echo/echo", messages=[{"role": "user", "content": "Hello"}], **options)
            assert "Hello" in answer.text


def test_commands_find_it_by_its_certificate(gateway: Gateway) -> None:
    """It is for another name than that under which they ask, and no authority of the system's has signed it."""
    place = ("--url", gateway.url, "--api-key", gateway.api_key)
    with pytest.raises(CommandFailed, match="SSLError"):
        gateway.router("chat", "echo/echo", "Hello", *place)
    gateway.configure({"server": {"port": gateway.port}})
    assert "Hello" in gateway.router("chat", "echo/echo", "Hello", "--api-key", gateway.api_key)["text"]
    for ready in ((), ("--ready",)):
        assert gateway.router("health", *ready) == {
            "ok": True,
            "url": f"{gateway.url}/{'readyz' if ready else 'healthz'}",
            "status": 200,
        }
    findings = gateway.router("doctor")["findings"]
    assert [one["state"] for one in findings if one["check"] == "tls"] == ["ok"]
    served = [one["detail"] for one in findings if one["check"] == "port"]
    assert served[0].startswith("a gateway is serving") and served[1].startswith("a portal is serving")


def test_the_doctor_asks_the_gateway_and_not_the_shell(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(gateway._env, "ROUTER_MASTER_KEY")
    gateway.configure({"server": {"port": gateway.port}})
    found = [one["detail"] for one in gateway.router("doctor")["findings"]]
    assert not any("second factor" in one for one in found)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a certificate that is for another name
        (seen,) = check_port("127.0.0.1", gateway.port, scheme="https")
    assert seen.detail.startswith("a gateway is serving")


def test_the_portal_is_of_the_gateways_node(gateway: Gateway) -> None:
    def listed() -> bool:
        nodes = gateway.router("nodes", "list")
        return [(one["node"], one["workers"], one["started_at"] is None) for one in nodes] == [("alpha", 2, False)]

    until(listed, "both processes have told of themselves")


def test_pages_are_for_browsers_with_tls(gateway: Gateway) -> None:
    found = _page(gateway)
    assert found is not None and found[0] == 200
    assert found[1]["Strict-Transport-Security"] == "max-age=31536000"
    log = gateway.log_path.read_text()
    assert f"The gateway serves at {gateway.url}" in log
    assert f"The portal is at https://127.0.0.1:{gateway.portal_port}" in log
    made = gateway.router("people", "operator", "ada@example.com")
    assert made["link"].startswith(f"https://127.0.0.1:{gateway.portal_port}/app/t/")


def test_the_playground_finds_the_gateway(gateway: Gateway) -> None:
    gateway.configure({"server": {"port": gateway.port}})
    settings = load_settings(gateway.config_path, {})
    caller = GatewayCaller(gateway_url(settings), local_trust(settings))
    body = json.dumps({"model": "echo/echo", "messages": MESSAGES}).encode()
    answer = caller.post("/chat/completions", gateway.api_key, body)
    assert answer is not None and answer.status == 200 and b"Hello, gateway" in b"".join(answer)
    caller.close()


def test_a_renewal_reaches_the_portal_as_well(gateway: Gateway) -> None:
    make_pair(gateway.folder)  # trusted from now on in place of the first
    subprocess.run(["kill", f"-{signal.SIGHUP.value}", str(gateway.pid)], check=True)
    until(lambda: _page(gateway) is not None, "the portal has the new certificate")


def test_what_is_not_well_is_told(gateway: Gateway) -> None:
    with pytest.raises(CommandFailed, match="does not answer"):
        gateway.router("health", "--url", f"https://127.0.0.1:{free_port()}")
    with pytest.raises(CommandFailed, match=r"answers with 400.*https_required"):
        gateway.router("health", "--url", gateway.url.replace("https", "http"))
    make_pair(gateway.folder, days=(-9, -1))
    with pytest.raises(CommandFailed, match="expired on"):
        gateway.router("config", "check")
