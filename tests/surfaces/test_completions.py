"""Legacy completions through the door: by a chat model, by a model of the kind, and what is refused of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from gateway_wire import post

from router.testing import Answer, Gateway, ScriptedUpstream, Stream, chunks, completion, token_usage

PATH = "/v1/completions"
USED = token_usage(100, 20)
CHAT, OLD = "acme/m", "acme/babbage"
FACTS = {"context_window": 1_000, "max_output": 50}
CONFIG = {"prices": {CHAT: {"input": "3", "output": "5"}, OLD: {"input": "3", "output": "5"}}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, ScriptedUpstream]]:
    models = {"m": FACTS, "babbage": {**FACTS, "kind": "completions"}}
    with ScriptedUpstream() as upstream:
        acme = {"kind": "compatible", "base_url": upstream.url, "api_key": "sk-x", "models": models}
        with Gateway(tmp_path_factory.mktemp("old"), providers={"acme": acme}, config=CONFIG) as gateway:
            yield gateway, upstream
            gateway.router("ledger", "verify")


def row_of(gateway: Gateway, request_id: str) -> dict[str, Any]:
    found: dict[str, Any] = gateway.router("usage", "show", request_id)[0]
    return found


def old_chunks(*texts: str) -> list[dict[str, Any]]:
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "babbage"}
    found = [
        {**head, "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": None}]} for text in texts
    ]
    found.append({**head, "choices": [{"text": "", "index": 0, "logprobs": None, "finish_reason": "stop"}]})
    return [*found, {**head, "choices": [], "usage": USED}]


def test_a_chat_model_completes_a_prompt(place: tuple[Gateway, ScriptedUpstream]) -> None:
    gateway, upstream = place
    upstream.script(Answer(completion("a test", usage=USED)))
    made = gateway.client().completions.with_raw_response.create(model=CHAT, prompt="Say this is")
    found = made.parse()
    assert (found.object, found.choices[0].text, found.choices[0].finish_reason) == (
        "text_completion",
        "a test",
        "stop",
    )
    assert (found.model, found.usage and found.usage.prompt_tokens) == (CHAT, 100)
    body = upstream.last.json()
    assert upstream.last.path.endswith("/chat/completions")
    assert (body["messages"], body["max_tokens"]) == ([{"role": "user", "content": "Say this is"}], 16)
    row = row_of(gateway, made.headers["x-request-id"])
    assert (row["route"], row["prompt_tokens"], row["completion_tokens"], row["charge"]) == (
        "completions", 100, 20, "0.0004",
    )  # fmt: skip


@pytest.mark.parametrize("model", [CHAT, OLD])
@pytest.mark.parametrize("usage", [True, False], ids=["with usage", "without"])
def test_a_stream_is_one_of_texts(place: tuple[Gateway, ScriptedUpstream], model: str, *, usage: bool) -> None:
    gateway, upstream = place
    given = chunks("one ", "two", usage=USED, include_usage=True) if model == CHAT else old_chunks("one ", "two")
    upstream.script(Stream(given))
    options: Any = {"stream_options": {"include_usage": True}} if usage else {}
    pieces = list(gateway.client().completions.create(model=model, prompt="x", stream=True, **options))
    assert "".join(piece.choices[0].text for piece in pieces if piece.choices) == "one two"
    assert [piece.choices[0].finish_reason for piece in pieces if piece.choices][-1] == "stop"
    assert {piece.model for piece in pieces} == {model}
    told = [piece.usage.prompt_tokens for piece in pieces if piece.usage]
    assert told == ([100] if usage else [])
    assert gateway.router("usage", "show")[0]["prompt_tokens"] == 100


def test_a_model_of_the_kind_is_sent_what_the_client_sent(place: tuple[Gateway, ScriptedUpstream]) -> None:
    gateway, upstream = place
    upstream.script(Answer({**old_chunks("echoed")[0], "usage": USED}))
    body = {"prompt": ["a", "b"], "n": 2, "echo": True, "logprobs": 3, "suffix": "!", "max_tokens": 9, "user": "me"}
    answer = post(gateway, PATH, {"model": OLD, **body})
    assert answer.json()["choices"][0]["text"] == "echoed" and answer.json()["model"] == OLD
    sent = upstream.last.json()
    assert upstream.last.path.endswith("/v1/completions")
    assert sent.pop("user") != "me", "users are named for their account"
    assert sent == {**{name: value for name, value in body.items() if name != "user"}, "model": "babbage"}


def test_a_stream_of_the_kind_that_is_cut(place: tuple[Gateway, ScriptedUpstream]) -> None:
    gateway, upstream = place
    upstream.script(Stream(old_chunks("one ", "two "), cut_after=2))
    answer = post(gateway, PATH, {"model": OLD, "prompt": "x", "stream": True})
    assert b"[DONE]" not in answer.body and b'"error"' in answer.body
    row = row_of(gateway, answer.headers["x-request-id"])
    assert (row["ending"], row["estimated"]) == ("cut", True) and row["charge"] != "0"


def test_each_prompt_has_the_window_to_itself(place: tuple[Gateway, ScriptedUpstream]) -> None:
    gateway, upstream = place
    upstream.script(Answer({**old_chunks("x")[0], "usage": token_usage(2_400, 300)}))
    body = {"model": OLD, "prompt": ["a" * 800] * 3, "n": 2, "max_tokens": 50}
    answer = post(gateway, PATH, body)
    row = row_of(gateway, answer.headers["x-request-id"])
    assert (row["prompt_tokens"], row["completion_tokens"], row["marks"]) == (2_400, 300, [])
    upstream.script(Answer({**old_chunks("x")[0], "usage": token_usage(2_400, 301)}))
    row = row_of(gateway, post(gateway, PATH, body).headers["x-request-id"])
    assert row["marks"] == ["over_bound"]


CHATS_REFUSE: dict[str, dict[str, Any]] = {
    "prompts": {"prompt": ["a", "b"]},
    "tokens": {"prompt": [1, 2]},
    "echo": {"prompt": "a", "echo": True},
    "suffix": {"prompt": "a", "suffix": "b"},
    "logprobs": {"prompt": "a", "logprobs": 1},
    "best_of": {"prompt": "a", "best_of": 2},
}
WRONG: dict[str, dict[str, Any]] = {
    "nothing": {},
    "an empty list": {"prompt": []},
    "odd prompts": {"prompt": ["a", 1]},
    "an object": {"prompt": {"a": 1}},
    "n": {"prompt": "a", "n": 0},
    "too many": {"prompt": ["a"] * 2049},
    "a cap": {"prompt": "a", "max_tokens": 0},
}


@pytest.mark.parametrize("what", [*CHATS_REFUSE, *WRONG])
def test_what_is_refused_costs_nothing(place: tuple[Gateway, ScriptedUpstream], what: str) -> None:
    gateway, upstream = place
    before = len(upstream.requests)
    body = CHATS_REFUSE[what] if what in CHATS_REFUSE else WRONG[what]
    with pytest.raises(openai.BadRequestError) as refused:
        gateway.client().post("/completions", body={"model": CHAT, **body}, cast_to=dict)
    assert refused.value.param
    assert len(upstream.requests) == before
