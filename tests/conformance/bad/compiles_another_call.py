"""Its hook puts the user's team into the request, and the wire that it compiles knows nothing of it."""

from __future__ import annotations

from dataclasses import replace

from router import CallContext, ChatCall, Reply, hookimpl
from router.upstream.compatible import CompatibleProvider
from router.upstream.compiled import CallWire


class Hasty(CompatibleProvider):
    @hookimpl
    def chat(self, call: ChatCall, context: CallContext) -> Reply:
        reply: Reply = super().chat(replace(call, body={**call.body, "team": "blue"}), context)
        return reply

    @hookimpl
    def compiled(self, kind: str, context: CallContext) -> CallWire | None:
        return CompatibleProvider().compiled(kind, context)


plugin = Hasty()
