"""``router portal``: by itself, on another machine or under another user."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psutil
import pytest
from portal_machine import Beside, ask, memory_of
from waiting import until

from router.testing.gateway import free_port

pytestmark = pytest.mark.slow

Start = Callable[..., Beside]
SECRET = "sk-alone-77aa31c09be2"
CONFIG = f"""
[providers.acme]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
api_key = "{SECRET}"
models = ["acme-large"]
"""


@pytest.fixture
def alone(beside: Start) -> Iterator[tuple[Beside, Callable[..., subprocess.Popen[str]]]]:
    """A set-up whose gateway does not run, and what starts ``router portal`` on it."""
    one = beside(config=CONFIG, start=False, env={"OTHER_API_KEY": "x"})
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> subprocess.Popen[str]:
        command = [*one.gateway._command, "portal", *options]
        pipe = subprocess.PIPE
        log = one.gateway.log_path.open("a")
        made = subprocess.Popen(
            command, env=one.gateway._env, cwd=one.gateway.folder, stdout=pipe, stderr=log, text=True
        )
        log.close()
        started.append(made)
        return made

    yield one, start
    for process in started:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


def announced(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.rstrip() == "}":
            break
    return json.loads(text)


def test_it_serves_reloads_and_ends(alone: Any) -> None:
    one, start = alone
    process = start("--json")
    told = announced(process)
    assert told["url"] == f"http://127.0.0.1:{one.port}" and told["pid"] == process.pid
    said = one.portal()
    assert said["master"] == process.pid and said["name"] == "one"
    assert "acme" in said["active"] and "acme/acme-large" in said["models"], "what is configured, while none runs"
    assert "OTHER_API_KEY" not in said["environ"]
    one.gateway.configure({"portal": {"name": "two"}})
    process.send_signal(signal.SIGHUP)
    again = one.is_called("two")
    assert again["pid"] != said["pid"]
    with suppress(PermissionError):
        assert SECRET.encode() not in memory_of(again["pid"])
    one.gateway.config_path.write_text("[portal", encoding="utf-8")
    process.send_signal(signal.SIGHUP)
    until(lambda: "reload given up" in one.log() and "is not valid TOML" in one.log(), "a broken file is refused")
    assert one.portal() == again
    process.terminate()
    assert process.wait(20) == 0
    until(lambda: not psutil.pid_exists(again["pid"]), "its worker is gone")


def test_options_win_over_the_file_and_say_what_is_wrong(alone: Any) -> None:
    one, start = alone
    other = free_port()
    start("--listen", f"127.0.0.1:{other}", "--workers", "2")
    said = until(lambda: ask(other), "it listens where the option says")
    assert ask(one.port) is None
    until(lambda: len(psutil.Process(said["master"]).children()) == 2, "there are two workers")
    wrong = start("--listen", "nowhere")
    assert wrong.wait(30) == 1
    assert "--listen: must be HOST:PORT such as 127.0.0.1:8081, not 'nowhere'" in one.log()
    taken = start("--listen", f"127.0.0.1:{other}")
    assert taken.wait(30) == 1
    assert "another program has the port" in one.log() and "[portal] listen, or --listen" in one.log()


def test_a_database_without_tables_is_refused_with_what_makes_them(alone: Any) -> None:
    one, start = alone
    for path in one.gateway.folder.glob("router.db*"):
        path.unlink()
    process = start()
    assert process.wait(30) == 1
    assert "the portal does not start: its first worker could not use the database" in one.log()
    assert "router db migrate" in one.log()
