"""It reads the usage of answers in words alone."""

from __future__ import annotations

from typing import Any

from router import ChatCall, Usage, hookimpl
from router.upstream.compatible import CompatibleChatProvider
from router.upstream.wire import usage_of


class Wordy(CompatibleChatProvider):
    @hookimpl
    def chat(self, call: ChatCall, context: Any) -> Any:
        reply = super().chat(call=call, context=context)
        if call.body.get("tools"):
            reply.read_usage = lambda value: None
        return reply

    def read_usage(self, value: Any) -> Usage | None:
        return usage_of(value.get("usage"))


plugin = Wordy()
