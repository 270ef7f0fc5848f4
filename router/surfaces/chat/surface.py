"""The surface of chat completions: ``POST /v1/chat/completions``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from router.surfaces.chat.relay import Relay
from router.surfaces.checked import look
from router.surfaces.surface import ServedCall, Surface
from router.types.dialect import Dialect
from router.types.records import ChatCall

__all__ = ["CHAT", "ChatSurface"]


class ChatSurface(Surface):
    """OpenAI's chat completions, plain or as a stream; a dialect is its face."""

    name = hook = modality = "chat"
    streams = capped = compiles = True
    look = staticmethod(partial(look, "chat"))  # no call of its own: it is on every call's way

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        """Those of the dialect."""
        return dialect.chat_paths

    def seen(self, call: ServedCall, body: Mapping[str, Any]) -> ChatCall:
        """See ``Surface``."""
        return ChatCall(call.request_id, call.model, body, call.stream, call.include_usage)

    def reader(self, call: ServedCall) -> Relay:
        """See ``Surface``."""
        return Relay(call, call.face)


CHAT = ChatSurface()
