"""It sends what has text and a speaker, and leaves the results of tools out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from router import ChatCall, hookimpl
from router.upstream.compatible import CompatibleChatProvider


class Forgetful(CompatibleChatProvider):
    @hookimpl
    def chat(self, call: ChatCall, context: Any) -> Any:
        kept = [message for message in call.body["messages"] if message["role"] != "tool"]
        return super().chat(call=replace(call, body={**call.body, "messages": kept}), context=context)


plugin = Forgetful()
