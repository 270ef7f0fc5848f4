"""Judgements and rankings on the wires that OpenAI, Cohere and Jina have: for a provider that has these routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router import hookimpl
from router.money.usage import Units
from router.types.records import CallContext, Reply, SurfaceCall, Usage
from router.upstream.media import plain_reply
from router.upstream.provider import HttpProvider
from router.upstream.wire import object_at, usage_of

__all__ = ["ModerationsProvider", "RerankProvider"]

_COUNT_MAX = 2**40


class ModerationsProvider(HttpProvider):
    """The hook of a provider that judges texts. Stand it before the class of the wire."""

    @hookimpl
    def moderations(self, call: SurfaceCall, context: CallContext) -> Reply:
        body = {**call.body, "model": context.model}
        response = self.send("/moderations", body, call, context)
        return plain_reply(self, response, context, _judged)


class RerankProvider(HttpProvider):
    """The hook of a provider that ranks documents. Stand it before the class of the wire."""

    @hookimpl
    def rerank(self, call: SurfaceCall, context: CallContext) -> Reply:
        body = {**call.body, "model": context.model}
        response = self.send("/rerank", body, call, context)
        return plain_reply(self, response, context, _ranked)


def _judged(value: Any) -> Usage | None:
    return usage_of(object_at(value, "usage"))


def _ranked(value: Any) -> Usage | None:
    """Cohere counts searches, under ``meta``; Jina counts tokens, all of them input."""
    billed = object_at(value, "meta", "billed_units")
    tokens = _whole(object_at(value, "usage"), "prompt_tokens", "total_tokens") or _whole(billed, "input_tokens")
    searches = _whole(billed, "search_units")
    if tokens is None and searches is None:
        return None
    return Usage(tokens or 0, units=None if searches is None else Units(searches=searches))


def _whole(counts: Mapping[str, Any], *names: str) -> int | None:
    """The first of these counts that is a whole number, be it written as ``1.0``."""
    for name in names:
        count: Any = counts.get(name)
        if type(count) in (int, float) and 0 <= count <= _COUNT_MAX and count == int(count):
            return int(count)
    return None
