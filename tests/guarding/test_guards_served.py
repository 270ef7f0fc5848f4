"""The bundled guards before a gateway: secrets are refused, personal data never reach a provider and come back."""

from __future__ import annotations

import io
import json
import time
import urllib.error
import urllib.request
import wave
from collections.abc import Iterator
from typing import Any

import pytest

from router.testing import Answer, Gateway, ScriptedUpstream, Stream, completion, stream

pytestmark = pytest.mark.slow

MAIL, IBAN = "ann.lee@corp.example", "DE89 3704 0044 0532 0130 00"


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as scripted:
        scripted.on("/v1/chat/completions", Answer(completion("Hello")))
        yield scripted


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream) -> Iterator[Gateway]:
    rules = {
        "project": {"expression": r"PROJ-\d+", "action": "mask", "where": "both"},
        "codename": {"expression": "bluebird", "action": "refuse", "ignore_case": True, "message": "Not by this name."},
        "greeting": {"expression": "good morning", "action": "note"},
    }
    config = {
        "plugins": {
            "patterns": {"secrets": "refuse", "max_text_chars": 5000, "rules": rules},
            "pii": {"kinds": ["email", "iban", "card"]},
            "strict": True,
        },
        "guards": {"order": ["patterns", "pii"]},
        "prices": {"one/x": {"input": "1", "output": "2"}, "one/ear": {"per_second": "0.0001"}},
    }
    section = {"kind": "compatible", "api_key": "k", "unlisted": True, "base_url": upstream.url}
    section["models"] = {"ear": {"kind": "transcriptions"}}
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, providers={"one": section}, config=config) as running:
        yield running


def post(gateway: Gateway, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {gateway.api_key}"}
    request = urllib.request.Request(f"{gateway.url}{path}", json.dumps({"model": "one/x", **body}).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def chat(gateway: Gateway, text: str, **more: Any) -> tuple[int, bytes]:
    return post(gateway, "/v1/chat/completions", {"messages": [{"role": "user", "content": text}], **more})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("my key is sk-proj-" + "a1B2" * 12, "rule 'openai_key'. It holds what looks like a secret"),
        ("about BlueBird", "rule 'codename'. Not by this name."),
        ("x" * 5001, "rule 'max_text_chars'. A text of this request may hold 5,000 characters, and has 5,001"),
    ],
)
def test_a_request_is_refused_in_words_that_say_why(
    gateway: Gateway, upstream: ScriptedUpstream, text: str, told: str
) -> None:
    before = len(upstream.requests)
    status, body = chat(gateway, text)
    assert status == 400 and json.loads(body)["error"]["code"] == "guard_refused"
    assert told in json.loads(body)["error"]["message"] and len(upstream.requests) == before
    deadline = time.monotonic() + 30
    while not any(line.get("error") == "guard_refused" for line in gateway.log):  # it is written after the answer
        assert time.monotonic() < deadline, "the refusal is not in the log"
        time.sleep(0.05)
    assert "a1B2" not in gateway.log_path.read_text()


def test_masks_and_notes(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    upstream.script(Answer(completion("PROJ-77 is done")))
    status, body = chat(gateway, "good morning, what of PROJ-12?")
    assert status == 200 and json.loads(body)["choices"][0]["message"]["content"] == "[project] is done"
    assert upstream.last.json()["messages"][0]["content"] == "good morning, what of [project]?"
    assert "guard patterns notes in the request" in gateway.log_path.read_text()


@pytest.mark.parametrize("wanted", ["json", "text", "vtt"])
def test_a_transcript_is_guarded_in_whatever_form(gateway: Gateway, upstream: ScriptedUpstream, wanted: str) -> None:
    said = b"all of PROJ-77 is \xff"
    upstream.script(Answer(b'{"text":"all of PROJ-77"}' if wanted == "json" else said))
    asked = gateway.client(max_retries=0).audio.transcriptions.with_raw_response.create
    answer = asked(model="one/ear", file=("talk.wav", wav(1)), response_format=wanted)  # type: ignore[call-overload]
    assert b"all of [project]" in answer.content and b"PROJ-77" not in answer.content
    if wanted != "json":
        upstream.script(Answer(said.replace(b"PROJ-77", b"it")))
        assert asked(model="one/ear", file=("talk.wav", wav(1)), response_format=wanted).content[-1:] == b"\xff"  # type: ignore[call-overload]


def wav(seconds: int) -> bytes:
    kept = io.BytesIO()
    with wave.open(kept, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(8000)
        written.writeframes(bytes(seconds * 16000))
    return kept.getvalue()


@pytest.mark.parametrize("surface", ["chat", "messages", "responses"])
def test_what_was_masked_comes_back_plain_and_streamed(
    gateway: Gateway, upstream: ScriptedUpstream, surface: str
) -> None:
    text = f"Write to {MAIL} of {IBAN}, and to {MAIL}."
    bodies: dict[str, tuple[str, dict[str, Any]]] = {
        "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": text}]}),
        "messages": ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": text}]}),
        "responses": ("/v1/responses", {"input": text}),
    }
    path, body = bodies[surface]
    upstream.script(
        Answer(completion("Sent to [EMAIL_1].")), stream("Sent to [EM", "AIL", "_1] of [IB", "AN_1].", "[x")
    )
    status, plain = post(gateway, path, dict(body))
    assert status == 200 and f"Sent to {MAIL}.".encode() in plain
    sent = json.dumps(upstream.last.json())
    assert "Write to [EMAIL_1] of [IBAN_1], and to [EMAIL_1]." in sent and MAIL not in sent
    status, streamed = post(gateway, path, {**body, "stream": True})
    assert status == 200 and b"[EMAIL_1]" not in streamed and b"AIL_" not in streamed
    said = "".join(
        one["choices"][0]["delta"].get("content") or ""
        if one.get("choices")
        else one["delta"].get("text", "")
        if isinstance(one.get("delta"), dict)
        else one["delta"]
        if "output_text.delta" in one.get("type", "")
        else ""
        for one in (json.loads(line[6:]) for line in streamed.splitlines() if line.startswith(b"data: {"))
    )
    assert said == f"Sent to {MAIL} of {IBAN}.[x"


def test_arguments_of_a_call_are_restored_as_json(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "send", "arguments": '{"to": "[EMA'}}
    pieces = [{"tool_calls": [call]}, {"tool_calls": [{"index": 0, "function": {"arguments": 'IL_1]", "n": 1}'}}]}]
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "x"}
    events = [{**head, "choices": [{"index": 0, "delta": one, "finish_reason": None}]} for one in pieces]
    upstream.script(Stream([*events, {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}]))
    status, body = chat(gateway, f"Mail {MAIL}", stream=True)
    data = [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: {")]
    calls = [one for chunk in data for choice in chunk["choices"] for one in choice["delta"].get("tool_calls", ())]
    assert status == 200
    assert json.loads("".join(one["function"]["arguments"] for one in calls)) == {"to": MAIL, "n": 1}


def test_what_is_kept_of_a_conversation_is_masked_again(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    upstream.script(Answer(completion("Noted: [EMAIL_1]")), Answer(completion("It is [EMAIL_1]")))
    _, first = post(gateway, "/v1/responses", {"input": f"Remember {MAIL}"})
    again = {"input": "Which?", "previous_response_id": json.loads(first)["id"]}
    status, second = post(gateway, "/v1/responses", again)
    assert status == 200 and f"It is {MAIL}".encode() in second
    sent = json.dumps(upstream.last.json())
    assert MAIL not in sent and "Remember [EMAIL_1]" in sent and "Noted: [EMAIL_1]" in sent


def test_guards_are_listed_in_their_order(gateway: Gateway) -> None:
    rows = {row["name"]: row for row in gateway.router("plugins", "list")}
    assert (rows["patterns"]["guard"]["place"], rows["pii"]["guard"]["place"]) == (1, 2)
    assert rows["patterns"]["guard"]["replies"] == "buffer" and rows["pii"]["guard"]["replies"] == "transform"
    assert rows["pii"]["roles"] == ["guard"] and "guard" not in rows["openai"]
    assert gateway.router("plugins", "show", "pii")["guard"]["on_failure"] == "refuse"
