"""The plugin that sends finished calls: by a running gateway, signed, never in a call's way, and bounded."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from router_plugins.webhook import Settings, plugin
from router_plugins.webhook.collecting import Collector
from router_plugins.webhook.outbox import TABLES, Outbox
from router_plugins.webhook.sending import send_due
from waiting import until
from webhooks_kit import Receiver

from router import CallRecord, ConfigError, PluginContext, Secret, Unavailable
from router.db.database import Database
from router.db.plugin_tables import PluginTables
from router.store.opening import open_database
from router.testing import Gateway, ScriptedUpstream
from router.types.webhook_signing import new_signing_secret

pytestmark = pytest.mark.slow

SECRET = new_signing_secret()
CHAT = {"model": "open/x", "messages": [{"role": "user", "content": "a secret prompt"}], "max_tokens": 5}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    made = open_database(database_url, tmp_path, create=True)
    for statement in filter(str.strip, TABLES.split(";")):
        made.write(lambda connection, sql=statement: connection.execute(sql))  # type: ignore[misc]
    yield made
    made.close()


def context(database: Database, url: str, **settings: Any) -> PluginContext:
    given = Settings(url=Secret(url), secret=Secret(SECRET), fields=("request_id", "charge"), **settings)
    tables = PluginTables("webhook", lambda: database, cast(Any, None))
    log = logging.getLogger("router.plugins.webhook")
    return PluginContext("router.toml", (), given, "webhook", log, tables, "USD")


def call(number: int) -> CallRecord:
    record: Any = SimpleNamespace(request_id=f"req_{number}", charge_nano=number * 10**6)
    return cast(CallRecord, record)


def test_calls_of_a_gateway_are_sent_and_nothing_that_was_said(tmp_path: Path, receiver: Receiver) -> None:
    with ScriptedUpstream(api_key=None) as upstream:
        sections = {"open": {"kind": "compatible", "base_url": upstream.url, "api_key": "k", "unlisted": True}}
        config = {
            "plugins": {"webhook": {"url": receiver.url + "/calls", "secret": "env:HOOK", "every_s": 0.2}},
            "prices": {"open/x": {"input": "1", "output": "2"}},
        }
        receiver.answer = lambda path: 500 if len(receiver.heard) == 1 else 204
        with Gateway(tmp_path, providers=sections, config=config, env={"HOOK": SECRET}) as gateway:
            for _ in range(3):
                ask(gateway)
            until(
                lambda: sum(len(calls(one)) for one in taken(receiver)) >= 3 and receiver.ids()[0] in receiver.ids()[1:]
            )
    first = receiver.heard[0]
    assert first.verified(SECRET)["type"] == "calls.finished"
    again = [one for one in receiver.heard[1:] if one.id == first.id]
    assert again and again[0].body == first.body, "what was not taken comes again, under the same ID"
    found = [one for heard in taken(receiver) for one in calls(heard)]
    assert len({one["request_id"] for one in found}) == 3
    assert {one["status"] for one in found} == {200} and all(float(one["charge"]) > 0 for one in found)
    assert not any(b"secret prompt" in one.body or b"messages" in one.body for one in receiver.heard)


def taken(receiver: Receiver) -> list[Any]:
    """Each batch once."""
    return list({one.id: one for one in receiver.heard}.values())


def calls(heard: Any) -> list[dict[str, Any]]:
    return list(heard.event["data"]["calls"])


def ask(gateway: Gateway) -> None:
    import urllib.request

    headers = {"Authorization": f"Bearer {gateway.api_key}", "Content-Type": "application/json"}
    url = f"{gateway.base_url.removesuffix('/v1')}/v1/chat/completions"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(CHAT).encode(), headers), timeout=30) as answer:
        assert answer.status == 200


def test_batches_are_written_down_in_order_and_at_the_end(database: Database, receiver: Receiver) -> None:
    given = context(database, receiver.url, batch=4, every_s=60.0)
    collector = Collector(given)
    collector.start()
    for number in range(10):
        collector.add(call(number))
    collector.close()
    assert send_due(given) == 3
    assert [len(calls(one)) for one in receiver.heard] == [4, 4, 2]
    ids = [one["request_id"] for heard in receiver.heard for one in calls(heard)]
    assert ids == [f"req_{number}" for number in range(10)]
    assert calls(receiver.heard[0])[1] == {"request_id": "req_1", "charge": "0.001"}
    assert send_due(given) == 0


def test_what_is_too_much_is_dropped_counted_and_logged(
    database: Database, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    given = context(database, receiver.url, batch=2, queue=4, kept=3, every_s=60.0)
    collector = Collector(given)
    for number in range(6):
        collector.add(call(number))
    assert "2 calls were dropped" not in caplog.text and "1 calls were dropped" in caplog.text
    collector.start()
    collector.close()
    assert send_due(given) == 2
    assert [one.event["data"]["dropped"] for one in receiver.heard] == [2, 0]
    outbox = Outbox(given)
    assert [outbox.put(f"b{number}", "{}", 1, time.time(), 3) for number in range(5)] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_database_that_is_away_loses_nothing_that_there_is_room_for(receiver: Receiver) -> None:
    kept: list[str] = []

    class Away:
        def write(self, function: Any) -> int:
            if not kept:
                kept.append("")
                raise Unavailable("the database is away")
            kept.append("written")
            return 1

    given = context(cast(Database, None), receiver.url, batch=2, every_s=0.05)
    given = PluginContext("router.toml", (), given.settings, "webhook", given.log, cast(Any, Away()), "USD")
    collector = Collector(given)
    collector.start()
    for number in range(4):
        collector.add(call(number))
    until(lambda: kept.count("written") == 2)
    collector.close()


def test_a_batch_that_nobody_takes_is_given_up(
    database: Database, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answer = lambda path: 302
    receiver.headers = {"location": f"{receiver.url}/elsewhere"}
    given = context(database, receiver.url + "/calls", give_up_after_s=1.0)
    outbox = Outbox(given)
    outbox.put("batch_1", "{}", 7, time.time(), 10)
    assert send_due(given) == 0
    [row] = given.database.read(lambda connection: connection.rows("SELECT * FROM webhook_batches"))
    assert row["tries"] == 1 and row["due_at"] > time.time() + 3
    outbox.remove(["batch_1"])
    outbox.put("batch_2", "{}", 7, time.time() - 10, 10)
    assert send_due(given) == 0
    assert "7 calls (batch_2) were given up: answered 302" in caplog.text
    assert given.database.read(lambda connection: connection.rows("SELECT * FROM webhook_batches")) == []
    assert {one.path for one in receiver.heard} == {"/calls"}


def test_a_url_without_a_secret_leaves_the_plugin_out_and_says_so() -> None:
    given = PluginContext("router.toml", (), Settings(url=Secret("https://x")), "webhook")
    with pytest.raises(ConfigError, match="ROUTER_CALLS_WEBHOOK_SECRET"):
        plugin.observes(given)
    assert plugin.jobs(given) == []


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"fields": ("prompt",)}, "none of account"),
        ({"url": Secret("ftp://x")}, "must begin with"),
        ({"url": Secret("https://x"), "secret": Secret("short")}, "whsec_ and the base64"),
    ],
)
def test_settings_that_are_wrong(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Settings(**settings)
