"""Plugins that exit, run out of their own time, dawdle, or say nothing: each is left out and named, others serve."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from machine import HANG_S

from router.testing import CommandFailed, Gateway

pytestmark = pytest.mark.slow

UNRULY = '''
import gevent, sys, time
from router import Item, Migration, ModelCard, Reply, hookimpl

MESSAGE = b'{"role":"assistant","content":"x"}'
CHOICE = b'{"index":0,"finish_reason":"stop","message":' + MESSAGE + b"}"
BODY = b'{"id":"1","object":"chat.completion","model":"m","choices":[' + CHOICE + b"]}"


class Exits:
    """sys.exit() where the model says: in the hook, in the iteration, in what reads the usage."""

    @hookimpl
    def models(self):
        return [ModelCard(name) for name in ("hook", "items", "usage", "well")]

    @hookimpl
    def chat(self, call, context):
        def leave(value):
            sys.exit("usage") if context.model == "usage" else None

        def items():
            if context.model == "items":
                sys.exit("items")
            yield [Item(BODY)]

        if context.model == "hook":
            sys.exit("hook")
        return Reply(items(), read_usage=leave, read_error=leave)


class Late(Exits):
    """A time limit of its own in the same places: no ``Exception`` either."""

    @hookimpl
    def chat(self, call, context):
        def wait(place):
            if context.model == place:
                with gevent.Timeout(0.001):
                    gevent.sleep(60)

        def items():
            wait("items")
            yield [Item(BODY)]

        wait("hook")
        return Reply(items(), read_usage=lambda value: wait("usage"), read_error=lambda value: None)


class Lists:
    @hookimpl
    def models(self):
        return [{"model": "m"}]

    @hookimpl
    def chat(self, call):
        return None


class Declares:
    @hookimpl
    def settings(self):
        sys.exit("no settings")

    @hookimpl
    def chat(self, call):
        return None


class Numbers:
    @hookimpl
    def storage_migrations(self):
        return [Migration(2, "second", "SELECT 1")]


class Migrates:
    @hookimpl
    def storage_migrations(self):
        return [Migration(1, "fine", "CREATE TABLE migrates_a (x INTEGER)"), Migration(2, "wrong", "CREATE TABEL b")]


class Watches:
    @hookimpl
    def request_finished(self, record):
        if record.model == "exits/well":
            sys.exit("seen")
        if record.model == "late/well":
            with gevent.Timeout(0.001):
                gevent.sleep(60)
        if record.model == "echo/echo":
            open(f"{__file__}.{record.request_id}", "w").close()
            while True:  # as one that waits for a service that does not answer
                time.sleep(0.01)


exits, late, lists, declares = Exits(), Late(), Lists(), Declares()
numbers, migrates, watches = Numbers(), Migrates(), Watches()
'''
NAMES = ("exits", "late", "lists", "declares", "numbers", "migrates", "watches")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "unruly.py").write_text(UNRULY)
    metadata = folder / "unruly-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: unruly\nVersion: 1.0\n")
    points = "".join(f"{name} = unruly:{name}\n" for name in NAMES)
    (metadata / "entry_points.txt").write_text(f"[router]\n{points}")
    return folder


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, site: Path) -> Iterator[Gateway]:
    providers = {
        name: {"api_key": "k", "base_url": "http://127.0.0.1:9"} for name in ("exits", "late", "lists", "declares")
    }
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    with Gateway(
        tmp_path_factory.mktemp("unruly"), providers=providers, env={"PYTHONPATH": path}, billing=False
    ) as running:
        yield running


def ask(gateway: Gateway, model: str) -> int:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "x"}]})
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    connection.request("POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {gateway.api_key}"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_exiting_ends_the_call_and_not_the_worker(gateway: Gateway) -> None:
    (before,) = psutil.Process(gateway.pid).children()
    statuses = {model: ask(gateway, f"exits/{model}") for model in ("hook", "items", "usage", "well")}
    assert statuses == {"hook": 502, "items": 502, "usage": 200, "well": 200}
    deadline = time.monotonic() + HANG_S
    while "plugin watches failed in hook request_finished" not in gateway.log_path.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert ask(gateway, "echo/echo") == 200
    assert psutil.Process(gateway.pid).children() == [before]


def test_a_time_limit_of_a_plugin_s_own_ends_its_call_alone_and_that_is_recorded(gateway: Gateway) -> None:
    statuses = {model: ask(gateway, f"late/{model}") for model in ("hook", "items", "usage", "well")}
    assert statuses == {"hook": 502, "items": 502, "usage": 200, "well": 200}
    rows = [row for row in gateway.router("usage", "show") if row["provider"] == "late"]
    assert sorted(row["status"] for row in rows) == [200, 200, 502, 502]
    assert gateway.log_path.read_text().count("failed with Timeout") == 0, "no greenlet died of it"


def test_an_observer_that_dawdles_delays_nobody(gateway: Gateway, site: Path) -> None:
    for _ in range(20):
        assert ask(gateway, "echo/echo") == 200
    assert len(list(site.glob("unruly.py.*"))) <= 1, "the first is still with it"


def test_what_cannot_be_had_at_the_start_is_left_out_and_named(gateway: Gateway) -> None:
    log = gateway.log_path.read_text()
    rows = {row["name"]: row for row in gateway.router("providers", "list")}
    assert "its plugin 'lists' failed in its hook models: TypeError: a router.ModelCard" in rows["lists"]["state"]
    assert "its hook settings failed: SystemExit: no settings" in rows["declares"]["state"]
    assert "numbers (unruly) is left out: its hook storage_migrations failed: ValueError: migrations must be" in log
    assert "migrates (unruly) is left out: Migration 2 of migrates (wrong) failed" in log


def test_commands_go_on_and_name_them_too(gateway: Gateway, site: Path) -> None:
    with pytest.raises(CommandFailed, match=r"Migration 2 of migrates \(wrong\) failed"):
        gateway.router("db", "migrate")
    command = [sys.executable, "-m", "router", "doctor", "--json"]
    env = {**os.environ, "PYTHONPATH": str(site), "ROUTER_CONFIG": str(gateway.config_path)}
    told = subprocess.run(command, env=env, cwd=gateway.folder, capture_output=True, text=True).stdout
    assert "numbers is not loaded" in told and "declares is not loaded" in told
