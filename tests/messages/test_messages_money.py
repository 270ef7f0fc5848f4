"""Money by the Messages API: one charge a call, from the upstream's own counts, and nothing for what was refused."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from messages_wire import ASK, NATIVE, WIRES, Room

from router.money.amounts import parse_nano
from router.testing import Stream
from router.testing.upstream.wires.anthropic import ANTHROPIC, events, thinking

pytestmark = pytest.mark.slow

LONG: Any = [{"role": "user", "content": "x" * 20_000}]
RATES = {"fresh": 2_000, "read": 100, "written": 2_500, "output": 10_000}  # nano-USD a token of the model at NATIVE
COUNTS = {"fresh": 12, "read": 8_000, "written": 2_000, "output": 90}
ASKED: dict[str, Any] = {"model": NATIVE, "max_tokens": 100, "messages": LONG}
BUSY = next(row for row in ANTHROPIC.errors if row.kind == "overloaded" and row.status >= 500)
MODES = ("plain", "stream")


def script(room: Room, mode: str, plugin: str, *words: str, **fields: Any) -> None:
    wire = WIRES[plugin]
    room.upstream.script((wire.stream if mode == "stream" else wire.plain)(*words, **fields))


def row_of(room: Room, answer: Any) -> Any:
    found = [row for row in room.usage() if row["request_id"] == answer.headers["request-id"]]
    assert len(found) == 1
    return found[0]


def whole(room: Room) -> None:
    assert room.gateway.router("ledger", "verify")["ok"]


@pytest.mark.parametrize("mode", MODES)
def test_the_native_lane_charges_the_cache_by_its_own_rates(room: Room, mode: str) -> None:
    script(room, mode, "anthropic", "42", reasoning=["hm"])
    row = row_of(room, room.post({**ASKED, "stream": mode == "stream"}))
    assert parse_nano(row["charge"]) == sum(RATES[name] * count for name, count in COUNTS.items())
    assert (row["route"], row["prompt_tokens"], row["cached_tokens"]) == ("messages", 10_012, 8_000)
    assert (row["completion_tokens"], row["reasoning_tokens"], row["estimated"]) == (90, 40, False)
    assert row["upstream_model"] == row["reported_model"] == ANTHROPIC.model
    whole(room)


@pytest.mark.parametrize("mode", MODES)
def test_the_translated_lane_charges_the_upstreams_counts_and_not_those_that_are_shown(room: Room, mode: str) -> None:
    script(room, mode, "deepseek", "42")
    answer = room.post({**ASKED, "model": room.model_of("deepseek"), "stream": mode == "stream"})
    row, counts = row_of(room, answer), WIRES["deepseek"].counts
    assert (row["prompt_tokens"], row["completion_tokens"]) == (counts.prompt_tokens, counts.completion_tokens)
    assert row["cached_tokens"] == counts.cached_tokens
    assert parse_nano(row["charge"]) > 0
    whole(room)


def test_compactions_stand_beside_the_sums_and_are_charged(room: Room) -> None:
    entry = {"type": "compaction", "input_tokens": 1_000, "output_tokens": 50}
    usage = {"input_tokens": 12, "output_tokens": 90, "iterations": [{"type": "message", "input_tokens": 12}, entry]}
    room.upstream.script(ANTHROPIC.plain("42", usage=usage))
    row = row_of(room, room.post(ASKED))
    assert (row["prompt_tokens"], row["completion_tokens"]) == (1_012, 140)


def test_a_client_that_leaves_is_charged_what_the_upstream_tells(room: Room) -> None:
    go_on = threading.Event()
    made = events([{"type": "text", "text": ""}, *[{"type": "text_delta", "text": "word "}] * 50])
    room.upstream.script(Stream([*made[:6], go_on, *made[6:]], done=False))
    before = {row["request_id"] for row in room.usage()}
    body = (
        b'{"model":"%b","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"Hi"}]}' % NATIVE.encode()
    )
    with socket.create_connection(("127.0.0.1", room.gateway.port)) as client:
        head = f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: {room.gateway.api_key}\r\n"
        client.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert b"message_start" in client.recv(65536)
    go_on.set()
    room.upstream.wait_for(lambda: {row["request_id"] for row in room.usage()} - before)
    (row,) = (row for row in room.usage() if row["request_id"] not in before)
    assert (row["ending"], row["completion_tokens"], row["estimated"]) == ("disconnect", 90, False)
    whole(room)


def test_a_cut_stream_is_charged_its_prompt_and_what_was_said(room: Room) -> None:
    made = events([{"type": "text", "text": ""}, *[{"type": "text_delta", "text": "twelve bytes"}] * 10])
    room.upstream.script(Stream(made[:8], done=False))
    row = row_of(room, room.post({**ASKED, "model": f"late/{ANTHROPIC.model}", "stream": True}))
    assert row["ending"] == "cut"
    assert (row["prompt_tokens"], row["cached_tokens"]) == (10_012, 8_000)
    assert row["completion_tokens"] == 5 * 12 // 4
    whole(room)


def test_a_fallback_to_another_wire_is_one_charge_and_takes_no_proof_along(room: Room) -> None:
    turns = [
        *ASK,
        {"role": "assistant", "content": [thinking("Hm.", "theirs=="), {"type": "text", "text": "Yes."}]},
        {"role": "user", "content": "Sure?"},
    ]
    room.upstream.script(BUSY.answer(), WIRES["openai"].plain("So."))
    answer = room.post({**ASKED, "model": f"first/{ANTHROPIC.model}", "messages": turns})
    assert answer.json()["content"] == [{"type": "text", "text": "So."}]
    assert answer.json()["model"] == f"first/{ANTHROPIC.model}"
    native, chat = (request.json() for request in room.upstream.requests)
    assert native["messages"] == turns
    assert "theirs==" not in str(chat) and "thinking" not in str(chat)
    assert chat["messages"][1]["content"] == "Yes."
    row = row_of(room, answer)
    assert [attempt["kind"] for attempt in row["attempts"]] == ["overloaded", "ok"]
    assert row["provider"] == "openai"
    whole(room)


def test_an_empty_balance_is_a_402_that_no_sdk_repeats(room: Room) -> None:
    account = room.gateway.router("accounts", "create", "poor")
    key = room.gateway.router("keys", "create", "--account", account["id"])["api_key"]
    for model in (NATIVE, room.model_of("deepseek")):
        answer = room.post({**ASKED, "model": model}, key=key)
        assert answer.status_code == 402
        assert answer.json()["error"]["type"] == "billing_error"
        assert answer.headers["x-should-retry"] == "false"
    assert not room.upstream.requests


def test_the_operators_own_trouble_is_no_bill_of_the_clients(room: Room) -> None:
    rows = [row for row in ANTHROPIC.errors if row.kind == "billing"]
    room.upstream.script(rows[0].answer())
    answer = room.post({**ASKED, "model": f"poor/{ANTHROPIC.model}"})
    assert answer.status_code == 503
    assert answer.json()["error"]["type"] == "api_error"
    assert "credit" not in answer.text
