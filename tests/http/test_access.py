"""Who is let in, what is not set up, and what happens while the database is away."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from errors import assert_error_shape
from gateway_wire import CHAT, EMBEDDINGS, USER, get, post, send
from waiting import until

from router.testing import Gateway, Result, ScriptedUpstream

pytestmark = pytest.mark.slow

BODY = {"model": "echo/echo", "messages": USER}
PATHS = [("POST", CHAT), ("POST", EMBEDDINGS), ("GET", "/v1/models"), ("GET", "/v1/models/echo/echo")]


def ask(gateway: Gateway, headers: dict[str, str]) -> Result:
    return post(gateway, CHAT, BODY, headers, key="")


@contextmanager
def new_key(gateway: Gateway, *options: str) -> Iterator[tuple[str, str]]:
    """ID and text of a key of the test's own, known to the running server."""
    made = gateway.router("keys", "create", "--account", gateway.account, *options)
    assert post(gateway, CHAT, BODY, key=made["api_key"]).status == 200
    yield made["id"], made["api_key"]


@pytest.mark.row("NE-2", "ST-2")
def test_every_form_of_a_good_key(gateway: Gateway) -> None:
    key = gateway.api_key
    forms: list[dict[str, str]] = [
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer {key}"},
        {"Authorization": f"BEARER   {key} "},
        {"X-API-Key": key},
        {"x-api-key": f" {key}"},
        {"Authorization": f"Bearer {key}", "X-API-Key": key},
        {"Authorization": f"Bearer {key}", "X-API-Key": ""},
    ]
    for headers in forms:
        assert ask(gateway, headers).status == 200, headers


def test_two_different_keys_are_refused(gateway: Gateway) -> None:
    for other in ("sk-other", "x"):
        answer = ask(gateway, {"Authorization": f"Bearer {gateway.api_key}", "X-API-Key": other})
        assert_error_shape(answer, 400, "ambiguous_api_key")
        assert gateway.api_key not in answer.body.decode()


MALFORMED: dict[str, dict[str, str]] = {
    "none": {},
    "empty": {"Authorization": ""},
    "no key": {"Authorization": "Bearer"},
    "blank key": {"Authorization": "Bearer   "},
    "empty x-api-key": {"X-API-Key": ""},
    "basic": {"Authorization": "Basic dXNlcjpwYXNz"},
    "key alone": {"Authorization": "sk-abc"},
    "no space": {"Authorization": "Bearersk-abc"},
    "unknown": {"Authorization": "Bearer sk-" + "a" * 43},
    "very long": {"Authorization": "Bearer " + "a" * 50_000},
    "two joined": {"Authorization": "Bearer sk-a, Bearer sk-b"},
    "quotes": {"Authorization": "Bearer ' OR 1=1 --"},
    "not ascii": {"Authorization": "Bearer \xe9\xff"},
    "other scheme with a good x-api-key": {"Authorization": "Basic x", "X-API-Key": "sk-x"},
    "format": {"X-API-Key": "{0.__class__} %s %(x)s ${x}"},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_keys_that_let_nobody_in(gateway: Gateway, name: str) -> None:
    detail = assert_error_shape(ask(gateway, MALFORMED[name]), 401, "invalid_api_key")
    assert detail["type"] == "invalid_request_error"
    for secret in MALFORMED[name].values():
        assert len(secret) < 8 or secret not in detail["message"]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_every_route_asks_for_the_key(gateway: Gateway, method: str, path: str) -> None:
    answer = send(gateway.port, f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode())
    assert_error_shape(answer, 401, "invalid_api_key")


def test_the_key_is_checked_before_the_body_is_read(gateway: Gateway) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-no\r\nContent-Encoding: x\r\n".encode()
    for framing in (
        b"Content-Length: 999999999",
        b"Transfer-Encoding: chunked",
        b"Content-Length: 9\r\nExpect: 100-continue",
    ):
        assert_error_shape(send(gateway.port, head + framing + b"\r\n\r\n"), 401, "invalid_api_key")


@pytest.mark.parametrize("word", ["disable", "revoke"])
def test_a_key_taken_away_is_refused_within_a_second(gateway: Gateway, word: str) -> None:
    with new_key(gateway) as (key_id, key):
        gateway.router("keys", word, key_id)
        taken = sent = time.monotonic()
        while post(gateway, CHAT, BODY, key=key).status == 200:
            assert sent - taken < 1.2, "a call that was sent a second later was let in"
            sent = time.monotonic()
        detail = assert_error_shape(post(gateway, CHAT, BODY, key=key), 401, f"api_key_{word}d")
        assert f"{word}d" in detail["message"]


def test_a_disabled_key_can_come_back(gateway: Gateway) -> None:
    with new_key(gateway) as (key_id, key):
        gateway.router("keys", "disable", key_id)
        until(lambda: post(gateway, CHAT, BODY, key=key).status == 401)
        gateway.router("keys", "enable", key_id)
        until(lambda: post(gateway, CHAT, BODY, key=key).status == 200)


def test_an_expired_key(gateway: Gateway) -> None:
    with new_key(gateway, "--expires", "1d") as (key_id, key):
        with closing(sqlite3.connect(gateway.folder / "router.db")) as database, database:
            database.execute("UPDATE api_keys SET expires_at = ? WHERE id = ?", (time.time() - 1, key_id))
            database.execute("UPDATE meta SET value = value + 1 WHERE name = 'access_version'")
        until(lambda: post(gateway, CHAT, BODY, key=key).status == 401)
        detail = assert_error_shape(post(gateway, CHAT, BODY, key=key), 401, "api_key_expired")
        assert "expired" in detail["message"]


def test_a_disabled_model(gateway: Gateway) -> None:
    gateway.router("models", "disable", "openai/gpt-4o-mini")

    def refused() -> bool:
        return post(gateway, CHAT, {**BODY, "model": "openai/gpt-4o-mini"}).status == 404

    until(refused)
    for model in ("openai/gpt-4o-mini", "gpt-4o-mini", "fast"):
        detail = assert_error_shape(post(gateway, CHAT, {**BODY, "model": model}), 404, "model_not_found")
        assert "gpt-4o-mini" in detail["message"] or model in detail["message"]
    ids = [model["id"] for model in get(gateway, "/v1/models").json()["data"]]
    assert "openai/gpt-4o-mini" not in ids and "fast" not in ids
    gateway.router("models", "enable", "openai/gpt-4o-mini")
    until(lambda: not refused())


def test_a_provider_without_a_key_names_the_variable_to_the_operator_alone(tmp_path: Path) -> None:
    providers: dict[str, Any] = {"openai": {"api_key": "env:SOME_UNSET_KEY"}}
    with Gateway(tmp_path, providers=providers, billing=False) as gateway:
        for model in ("openai/gpt-4o", "gpt-4o", "openai/whatever"):
            detail = assert_error_shape(post(gateway, CHAT, {**BODY, "model": model}), 503, "provider_not_configured")
            assert "SOME_UNSET_KEY" not in detail["message"]
        until(lambda: str(gateway.log).count("SOME_UNSET_KEY.") == 3)  # the start warns of it as well
        assert not any(model["id"].startswith("openai") for model in get(gateway, "/v1/models").json()["data"])


# The database goes away.


@contextmanager
def without_database(gateway: Gateway) -> Iterator[None]:
    """The SQLite files are elsewhere for the length of a block."""
    files = [path for path in gateway.folder.glob("router.db*") if not path.name.endswith("-lock")]
    for path in files:
        path.rename(path.with_name(f"away-{path.name}"))
    try:
        yield
    finally:
        for path in files:
            path.with_name(f"away-{path.name}").rename(path)


def test_without_a_database_calls_are_refused_and_service_comes_back(gateway: Gateway) -> None:
    assert get(gateway, "/readyz", key="").json() | {"warnings": []} == {
        "status": "ready",
        "problems": [],
        "warnings": [],
    }
    with without_database(gateway):
        answer = get(gateway, "/readyz", key="")
        assert (answer.status, answer.json()["status"]) == (503, "unavailable")
        assert str(gateway.folder) not in answer.body.decode()
        assert get(gateway, "/healthz", key="").status == 200
        until(lambda: post(gateway, CHAT, BODY).status == 503)
        started = time.monotonic()
        detail = assert_error_shape(answer := post(gateway, CHAT, BODY), 503, "database_unavailable")
        assert time.monotonic() - started < 30
        assert "retry-after" in answer.headers
        assert str(gateway.folder) not in detail["message"]
        assert_error_shape(get(gateway, "/v1/models"), 503, "database_unavailable")
        assert_error_shape(post(gateway, CHAT, BODY, key="sk-unknown"), 503, "database_unavailable")
    until(lambda: post(gateway, CHAT, BODY).status == 200)
    until(lambda: get(gateway, "/readyz", key="").status == 200)


def test_a_locked_database_refuses_calls_only_when_rows_wait_for_long(gateway: Gateway) -> None:
    with closing(sqlite3.connect(gateway.folder / "router.db", isolation_level=None)) as locker:
        locker.execute("BEGIN IMMEDIATE")
        answer = post(gateway, CHAT, BODY)
        assert answer.status == 200
        started = time.monotonic()
        until(lambda: post(gateway, CHAT, BODY).status == 503)
        waited_s = time.monotonic() - started
        assert_error_shape(post(gateway, CHAT, BODY), 503, "database_unavailable")
        assert get(gateway, "/readyz", key="").status == 503
        assert get(gateway, "/healthz", key="").status == 200
        assert waited_s > 1
        locker.execute("ROLLBACK")
    until(lambda: post(gateway, CHAT, BODY).status == 200)
    wanted = answer.headers["x-request-id"]
    until(lambda: wanted in [row["request_id"] for row in gateway.router("usage", "show", "--limit", "10000")])


def test_health_is_told_without_a_database_and_without_an_upstream(
    gateway: Gateway, upstream: ScriptedUpstream
) -> None:
    answer = get(gateway, "/healthz", key="")
    assert (answer.status, answer.json()["status"]) == (200, "ok")
    assert get(gateway, "/readyz", key="").status == 200
    assert not upstream.requests


def test_readiness_goes_before_the_port_closes(tmp_path: Path) -> None:
    with Gateway(tmp_path, config="[server]\nunready_s = 60.0\n", billing=False) as gateway:
        assert get(gateway, "/readyz").status == 200
        os.kill(gateway.pid, signal.SIGTERM)
        until(lambda: get(gateway, "/readyz").status == 503)  # on connections of their own: the port is open
        assert get(gateway, "/readyz").json()["problems"] == ["the gateway stops"]
        assert get(gateway, "/healthz").status == 200
        os.kill(gateway.pid, signal.SIGTERM)  # for the second time
        until(lambda: not psutil.pid_exists(gateway.pid) or is_zombie(gateway.pid))


def is_zombie(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
