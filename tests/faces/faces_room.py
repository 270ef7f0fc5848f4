"""What the tests of Google's and Ollama's wires share: one paid gateway, one upstream, and what they are asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway_wire import post

from router.testing import Gateway, Result, ScriptedUpstream, token_usage

__all__ = ["CALL", "EMBEDDER", "MODEL", "PNG", "USED", "Room", "sections"]

MODEL = "acme/fast/m:1"
EMBEDDER = "acme/vectors"
USED = token_usage(100, 20)
CALL = ("weather", '{"city":"Oslo"}')
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def sections(upstream: ScriptedUpstream) -> dict[str, Any]:
    """One provider, with a model of each kind; its model's name has a slash and a colon."""
    models = {
        "fast/m:1": {"kind": "chat", "context_window": 10_000, "max_output": 50},
        "vectors": {"kind": "embeddings", "context_window": 1000},
    }
    return {"acme": {"kind": "compatible", "base_url": upstream.url, "api_key": "sk-x", "models": models}}


@dataclass(frozen=True)
class Room:
    """Both ends."""

    gateway: Gateway
    upstream: ScriptedUpstream

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.gateway.port}"

    @property
    def sent(self) -> Any:
        """The body of what the upstream was sent last."""
        return self.upstream.requests[-1].json()

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None, **options: Any) -> Result:
        return post(self.gateway, path, body, headers, **options)

    def row(self) -> dict[str, Any]:
        """The usage row of the latest call, once the books are right."""
        assert self.gateway.router("ledger", "verify")["ok"]
        found: dict[str, Any] = self.gateway.router("usage", "show", "--limit", "1")[0]
        return found
