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
from router.testing.upstream.wire import chunks, completion, embeddings

__all__ = ["PROFILES", "ask", "fault", "open_gateway", "undemanding"]

PROFILES = ("standard", "nexgate", "nexorouter", "neurongate", "aigateway")
_UNLIMITED = {"requests_per_minute": 1_000_000, "spend_per_day": "1000000", "spend_per_month": "1000000"}


def undemanding(upstream: ScriptedUpstream) -> None:
    """Make it answer any body well."""
    upstream.on("/v1/chat/completions", _chat)
    upstream.on("/v1/embeddings", lambda _: Answer(embeddings(("Hello",))))


def _chat(request: ReceivedRequest) -> Script:
    if request.json().get("stream") is True:
        return Stream(chunks("Hello", " there", include_usage=True))
    return Answer(completion("Hello there"))


def open_gateway(folder: Path, profile: str, upstream: ScriptedUpstream) -> Gateway:
    """A running gateway as ``router init`` makes it, but rich; the upstream serves all models."""
    config: dict[str, Any] = {"limits": _UNLIMITED, "gateway": {"upstream": "openai"}}
    chosen = None if profile == "standard" else profile
    gateway = Gateway(folder, upstream=upstream.url, profile=chosen, config=config, start=False)
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
