"""What the tests of the Messages API share: a gateway before one scripted upstream, which plays every provider."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx2

from router.testing import Gateway, ScriptedUpstream
from router.testing.upstream.wires.anthropic import ANTHROPIC
from router.testing.upstream.wires.deepseek import DEEPSEEK
from router.testing.upstream.wires.ollama import OLLAMA
from router.testing.upstream.wires.openai import OPENAI
from router.testing.upstream.wires.shape import Wire

__all__ = ["ASK", "NATIVE", "TOOL", "TRANSLATED", "WIRES", "Room", "events_in", "sections"]

ASK: Any = [{"role": "user", "content": "What is six times seven?"}]
TOOL: Any = {"name": "weather", "description": "Tells.", "input_schema": {"type": "object", "properties": {}}}
TRANSLATED = ("openai", "deepseek", "ollama")
"""Plugins that are asked through chat here."""
WIRES: Mapping[str, Wire] = {wire.name: wire for wire in (OPENAI, DEEPSEEK, OLLAMA, ANTHROPIC)}
NATIVE = "anthropic/claude-sonnet-5-5"


@dataclass(frozen=True)
class Room:
    """A running gateway, the upstream of all its sections, and Anthropic's SDK before it."""

    gateway: Gateway
    upstream: ScriptedUpstream

    def sdk(self, **options: Any) -> anthropic.Anthropic:
        """A client that repeats nothing."""
        settings = {"base_url": self.gateway.url, "api_key": self.gateway.api_key, "max_retries": 0, "timeout": 20}
        return anthropic.Anthropic(**{**settings, **options})

    def post(
        self, body: Any, path: str = "/v1/messages", headers: Mapping[str, str] | None = None, key: str | None = None
    ) -> httpx2.Response:
        """A request as bytes on the wire; ``body`` as it is where it is bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"x-api-key": self.gateway.api_key if key is None else key, "content-type": "application/json"}
        return httpx2.post(self.gateway.url + path, content=data, headers={**given, **(headers or {})}, timeout=20)

    def usage(self) -> list[Any]:
        """All usage rows, the newest first."""
        rows: list[Any] = self.gateway.router("usage", "show", "--limit", "1000")
        return rows

    def model_of(self, plugin: str) -> str:
        """A model of a plugin's that the gateway has a price for."""
        return f"{plugin}/{WIRES[plugin].model}"


def sections(upstream: ScriptedUpstream, **more: Mapping[str, Any]) -> dict[str, Any]:
    """A section of each plugin that is played, and others of one's own."""
    own = {name: dict(_section(name, upstream)) for name in (*TRANSLATED, "anthropic")}
    return {**own, "echo": {}, **{name: {**_section(str(one["kind"]), upstream), **one} for name, one in more.items()}}


def _section(plugin: str, upstream: ScriptedUpstream) -> dict[str, Any]:
    url = upstream.url.removesuffix("/v1") + WIRES[plugin].base_path
    return {"kind": plugin, "base_url": url, "api_key": f"sk-{plugin}-secret", "unlisted": True}


def events_in(stream: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and data of each event of a stream."""
    for block in stream.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in lines:
            yield lines.get("event", ""), lines["data"].encode()
