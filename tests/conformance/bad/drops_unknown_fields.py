"""It builds the request from a list of the fields that it knows."""

from __future__ import annotations

from typing import Any

from router import CallContext, ChatCall
from router.upstream.compatible import CompatibleProvider

KNOWN = ("messages", "stream", "stream_options", "tools", "temperature", "max_tokens")


class Listing(CompatibleProvider):
    def chat_body(self, call: ChatCall, context: CallContext) -> dict[str, Any]:
        body = super().chat_body(call, context)
        return {"model": context.model, **{name: body[name] for name in KNOWN if name in body}}


plugin = Listing()
