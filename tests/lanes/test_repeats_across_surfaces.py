"""One ``Idempotency-Key`` on several surfaces: another surface, or another framing, is another request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from lanes_wire import Lanes, Payer, chat_answer, native_answer

from router.testing import Result

GOOGLE = {"contents": [{"parts": [{"text": "Hi"}]}]}
PLACE = "/v1beta/models/chat/m"
ASK: list[Any] = [{"role": "user", "content": "Hi"}]
CALLS: Mapping[str, Mapping[str, Any]] = {
    "/v1/chat/completions": {"model": "chat/m", "messages": ASK, "max_tokens": 50},
    "/v1/messages": {"model": "chat/m", "messages": ASK, "max_tokens": 50},
    "/v1/responses": {"model": "chat/m", "input": "Hi"},
    "/v1/completions": {"model": "chat/m", "prompt": "Hi"},
    "/api/chat": {"model": "chat/m", "messages": ASK, "stream": False},
    f"{PLACE}:generateContent": GOOGLE,
}
SAME_BYTES = [
    ("/v1/chat/completions", "/v1/messages", {"model": "chat/m", "messages": ASK, "max_tokens": 50}),
    ("/v1/messages", "/v1/chat/completions", {"model": "chat/m", "messages": ASK, "max_tokens": 50}),
    ("/v1/chat/completions", "/v1/responses", {"model": "chat/m", "input": "Hi"}),  # one of mixed shape
    ("/v1/responses", "/v1/chat/completions", {"model": "chat/m", "input": "Hi"}),
    ("/v1/chat/completions", "/api/chat", {"model": "chat/m", "messages": ASK, "stream": False}),
    (f"{PLACE}:generateContent", f"{PLACE}:streamGenerateContent", GOOGLE),
    (f"{PLACE}:streamGenerateContent?alt=sse", f"{PLACE}:generateContent", GOOGLE),
    (f"{PLACE}:generateContent", "/v1beta/models/other/m:generateContent", GOOGLE),
]


def once(lanes: Lanes, payer: Payer, path: str, body: Any) -> Result:
    return lanes.post(payer, path, body, Idempotency_Key="order-1")


def sent(lanes: Lanes) -> int:
    return len(lanes.upstream.requests)


def scripted(lanes: Lanes, path: str) -> None:
    lanes.upstream.script(chat_answer("Yes.", stream="stream" in path))


@pytest.mark.parametrize("path", CALLS)
def test_a_repeat_is_the_first_answer_on_every_surface(lanes: Lanes, path: str) -> None:
    payer = lanes.payer(idempotent=True)
    scripted(lanes, path)
    first = once(lanes, payer, path, CALLS[path])
    again = once(lanes, payer, path, CALLS[path])
    assert (first.status, again.status, sent(lanes)) == (200, 200, 1), first.body
    assert again.body == first.body and again.headers["idempotent-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert lanes.spent(payer) == lanes.row(first).charge_nano > 0


@pytest.mark.parametrize("surface", ["responses", "messages"])
@pytest.mark.parametrize("mode", ["plain", "stream"])
def test_a_repeat_in_the_native_lane_too(lanes: Lanes, surface: str, mode: str) -> None:
    payer, stream = lanes.payer(idempotent=True), mode == "stream"
    lanes.upstream.script(native_answer(surface, "Yes.", stream=stream))
    body = {"model": f"{surface}/m", "stream": stream}
    body |= {"input": "Hi"} if surface == "responses" else {"messages": ASK, "max_tokens": 50}
    first, again = (once(lanes, payer, f"/v1/{surface}", body) for _ in range(2))
    assert (first.status, sent(lanes)) == (200, 1) and again.body == first.body
    assert lanes.spent(payer) == lanes.row(first).charge_nano > 0
    lanes.check()


@pytest.mark.parametrize(("path", "other", "body"), SAME_BYTES)
def test_the_same_bytes_on_another_surface_are_another_request(lanes: Lanes, path: str, other: str, body: Any) -> None:
    payer = lanes.payer(idempotent=True)
    scripted(lanes, path)
    assert once(lanes, payer, path, body).status == 200
    paid = lanes.spent(payer)
    refused = once(lanes, payer, other, body)
    assert refused.status == 409 and "Idempotency-Key" in json.dumps(refused.json())
    assert sent(lanes) == 1 and lanes.spent(payer) == paid
    lanes.check()


FRAMINGS = ("", "?alt=json", "?alt=sse")


@pytest.mark.parametrize("first", FRAMINGS)
@pytest.mark.parametrize("second", FRAMINGS)
def test_a_stream_of_googles_is_repeated_as_it_was_framed(lanes: Lanes, first: str, second: str) -> None:
    payer, path = lanes.payer(idempotent=True), f"{PLACE}:streamGenerateContent"
    scripted(lanes, path)
    made = once(lanes, payer, path + first, GOOGLE)
    again = once(lanes, payer, path + second, GOOGLE)
    if ("sse" in first) is ("sse" in second):
        assert again.body == made.body and again.headers["idempotent-replayed"] == "true"
    else:
        assert again.status == 409, again.body
    assert sent(lanes) == 1 and lanes.spent(payer) == lanes.row(made).charge_nano


def test_paths_that_mean_the_same_are_one_request(lanes: Lanes) -> None:
    payer = lanes.payer(idempotent=True)
    scripted(lanes, "")
    body = CALLS["/v1/chat/completions"]
    first = once(lanes, payer, "/v1/chat/completions", body)
    for path in ("/chat/completions", "/v1/v1/chat/completions", "/v1/chat/completions?x=1"):
        assert once(lanes, payer, path, body).body == first.body
    assert sent(lanes) == 1
