"""Commands, and changes of the configuration, as a gateway takes them that is running already."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest
from waiting import until

from router.testing import Gateway, free_port

pytestmark = pytest.mark.slow


@contextmanager
def serving(router, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """``router serve`` with these options alone, and the file that holds what it says."""
    log = router.folder / "stderr.log"
    root = str(Path(__file__).parents[2])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    env["ROUTER__PORTAL__ENABLED"] = "false"
    command = [sys.executable, "-m", "router", "serve", "--config", str(router.config), *options]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=env, cwd=router.folder)
    try:
        until(lambda: "The gateway serves at" in log.read_text(), log.read_text())
        yield process, log
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_a_reload_names_what_needs_a_restart(router) -> None:
    with serving(router, "--port", str(free_port()), "--workers", "1") as (process, log):
        for key, value in (("server.host", "0.0.0.0"), ("server.workers", "2"), ("server.port", "1")):
            router.json("config", "set", key, value)
        process.send_signal(signal.SIGHUP)
        until(lambda: "needs a restart" in log.read_text(), "the change is named")
        text = log.read_text()
        assert "[server] host is '0.0.0.0' now" in text and "that of the start, '127.0.0.1'" in text
        assert "[server] workers" not in text and "[server] port" not in text, "options won over them at the start"


def test_a_running_gateway_is_found_reloaded_and_stopped(router) -> None:
    for command in ("reload", "stop"):
        assert "No gateway runs on" in router.refused(command)
    (router.folder / "router.pid").write_text(f"{os.getpid()}\n")  # what a crash left, with a number that came again
    assert "No gateway runs on" in router.refused("stop")
    with serving(router, "--port", str(free_port()), "--workers", "1") as (process, log):
        assert router.json("reload") == {"pid": process.pid, "signal": "SIGHUP"}
        until(lambda: "reloaded" in log.read_text(), "it reloads")
        assert "serves this configuration" in router.refused("db", "restore", str(router.config))
        assert router.json("stop") == {"pid": process.pid, "ended": True}
        assert process.wait(10) == 0
    assert not (router.folder / "router.pid").exists()


def test_a_running_gateway_refuses_a_suspended_account_within_a_second(tmp_path: Path) -> None:
    with Gateway(tmp_path) as gateway:
        client = gateway.client()

        def refusal() -> str:
            try:
                client.models.list()
            except openai.AuthenticationError as error:
                return error.message
            return ""

        assert refusal() == ""
        gateway.router("accounts", "suspend", gateway.account)
        until(lambda: "disabled" in refusal(), "the key is refused", limit_s=3.0)
        gateway.router("accounts", "resume", gateway.account)
        until(lambda: not refusal(), "the key is accepted again", limit_s=3.0)
