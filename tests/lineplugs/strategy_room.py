"""What tests of strategies share: options, a call, and a plugin's context."""

from __future__ import annotations

from typing import Any

from router import CallRequest, PluginContext, TargetOption

__all__ = ["call", "context", "option"]


def option(provider: str, *, charge: int | None = None, cost: int | None = None, ready: bool = True) -> TargetOption:
    return TargetOption(f"{provider}/x", provider, "x", "compatible", charge, cost, ready)


def call(**fields: Any) -> CallRequest:
    body = {"model": "one/x", "messages": [{"role": "user", "content": "Hi"}], **fields}
    return CallRequest("req_1", "chat", "acct_1", "key_1", "one/x", body, body.get("stream") is True)


def context(settings: Any, database: Any = None) -> PluginContext:
    return PluginContext("", (), settings, "test", database=database, currency="USD")
