"""Gateways of every profile before an upstream that takes whatever is sent, and what their descriptions say."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from router.ledger.transfers import grant
from router.money.amounts import parse_nano
from router.store.opening import open_database
from router.testing import Answer, Gateway, ReceivedRequest, Script, ScriptedUpstream, Stream
from router.testing.upstream.wire import chunks, completion, embeddings, token_usage

__all__ = ["PROFILES", "ask", "fault", "open_gateway", "undemanding"]

PROFILES = ("standard", "nexgate", "nexorouter", "neurongate", "aigateway")
_OPENAI = {
    "gpt-3.5-turbo-instruct": {"kind": "completions", "context_window": 4096},
    "gpt-image-1": {"kind": "images"},
    "omni-moderation-latest": {"kind": "moderations", "context_window": 32_768},
    "tts-1": {"kind": "speech"},
    "whisper-1": {"kind": "transcriptions"},
}
_ACME = {"rerank-v1": {"kind": "rerank"}}
_PRICES = {
    "acme/rerank-v1": {"per_search": "0.002"},
    "openai/gpt-3.5-turbo-instruct": {"input": "1.50", "output": "2.00"},
    "openai/gpt-image-1": {
        "per_image": "0.04",
        "tiers": [{"sizes": ["*"], "qualities": ["*"], "per_image": "0.04"}],
    },
    "openai/omni-moderation-latest": {"input": "0", "output": "0"},
    "openai/tts-1": {"per_million_characters": "15"},
    "openai/whisper-1": {"per_second": "0.0001"},
}
"""One model of each kind that descriptions name, beside those that the provider has of itself."""
_UNLIMITED = {"requests_per_minute": 1_000_000, "spend_per_day": "1000000", "spend_per_month": "1000000"}


def undemanding(upstream: ScriptedUpstream) -> None:
    """Make it answer any body well."""
    image = {"created": 1, "data": [{"b64_json": "aGk="}]}
    upstream.on("/v1/chat/completions", _chat)
    upstream.on("/v1/completions", _completions)
    upstream.on("/v1/responses", _responses)
    upstream.on("/v1/embeddings", lambda request: Answer(embeddings(request.json()["input"])))
    upstream.on("/v1/images/generations", Answer(image))
    upstream.on("/v1/images/edits", Answer(image))
    upstream.on("/v1/audio/speech", Answer(b"sound", headers={"Content-Type": "audio/mpeg"}))
    upstream.on("/v1/audio/transcriptions", _transcript)
    upstream.on("/v1/moderations", Answer({"id": "m", "model": "m", "results": [{"flagged": False}]}))
    upstream.on("/v1/rerank", Answer({"results": [{"index": 0, "relevance_score": 0.5}]}))


def _chat(request: ReceivedRequest) -> Script:
    if request.json().get("stream") is True:
        return Stream(chunks("Hello", " there", include_usage=True))
    return Answer(completion("Hello there"))


def _completions(request: ReceivedRequest) -> Script:
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "usage": token_usage()}
    whole = head | {"choices": [{"text": "Hello", "index": 0, "logprobs": None, "finish_reason": "stop"}]}
    return Stream([whole]) if request.json().get("stream") is True else Answer(whole)


def _responses(request: ReceivedRequest) -> Script:
    text = {"type": "output_text", "text": "Hello", "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
    whole = {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "m"}
    whole |= {"error": None, "incomplete_details": None, "output": [message]}
    whole |= {"usage": {"input_tokens": 9, "output_tokens": 12, "total_tokens": 21}}
    if request.json().get("stream") is not True:
        return Answer(whole)
    begun = whole | {"status": "in_progress", "output": [], "usage": None}
    events = [("created", begun), ("completed", whole)]
    told = [{"type": f"response.{kind}", "response": one, "sequence_number": n} for n, (kind, one) in enumerate(events)]
    return Stream([f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in told], done=False)


def _transcript(request: ReceivedRequest) -> Script:
    for kind in (b"text", b"srt", b"vtt"):
        if b'name="response_format"\r\n\r\n' + kind in request.body:
            return Answer(b"Hello", headers={"Content-Type": "text/plain"})
    return Answer({"text": "Hello"})


def open_gateway(folder: Path, profile: str, upstream: ScriptedUpstream) -> Gateway:
    """A running gateway as ``router init`` makes it, but rich; the upstream serves all models."""
    config: dict[str, Any] = {"limits": _UNLIMITED, "gateway": {"upstream": "openai"}, "prices": _PRICES}
    chosen = None if profile == "standard" else profile
    sections = {
        "openai": {"base_url": upstream.url, "api_key": "sk-upstream", "models": _OPENAI},
        "acme": {"kind": "compatible", "base_url": upstream.url, "api_key": "sk-upstream", "models": _ACME},
    }
    gateway = Gateway(folder, providers=sections, profile=chosen, config=config, start=False)
    database = open_database(f"sqlite:///{folder / 'router.db'}", folder)
    grant(database, gateway.account, parse_nano("1000000"), reason="a thousand calls")
    database.close()
    gateway.start()
    return gateway


def ask(gateway: Gateway, method: str, path: str, body: Any = None, *, key: str = "") -> tuple[int, str, bytes]:
    """Status, media type and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, response.headers.get_content_type(), response.read()
    finally:
        connection.close()


def fault(description: Mapping[str, Any], name: str, value: Any) -> str | None:
    """How a value differs from the component of that name; None if it conforms."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": description["components"]}
    found = next(iter(Draft202012Validator(schema).iter_errors(value)), None)
    return None if found is None else f"{found.json_path}: {found.message}"
