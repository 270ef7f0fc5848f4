"""The playground: calls go the way of all calls, with a key that nobody sees and that has a budget."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from customer_kit import Scene, rows_of
from portal_site import Client, PortalSite, start_portal

from router.testing import Answer, Stream, chunks, completion, free_port

pytestmark = pytest.mark.slow

_WAIT_S = 30.0
ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}


def ask(client: Client, body: Any, path: str = "/app/play/chat", **headers: str) -> tuple[int, Mapping[str, str], str]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode("ascii")
    cookie = "; ".join(f"{name}={text}" for name, text in client.cookies.items())
    sent = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin", "Cookie": cookie, **headers}
    return client.site.ask(path, data, sent)


def used(prompt_tokens: int, completion_tokens: int) -> Answer:
    """An answer that took so many tokens."""
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    return Answer(completion("Hi", usage={**usage, "total_tokens": prompt_tokens + completion_tokens}))


def told_of(client: Client, request_id: str) -> dict[str, str]:
    """What the call came to, asked for as the page does."""
    deadline = time.monotonic() + _WAIT_S
    while True:
        status, _, text = client.get(f"/app/play/calls/{request_id}")
        if status == 200:
            found: dict[str, str] = json.loads(text)
            return found
        assert status == 404 and time.monotonic() < deadline, text
        time.sleep(0.05)


def hidden_keys(site: PortalSite) -> list[dict[str, Any]]:
    """The keys that are on no list, as the audit log has them."""
    entries = site.gateway.router("audit", "show", "--action", "keys create", "--limit", "100")
    return [one for one in entries if one["detail"].get("kind") == "hidden"]


def test_an_answer_comes_whole_or_as_a_stream(scene: Scene) -> None:
    status, headers, text = ask(scene.developer, ASK)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(text)["choices"][0]["message"]["content"] == "Hello"
    assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
    status, headers, text = ask(scene.developer, {**ASK, "stream": True})
    assert (status, headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    assert text.rstrip().endswith("data: [DONE]") and "Hello" in text


def test_what_it_cost_is_told_and_stands_in_the_logs(scene: Scene) -> None:
    scene.upstream.script(used(1000, 10))
    _, headers, _ = ask(scene.developer, ASK)
    told = told_of(scene.developer, headers["x-call-id"])
    assert told == {"price": "$0.0026", "prompt_tokens": "1,000", "completion_tokens": "10"}
    status, _, page = scene.developer.get(f"/app/logs/{headers['x-call-id']}")
    assert status == 200 and "Playground (developer" in page


def test_the_key_is_nowhere_to_be_seen(scene: Scene) -> None:
    ask(scene.developer, ASK)
    sent = scene.upstream.last.headers
    assert "sk-upstream" in str(sent)
    for path in ("/app/keys", "/app/keys?show=all", "/app/play"):
        _, _, page = scene.developer.get(path)
        assert "Playground (" not in page and not re.search(r"ng-[A-Za-z0-9]{20,}", page)
    (made,) = hidden_keys(scene.site)
    assert scene.owner.get(f"/app/keys/{made['subject']}")[0] == 404
    assert scene.owner.post(f"/app/keys/{made['subject']}/revoke", {"confirm": "x"})[0] == 404
    assert made["subject"] not in str(scene.site.gateway.router("keys", "list"))
    assert not re.search(r"ng-[A-Za-z0-9]{20,}", json.dumps(hidden_keys(scene.site)))


def test_each_log_in_has_a_key_of_its_own_and_all_have_one_budget(tmp_path: Path, scene: Scene) -> None:
    with portal(tmp_path, scene, "0.2") as site:
        somebody = Client(site)
        email = somebody.sign_up(name="Pat")
        scene.upstream.script(used(10, 12_000))
        assert ask(somebody, {**ASK, "max_tokens": 12_000})[0] == 200  # 0.12 of 0.20
        again = Client(site)
        assert again.log_in(email)[0] == 303
        status, _, text = ask(again, {**ASK, "max_tokens": 12_000})
        assert status == 402 and "budget" in json.loads(text)["error"]["message"], text
        assert ask(again, {**ASK, "max_tokens": 100})[0] == 200
        assert len(hidden_keys(site)) == 2
        (row,) = rows_of(somebody.get("/app/usage.csv?by=key")[2])
        assert (row["key"], row["calls"]) == (f"Playground ({email})", "2")


@contextlib.contextmanager
def portal(folder: Path, scene: Scene, budget: str) -> Iterator[PortalSite]:
    """Another portal before the same provider, with another budget."""
    config = {"providers": {"openai": {"base_url": scene.upstream.url, "api_key": "sk-upstream"}}}
    settings: dict[str, Any] = {"proof_of_work": False, "playground_budget": budget}
    with start_portal(folder, profile="nexgate", config=config, **settings) as site:
        yield site


def test_refusals_of_the_gateway_are_passed_on(scene: Scene) -> None:
    status, _, text = ask(scene.developer, {**ASK, "model": "none-such"})
    assert status == 404 and json.loads(text)["error"]["code"] == "model_not_found"
    status, _, text = ask(scene.developer, {**ASK, "temperature": 99})
    assert status == 400 and json.loads(text)["error"]["param"] == "temperature"
    for body in (b"", b"{", b"[1]", b'"x"', b"\xff"):
        status, _, text = ask(scene.developer, body)
        assert status == 400 and json.loads(text)["error"]["code"] == "invalid_json", body


def test_only_what_the_page_has_fields_for_is_passed_on(scene: Scene) -> None:
    ask(scene.developer, {**ASK, "n": 3, "user": "x", "max_tokens": 5})
    assert scene.upstream.last.json().keys() >= {"model", "messages", "max_completion_tokens"}
    assert not scene.upstream.last.json().keys() & {"n", "user"}


def test_who_may_not_call_is_refused(scene: Scene) -> None:
    status, _, text = ask(scene.viewer, ASK)
    assert status == 403 and json.loads(text)["error"]["code"] == "role_too_small"
    assert scene.viewer.get("/app/play")[0] == 403
    status, _, text = ask(Client(scene.site), ASK)
    assert status == 401 and json.loads(text)["error"]["code"] == "no_session"
    status, _, text = ask(scene.developer, ASK, **{"Sec-Fetch-Site": "cross-site"})
    assert status == 403 and json.loads(text)["error"]["code"] == "foreign_form"


def test_a_call_of_another_workspace_is_not_there(scene: Scene) -> None:
    _, headers, _ = ask(scene.developer, ASK)
    told_of(scene.developer, headers["x-call-id"])
    stranger = Client(scene.site)
    stranger.sign_up(name="Sam")
    for id in (headers["x-call-id"], "req_none"):
        status, _, text = stranger.get(f"/app/play/calls/{id}")
        assert status == 404 and json.loads(text)["error"]["code"] == "not_found"


def test_stopping_ends_the_call(scene: Scene) -> None:
    held = threading.Event()
    pieces = chunks("one ", "two ", "three ")
    scene.upstream.script(Stream([*pieces[:2], held, *pieces[2:]]))
    cookie = "; ".join(f"{name}={text}" for name, text in scene.developer.cookies.items())
    connection = http.client.HTTPConnection("localhost", int(scene.site.url.rpartition(":")[2]), timeout=_WAIT_S)
    headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin", "Cookie": cookie}
    connection.request("POST", "/app/play/chat", json.dumps({**ASK, "stream": True}), headers)
    answer = connection.getresponse()
    assert answer.status == 200 and b"one" in answer.read1(4096)
    call_id = answer.headers["x-call-id"]
    assert connection.sock is None or connection.sock.shutdown(socket.SHUT_RDWR) is None
    answer.close()
    connection.close()
    deadline = time.monotonic() + _WAIT_S
    try:
        while "Cut" not in (page := scene.developer.get(f"/app/logs/{call_id}")[2]):
            assert time.monotonic() < deadline, re.sub(r"\s+", " ", page)[-1500:]
            time.sleep(0.1)
    finally:
        held.set()


BUDGETS = [("0", "switched off"), ("2.5", "$2.50 here each month"), ("", "by the API")]


@pytest.mark.parametrize(("budget", "shown"), BUDGETS)
def test_the_operator_says_what_it_may_cost(tmp_path: Path, scene: Scene, budget: str, shown: str) -> None:
    with portal(tmp_path, scene, budget) as site:
        client = Client(site)
        client.sign_up(name="Olga")
        assert shown in client.get("/app/play")[2]
        status, _, text = ask(client, ASK)
        if budget == "0":
            assert status == 403 and json.loads(text)["error"]["code"] == "playground_off"
        else:
            assert status == 200


def test_a_gateway_that_is_away_is_said_so(tmp_path: Path, scene: Scene) -> None:
    config = {"portal": {"upstream_url": f"http://127.0.0.1:{free_port()}/v1"}}
    with portal(tmp_path, scene, "5") as site:
        client = Client(site)
        client.sign_up(name="Olga")
        site.gateway.configure(config)
        os.kill(site.gateway.pid, signal.SIGHUP)
        deadline = time.monotonic() + _WAIT_S
        while (answer := ask(client, ASK))[0] != 503:
            assert time.monotonic() < deadline, answer
            time.sleep(0.1)
        assert json.loads(answer[2])["error"]["code"] == "gateway_away"
