"""The real portal in its real processes: beside the gateway, within it, and without any provider's key."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from portal_machine import memory_of
from waiting import until

from router.testing.gateway import Gateway
from router.testing.upstream import ScriptedUpstream

pytestmark = pytest.mark.slow

KEY = "sk-of-a-provider-5c1f7720e6"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


class Answer(NamedTuple):
    """One response."""

    status: int
    headers: Mapping[str, str]
    text: str


def get(port: int, path: str, headers: Mapping[str, str] = BROWSER) -> Answer:
    connection = http.client.HTTPConnection("localhost", port, timeout=10)
    try:
        connection.request("GET", path, headers={**headers, "Connection": "close"})
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, told, answer.read().decode("utf-8", "replace"))
    finally:
        connection.close()


def is_up(port: int) -> bool:
    try:
        return get(port, "/healthz").status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with its portal, and a provider with a key."""
    with (
        ScriptedUpstream() as upstream,
        Gateway(
            tmp_path_factory.mktemp("beside"),
            providers={"openai": {"base_url": upstream.url, "api_key": KEY}},
            env={"ROUTER_MASTER_KEY": "a-master-key-for-these-tests"},
            portal=True,
        ) as gateway,
    ):
        until(lambda: is_up(gateway.portal_port), "the portal is up")
        yield gateway


@pytest.fixture(scope="module")
def within(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose own workers serve the portal."""
    config = {"portal": {"workers": 0}}
    with Gateway(tmp_path_factory.mktemp("within"), portal=True, config=config, billing=False) as gateway:
        yield gateway


def test_the_portal_shows_its_pages_at_its_own_port_alone(beside: Gateway) -> None:
    root = get(beside.portal_port, "/")
    assert (root.status, root.headers["location"]) == (303, "/app/")
    page = get(beside.portal_port, "/app/login")
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert get(beside.port, "/app/login").status == 404
    assert get(beside.portal_port, "/v1/models").status == 404


def test_its_workers_hold_no_providers_key(beside: Gateway) -> None:
    get(beside.portal_port, "/app/login")
    master = psutil.Process(beside.pid)
    portal = next(one for one in master.children() if "router.server.companion_process" in one.cmdline())
    processes = [portal, *portal.children()]
    assert len(processes) == 2
    try:
        assert [one.pid for one in processes if KEY.encode() in memory_of(one.pid)] == []
    except PermissionError:
        pytest.skip("this user may not look into other processes' memory")


def test_the_gateways_workers_serve_the_pages_where_the_portal_has_none(within: Gateway) -> None:
    assert not is_up(within.portal_port)
    page = get(within.port, "/app/login")
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    assert (get(within.port, "/").status, get(within.port, "/").headers["location"]) == (303, "/app/")
    assert get(within.port, "/", {"Accept": "application/json"}).headers["content-type"] == "application/json"
    assert get(within.port, "/ops/").status in (303, 404)
    answer = within.client().chat.completions.create(
        model="echo/echo", messages=[{"role": "user", "content": "Hello, gateway"}]
    )
    assert "Hello, gateway" in str(answer.choices[0].message.content)


def test_an_upgrade_that_nobody_heeds_does_no_harm(within: Gateway, beside: Gateway) -> None:
    upgrade = {**BROWSER, "Upgrade": "websocket"}
    assert get(within.port, "/app/login", upgrade).status == 200
    assert get(beside.portal_port, "/app/login", upgrade).status == 200


def test_serve_announces_where_the_portal_is(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, portal=True, start=False)
    command = [*gateway._command, "--json", "serve", "--workers", "1", "--port", str(gateway.port)]
    log = gateway.log_path.open("w")
    process = subprocess.Popen(command, cwd=tmp_path, env=gateway._env, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        lines: list[str] = []
        while not lines or lines[-1].rstrip() != "}":
            lines.append(process.stdout.readline())
        told: dict[str, Any] = json.loads("".join(lines))
        assert told["url"] == gateway.url and told["portal"] == f"http://127.0.0.1:{gateway.portal_port}"
        until(lambda: is_up(gateway.portal_port), "the portal is up")
        until(lambda: f"The portal is at {told['portal']}" in gateway.log_path.read_text(), "and said to be so")
    finally:
        process.terminate()
        assert process.wait(30) == 0
        log.close()
        assert process.stdout is not None
        process.stdout.close()


def test_a_mail_of_the_log_reaches_the_operator(beside: Gateway) -> None:
    """``router people operator`` writes a mail, and the portal's worker sends it: into the log, as it is set up."""
    made = beside.router("people", "operator", "ada@example.com")
    assert made["link"].startswith(f"http://127.0.0.1:{beside.portal_port}/app/t/")
    ticket = made["link"].rpartition("/")[2]
    until(lambda: ticket in beside.log_path.read_text(), "the mail is in the log")
    page = get(beside.portal_port, f"/app/t/{ticket}")
    assert page.status == 200 and "ada@example.com" in page.text
