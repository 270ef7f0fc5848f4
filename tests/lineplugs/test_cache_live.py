"""The cache in a running gateway: who is answered from it, in which form, on which surface, and for how much."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cache_room import Heard, Room, ask, events

from router.testing import ScriptedUpstream

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with ScriptedUpstream() as upstream:
        made = Room(tmp_path_factory.mktemp("gateway"), upstream, "0.25", share="account", ttl_s=600)
        with made.gateway:
            yield made


def said(heard: Heard) -> str:
    return str(heard.json["choices"][0]["message"]["content"])


def streamed(heard: Heard) -> str:
    chunks = [one["choices"][0]["delta"] for one in events(heard.body) if one["choices"]]
    return "".join(delta.get("content") or "" for delta in chunks)


def test_the_same_question_is_answered_from_what_was_kept(room: Room) -> None:
    first = room.chat("one")
    again = room.until_hit(lambda: room.chat("one"))
    before = room.asked
    heard = room.chat("one", user="somebody", metadata={"a": "b"})
    assert heard.hit and room.asked == before and not first.hit
    assert heard.json == again.json == first.json and heard.headers["x-router-charge"] == "8.25"
    assert "x-router-provider" not in heard.headers


def test_it_is_a_usage_row_with_its_share_of_the_price(room: Room) -> None:
    made = room.chat("two")
    room.until_hit(lambda: room.chat("two"))
    row = room.rows(1)[0]
    assert made.headers["x-router-charge"] == "33"
    assert (row["charge"], row["cost"], row["status"], row["attempts"]) == ("8.25", "0", 200, [])
    assert (row["prompt_tokens"], row["completion_tokens"], row["provider"]) == (9, 12, "acme")
    assert room.gateway.router("ledger", "verify")["ok"] is True


def test_a_plain_answer_serves_a_stream_and_a_stream_a_plain_call(room: Room) -> None:
    room.chat("plain first")
    heard = room.until_hit(lambda: room.chat("plain first", stream=True, stream_options={"include_usage": True}))
    told = events(heard.body)
    assert streamed(heard) == "You said plain first." and heard.body.endswith(b"data: [DONE]\n\n")
    assert told[-1]["usage"]["total_tokens"] == 21 and told[-2]["choices"][0]["finish_reason"] == "stop"
    room.chat("stream first", stream=True)
    plain = room.until_hit(lambda: room.chat("stream first"))
    assert said(plain) == "You said stream first." and plain.json["usage"]["completion_tokens"] == 12
    assert plain.json["object"] == "chat.completion" and plain.json["model"] == "acme/x"
    again = room.chat("stream first", stream=True)
    assert again.hit and streamed(again) == "You said stream first." and b'"usage"' not in again.body


MESSAGES = {"max_tokens": 50, "temperature": 0, "messages": [{"role": "user", "content": "{}"}]}
SURFACES = [
    ("/v1/messages", {"model": "acme/x", **MESSAGES}),
    ("/v1/responses", {"model": "acme/x", "input": "{}", "temperature": 0}),
    ("/v1/completions", {"model": "acme/x", "prompt": "{}", "temperature": 0, "max_tokens": 50}),
    ("/api/chat", {"model": "acme/x", "messages": [{"role": "user", "content": "{}"}], "options": {"temperature": 0}}),
    (
        "/v1beta/models/acme/x:{}",
        {"contents": [{"role": "user", "parts": [{"text": "{}"}]}], "generationConfig": {"temperature": 0}},
    ),
]


@pytest.mark.parametrize(("path", "body"), SURFACES, ids=lambda one: one if isinstance(one, str) else "")
@pytest.mark.parametrize("first", ["plain", "stream"])
def test_every_surface_gets_both_forms_of_either(room: Room, path: str, body: dict[str, Any], first: str) -> None:
    text = f"{first} {path.strip('/').replace('/', ' ').replace(':{}', '')}"
    told = json.loads(json.dumps(body).replace("{}", text))

    def call(stream: bool) -> Heard:
        if "{}" in path:
            way = path.format("streamGenerateContent?alt=sse" if stream else "generateContent")
            return ask(room.gateway, way, told)
        return ask(room.gateway, path, {**told, "stream": stream})

    made = call(first == "stream")
    assert made.status == 200 and not made.hit, made.body
    other = room.until_hit(lambda: call(first != "stream"))
    same = call(first == "stream")
    assert same.hit
    for heard in (other, same):
        whole = heard.body.replace(b'"', b"").replace(b"\n", b"")
        assert heard.status == 200 and (text.encode() in whole or text.split()[0].encode() in whole), heard.body
    assert room.rows(1)[0]["charge"] == "8.25"


def test_embeddings_are_kept(room: Room) -> None:
    body = {"model": "acme/x", "input": "word"}
    first = ask(room.gateway, "/v1/embeddings", body)
    again = room.until_hit(lambda: ask(room.gateway, "/v1/embeddings", body))
    assert again.json == first.json


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("by chance", {"temperature": 0.7}),
        ("by default", {"temperature": None}),
        ("cut it", {}),
        ("fail", {}),
        ("break off", {"stream": True}),
        ("with tools", {"tools": [{"type": "function", "function": {"name": "f"}}]}),
        ("many", {"n": 2}),
        ("never store", {"Cache_Control": "no-store"}),
    ],
)
def test_what_is_not_kept(room: Room, text: str, fields: dict[str, Any]) -> None:
    room.chat(text, **fields)
    after = f"after {sorted(text)}"
    room.chat(after)
    room.until_hit(lambda: room.chat(after))  # by now all before it has been offered
    before = room.asked
    assert not room.chat(text, **fields).hit
    assert room.asked > before


def test_an_answer_of_an_odd_shape_goes_out_whether_or_not_it_can_be_kept(room: Room) -> None:
    for stream in (False, True):
        heard = room.chat("oddly", stream=stream)
        assert heard.status == 200 and b"oddly" in heard.body
        assert not stream or heard.body.endswith(b"data: [DONE]\n\n")


def test_a_seed_makes_a_call_sure_enough(room: Room) -> None:
    room.chat("seeded", temperature=1, seed=7)
    room.until_hit(lambda: room.chat("seeded", temperature=1, seed=7))
    assert not room.chat("seeded", temperature=1, seed=8).hit


def test_a_client_may_want_it_fresh(room: Room) -> None:
    room.chat("fresh")
    room.until_hit(lambda: room.chat("fresh"))
    for said_so in ("no-cache", "no-store", "max-age=0, no-cache"):
        assert not room.chat("fresh", Cache_Control=said_so).hit
    assert room.chat("fresh", Cache_Control="max-age=500").hit


def test_who_gets_it(room: Room) -> None:
    gateway = room.gateway
    room.chat("secret")
    room.until_hit(lambda: room.chat("secret"))
    same = gateway.router("keys", "create", "--account", gateway.account, "--name", "same")["api_key"]
    assert room.chat("secret", secret=same).hit
    scoped = ["--scope", "acme/y", "--name", "narrow"]
    narrow = gateway.router("keys", "create", "--account", gateway.account, *scoped)["api_key"]
    assert room.chat("secret", secret=narrow).status == 403
    other = gateway.router("accounts", "create", "other")["id"]
    gateway.router("credits", "grant", other, "1000000", "--reason", "test")
    theirs = gateway.router("keys", "create", "--account", other, "--name", "theirs")["api_key"]
    assert not room.chat("secret", secret=theirs).hit


def test_many_at_once_are_each_charged_right(room: Room) -> None:
    room.chat("at once")
    room.until_hit(lambda: room.chat("at once"))
    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(lambda number: room.chat("at once", stream=bool(number % 2)), range(40)))
    assert all(one.hit for one in heard)
    assert [row["charge"] for row in room.rows(40)] == ["8.25"] * 40


def test_it_is_listed_with_its_place(room: Room) -> None:
    listed = {row["name"]: row for row in room.gateway.router("plugins", "list")}
    assert listed["cache"]["asked"] == ["cache 1"] and listed["price"]["state"] == "off"
