"""A provider plugin driven through its hooks, over real HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from router import CallContext, ChatCall, EmbeddingsCall, ProviderSettings, Reply, Usage
from router.config.file import Settings
from router.http_client.pool import PoolTransport
from router.plugin_host.registry import registry_of

__all__ = ["Driver", "usage_in", "values_of"]


@dataclass
class Driver:
    """One configured provider.

    Attributes:
        plugin: the plugin object, as its entry point gives it.
        section: its section of the configuration.
        environ: the environment that ``env:NAME`` reads.
    """

    plugin: Any
    section: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    name: str = "acme"
    transport: PoolTransport = field(default_factory=lambda: PoolTransport(max_connections=4))

    def __post_init__(self) -> None:
        self.hooks = registry_of(acme=self.plugin).plugins["acme"].hooks

    @property
    def settings(self) -> Any:
        place = Settings(path=Path("router.toml"), environ=dict(self.environ))
        declared = self.hooks["settings"]() if "settings" in self.hooks else ProviderSettings
        return place.record(declared, f"providers.{self.name}", self.section)

    def context(self, model: str) -> CallContext:
        return CallContext(self.name, model, self.settings, self.transport, self.settings.timeouts)

    def chat(self, body: Mapping[str, Any], model: str = "large") -> Reply:
        stream = bool(body.get("stream"))
        asked = bool((body.get("stream_options") or {}).get("include_usage"))
        call = ChatCall("req_1", str(body.get("model", model)), body, stream, asked)
        reply: Reply = self.hooks["chat"](call=call, context=self.context(model))
        return reply

    def embed(self, body: Mapping[str, Any], model: str = "embed") -> Reply:
        call = EmbeddingsCall("req_1", str(body.get("model", model)), body)
        reply: Reply = self.hooks["embeddings"](call=call, context=self.context(model))
        return reply


def values_of(reply: Reply) -> list[Any]:
    """All items of a reply, decoded; the reply is closed."""
    try:
        return [item.json() for batch in reply for item in batch]
    finally:
        reply.close()


def usage_in(reply: Reply) -> Usage | None:
    """The usage that the host would find in a reply: the last."""
    found = [reply.read_usage(value) for value in values_of(reply)]
    return next((usage for usage in reversed(found) if usage is not None), None)
