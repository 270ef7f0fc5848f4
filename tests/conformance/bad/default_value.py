"""L09: an argument with a default value."""

from __future__ import annotations

from router import CallContext, ChatCall, Reply, hookimpl
from router.upstream.compatible import CompatibleChatProvider


class Defaulting(CompatibleChatProvider):
    @hookimpl
    def chat(self, call: ChatCall, context: CallContext, retries: int = 3) -> Reply:
        return super().chat(call, context)


plugin = Defaulting()
