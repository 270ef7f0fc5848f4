"""What the tests of the Responses API share: a gateway before one scripted upstream, which plays every provider."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import openai

from router.testing import Gateway, ScriptedUpstream, token_usage
from router.testing.upstream.wires.anthropic import ANTHROPIC
from router.testing.upstream.wires.deepseek import DEEPSEEK
from router.testing.upstream.wires.gemini import GEMINI
from router.testing.upstream.wires.ollama import OLLAMA
from router.testing.upstream.wires.openai import OPENAI
from router.testing.upstream.wires.responses import ID
from router.testing.upstream.wires.responses import events as native_events
from router.testing.upstream.wires.responses import plain as native_plain
from router.testing.upstream.wires.responses import stream as native_stream
from router.testing.upstream.wires.shape import Wire

__all__ = [
    "CALL",
    "CHAT_USAGE",
    "ID",
    "NATIVE",
    "TOOL",
    "TRANSLATED",
    "WIRES",
    "Hall",
    "events_in",
    "native_events",
    "native_plain",
    "native_stream",
    "sections",
]

TRANSLATED = ("anthropic", "deepseek", "gemini", "ollama")
"""Plugins that are asked through chat here."""
WIRES: Mapping[str, Wire] = {wire.name: wire for wire in (OPENAI, DEEPSEEK, OLLAMA, ANTHROPIC, GEMINI)}
NATIVE = "openai/gpt-4o"
TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather for a location",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
CALL = ("get_weather", '{"location":"Oslo"}')
CHAT_USAGE = token_usage(9, 12)


@dataclass(frozen=True)
class Hall:
    """A running gateway, the upstream of all its sections, and OpenAI's SDK before it."""

    gateway: Gateway
    upstream: ScriptedUpstream

    def sdk(self, **options: Any) -> openai.OpenAI:
        """A client that repeats nothing."""
        settings = {"base_url": self.gateway.base_url, "api_key": self.gateway.api_key, "max_retries": 0, "timeout": 20}
        return openai.OpenAI(**{**settings, **options})

    def post(self, body: Any, path: str = "", key: str | None = None, **headers: str) -> httpx2.Response:
        """A request as bytes on the wire; ``body`` as it is where it is bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", path, key, content=data, headers={"content-type": "application/json", **headers})

    def ask(self, method: str, path: str = "", key: str | None = None, **options: Any) -> httpx2.Response:
        """Any request below ``/v1/responses``."""
        given = {"authorization": f"Bearer {self.gateway.api_key if key is None else key}"}
        headers = {**given, **options.pop("headers", {})}
        url = f"{self.gateway.base_url}/responses{path}"
        return httpx2.request(method, url, headers=headers, timeout=20, **options)

    def usage(self, answer: httpx2.Response) -> Any:
        """The one usage row of an answered call."""
        rows = self.gateway.router("usage", "show", "--limit", "1000")
        (found,) = (row for row in rows if row["request_id"] == answer.headers["x-request-id"])
        return found

    def verified(self) -> bool:
        """Whether the books are right."""
        return bool(self.gateway.router("ledger", "verify")["ok"])

    def model_of(self, plugin: str) -> str:
        """A model of a plugin's that the gateway has a price for."""
        return f"{plugin}/{WIRES[plugin].model}"

    def other_key(self, name: str) -> str:
        """The key of another account, with money."""
        account = self.gateway.router("accounts", "create", name)["id"]
        self.gateway.router("credits", "grant", account, "5", "--reason", "test")
        made: str = self.gateway.router("keys", "create", "--account", account)["api_key"]
        return made


def sections(upstream: ScriptedUpstream, **more: Mapping[str, Any]) -> dict[str, Any]:
    """A section of each plugin that is played, and others of one's own."""
    own = {name: _section(name, upstream) for name in (*TRANSLATED, "openai")}
    return {**own, "echo": {}, **{name: {**_section(str(one["kind"]), upstream), **one} for name, one in more.items()}}


def _section(plugin: str, upstream: ScriptedUpstream) -> dict[str, Any]:
    wire = WIRES.get(plugin, OPENAI)
    url = upstream.url.removesuffix("/v1") + wire.base_path
    return {"kind": plugin, "base_url": url, "api_key": f"sk-{plugin}-secret", "unlisted": True}


def events_in(stream: bytes) -> list[dict[str, Any]]:
    """The data of each event of a stream, whose name is the type in it."""
    found = []
    for block in stream.decode().split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith(":")]
        if lines:
            value = json.loads(lines[1].removeprefix("data: "))
            assert lines[0] == f"event: {value['type']}"
            found.append(value)
    return found
