"""Money by the Responses API: one charge a call, from the upstream's own counts."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import pytest
from responses_wire import NATIVE, WIRES, Hall, native_events, native_plain, native_stream

from router.money.amounts import parse_nano
from router.testing import Stream, chunks

pytestmark = pytest.mark.slow

INPUT, OUTPUT = 2_000, 10_000  # nano-USD a token
MODES = ("plain", "stream")


@pytest.mark.parametrize("mode", MODES)
def test_the_native_lane_charges_what_the_upstream_tells(hall: Hall, mode: str) -> None:
    hall.upstream.script((native_stream if mode == "stream" else native_plain)("Yes."))
    answer = hall.post({"model": NATIVE, "input": "x " * 1000, "stream": mode == "stream"})
    row = hall.usage(answer)
    assert (row["prompt_tokens"], row["cached_tokens"], row["completion_tokens"], row["reasoning_tokens"]) == (
        30,
        10,
        7,
        3,
    )
    assert row["route"] == "responses" and not row["estimated"]
    assert parse_nano(row["charge"]) == 30 * INPUT + 7 * OUTPUT
    assert hall.verified()


@pytest.mark.parametrize("plugin", ["deepseek", "anthropic", "gemini"])
@pytest.mark.parametrize("mode", MODES)
def test_the_translated_lane_does_too(hall: Hall, plugin: str, mode: str) -> None:
    wire = WIRES[plugin]
    hall.upstream.script((wire.stream if mode == "stream" else wire.plain)("Yes."))
    answer = hall.post({"model": hall.model_of(plugin), "input": "x " * 10_000, "stream": mode == "stream"})
    row = hall.usage(answer)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (
        wire.counts.prompt_tokens,
        wire.counts.completion_tokens,
    )
    assert parse_nano(row["charge"]) > 0 and row["upstream_model"] == wire.model
    assert hall.verified()


@pytest.mark.parametrize("lane", ["native", "translated"])
def test_a_client_that_leaves_is_charged_what_the_upstream_tells(hall: Hall, lane: str) -> None:
    go_on = threading.Event()
    made: list[Any] = native_events("word ") if lane == "native" else chunks(*["word "] * 5, include_usage=True)
    hall.upstream.script(Stream([*made[:-3], go_on, *made[-3:]], done=lane != "native"))
    model = NATIVE if lane == "native" else "chatting/gpt-4o"
    before = rows(hall)
    body = json.dumps({"model": model, "input": "Hi", "stream": True}).encode()
    with socket.create_connection(("127.0.0.1", hall.gateway.port)) as client:
        head = f"POST /v1/responses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hall.gateway.api_key}\r\n"
        client.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert b"response.created" in client.recv(65536)
    go_on.set()
    hall.upstream.wait_for(lambda: rows(hall).keys() - before.keys())
    ((_, row),) = (found for found in rows(hall).items() if found[0] not in before)
    expected = 7 if lane == "native" else 12
    assert (row["ending"], row["completion_tokens"], row["estimated"]) == ("disconnect", expected, False)
    assert hall.verified()


def rows(hall: Hall) -> dict[str, Any]:
    return {row["request_id"]: row for row in hall.gateway.router("usage", "show", "--limit", "1000")}


@pytest.mark.parametrize("lane", ["native", "translated"])
def test_a_cut_stream_is_charged_what_was_said(hall: Hall, lane: str) -> None:
    made: list[Any] = native_events("twelve bytes") if lane == "native" else chunks("twelve bytes", "more")
    place = next(number for number, one in enumerate(made) if "twelve bytes" in str(one)) + 1
    hall.upstream.script(Stream(made[:place], done=False))
    model = "own6/gpt-4o" if lane == "native" else "chatting/gpt-4o"
    answer = hall.post({"model": model, "input": "Hi", "stream": True})
    row = hall.usage(answer)
    assert (row["ending"], row["completion_tokens"], row["estimated"]) == ("cut", 3, True)
    assert b"response.failed" in answer.content and hall.verified()


def test_an_empty_balance_is_a_402_and_nothing_is_sent(hall: Hall) -> None:
    account = hall.gateway.router("accounts", "create", "poor")["id"]
    key = hall.gateway.router("keys", "create", "--account", account)["api_key"]
    for model in (NATIVE, hall.model_of("deepseek")):
        answer = hall.post({"model": model, "input": "x"}, key=key)
        assert answer.status_code == 402 and answer.json()["error"]["code"] == "insufficient_quota"
    assert not hall.upstream.requests
