"""Its replies do not release the upstream's connection."""

from __future__ import annotations

from router import CallContext, ChatCall, Reply, hookimpl
from router.upstream.compatible import CompatibleChatProvider


class Holding(CompatibleChatProvider):
    @hookimpl
    def chat(self, call: ChatCall, context: CallContext) -> Reply:
        reply = super().chat(call, context)
        kept = Reply(reply, read_usage=reply.read_usage, read_error=reply.read_error, close=lambda: None)
        self.last = reply
        return kept


plugin = Holding()
