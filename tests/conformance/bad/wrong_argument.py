"""L08: there is no argument ``request``."""

from __future__ import annotations

from router import CallContext, ChatCall, Reply, hookimpl
from router.upstream.compatible import CompatibleChatProvider


class Wrong(CompatibleChatProvider):
    @hookimpl
    def chat(self, request: ChatCall, context: CallContext) -> Reply:
        return super().chat(request, context)


plugin = Wrong()
