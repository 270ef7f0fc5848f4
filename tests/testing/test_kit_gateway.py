"""``Gateway``, driven with a stand-in for the CLI: how it starts, fails, stops and cleans up."""

from __future__ import annotations

import os
import signal
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import requests

from router.testing import CommandFailed, Gateway, GatewayFailed

pytestmark = pytest.mark.slow

FAKE = (sys.executable, str(Path(__file__).with_name("fake_router.py")))


def gateway_in(folder: Path, **options: Any) -> Gateway:
    return Gateway(folder, command=FAKE, **options)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(*pids: int) -> None:
    deadline = time.monotonic() + 60
    while any(map(alive, pids)):
        assert time.monotonic() < deadline, f"some of {pids} are still alive"
        time.sleep(0.005)


def test_it_starts_serves_and_stops(tmp_path: Path) -> None:
    with gateway_in(tmp_path) as gateway:
        assert requests.get(f"{gateway.url}/x", timeout=5).ok
        assert (gateway.api_key, gateway.account, gateway.operator_secret) == ("sk-1", "acc", "op")
        assert gateway.base_url == f"{gateway.url}/v1"
        assert gateway.log[-1] == {"event": "request"}
        client = gateway.client()
        assert (client.api_key, client.max_retries, str(client.base_url)) == ("sk-1", 0, f"{gateway.base_url}/")
        assert gateway.client("sk-2", max_retries=1).max_retries == 1
        pid = gateway.pid
        assert gateway.stop() == 0
        assert not alive(pid)
        assert client.is_closed()
        assert gateway.stop() is None
        with pytest.raises(GatewayFailed, match="not running"):
            _ = gateway.pid


def test_configuration_is_merged(tmp_path: Path) -> None:
    gateway = gateway_in(
        tmp_path,
        upstream="http://u/v1",
        providers={"second": {"kind": "compatible"}},
        config='[server]\ngrace_s = 3\n[providers.openai]\napi_key = "own"',
        start=False,
    )
    assert tomllib.loads(gateway.config_path.read_text(encoding="utf-8")) == {
        "server": {"host": "0.0.0.0", "unready_s": 0.0, "grace_s": 3},
        "providers": {"openai": {"base_url": "http://u/v1", "api_key": "own"}, "second": {"kind": "compatible"}},
        "portal": {"enabled": False},
    }
    again = gateway_in(tmp_path, config={"server": {"grace_s": 4}}, start=False)
    assert again.api_key == "", "a folder that was there is not initialised again"
    assert tomllib.loads(again.config_path.read_text(encoding="utf-8"))["server"]["grace_s"] == 4


def test_the_environment_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-developer")
    monkeypatch.setenv("ROUTER__SERVER__PORT", "1")
    seen = gateway_in(tmp_path, env={"OWN": "1"}, start=False).router("environment")
    assert "OPENAI_API_KEY" not in seen
    assert "ROUTER__SERVER__PORT" not in seen
    assert (seen["OWN"], seen["ROUTER_CONFIG"]) == ("1", str(tmp_path / "router.toml"))
    assert list(Path(seen["HOME"]).iterdir()) == []


def test_a_failed_command_says_why(tmp_path: Path) -> None:
    gateway = gateway_in(tmp_path, start=False)
    with pytest.raises(CommandFailed, match="router refuse now exited with 2: no such thing") as caught:
        gateway.router("refuse", "now")
    assert (caught.value.exit_code, caught.value.stderr) == (2, "no such thing\n")
    with pytest.raises(CommandFailed, match="not one JSON document: 'hello"):
        gateway.router("chatter")


def test_a_server_that_refuses_to_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(GatewayFailed, match=r"exited with 1:(?s:.*)line 3: no such key"):
        gateway_in(tmp_path, config={"fake": {"fault": "refuses"}})


def test_a_server_that_does_not_stop_is_killed_with_its_workers(tmp_path: Path) -> None:
    gateway = gateway_in(tmp_path, config={"fake": {"fault": "stubborn"}})
    pids = [gateway.pid, int((tmp_path / "worker.pid").read_text(encoding="utf-8"))]
    assert all(map(alive, pids))
    with pytest.raises(GatewayFailed, match="did not stop within"):
        gateway.stop(timeout_s=0.05)
    wait_until_gone(*pids)


def test_a_killed_server_can_be_started_again(tmp_path: Path) -> None:
    with gateway_in(tmp_path) as gateway:
        os.kill(gateway.pid, signal.SIGKILL)
        assert gateway.stop() == -signal.SIGKILL
        gateway.start()
        assert requests.get(gateway.url, timeout=5).ok
        gateway.kill()
        gateway.kill()


def test_a_failing_test_leaves_no_process(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), gateway_in(tmp_path) as gateway:
        pid = gateway.pid
        _ = 1 / 0
    assert not alive(pid)
