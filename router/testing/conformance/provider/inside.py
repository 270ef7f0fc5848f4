"""The plugin's hooks called directly, without a gateway: for what can only be seen from inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from router.config.file import Settings
from router.config.provider import ProviderSettings
from router.http_client.pool import PoolTransport
from router.plugin_host.registry import Plugin
from router.testing.conformance.provider.bench import ASK, ProviderBench
from router.types.records import CallContext, ChatCall, Reply
from router.types.transport import Request, Resent, Response

__all__ = ["Inside", "NoTransport", "inside", "record_of"]


class NoTransport:
    """A transport for hooks that may not use one."""

    def send(self, request: Request, *, resent: Resent | None = None) -> Response:
        """Raises:
        AssertionError: always.
        """
        raise AssertionError(f"a request was sent: {request.method} {request.url.partition('?')[0]}")

    def close(self) -> None:
        """Nothing is open."""


class Inside:
    """One provider's hooks, over one connection at a time: what is not released stops the next call.

    Args:
        section: its section of the configuration.
    """

    def __init__(self, plugin: Plugin, model: str, section: Mapping[str, Any]) -> None:
        self.transport = PoolTransport(max_connections=1)
        settings = record_of(plugin, section)
        self.context = CallContext("inside", model, settings, self.transport, settings.timeouts)
        self._plugin = plugin

    def chat(self, stream: bool, **fields: Any) -> Reply:
        """The ``chat`` hook's answer to one call."""
        body = {"model": f"inside/{self.context.model}", "messages": ASK, "stream": stream, **fields}
        call = ChatCall("req_conformance", body["model"], body, stream)
        reply: Reply = self._plugin.hooks["chat"](call=call, context=self.context)
        return reply


@contextmanager
def inside(bench: ProviderBench) -> Iterator[Inside]:
    """The hooks of the plugin under test, before the bench's upstream."""
    made = Inside(bench.plugin, bench.wire.model, bench.section)
    try:
        yield made
    finally:
        made.transport.close()


def record_of(plugin: Plugin, section: Mapping[str, Any]) -> Any:
    """The plugin's settings, of a section and an empty environment.

    Raises:
        ConfigError: the section does not fit what the plugin declares.
    """
    declare = plugin.hooks.get("settings")
    kind = declare() if declare is not None else ProviderSettings
    return Settings(path=Path("router.toml"), environ={}).record(kind, f"providers.{plugin.name}", section)
