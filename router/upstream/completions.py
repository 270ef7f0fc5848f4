"""Legacy completions on OpenAI's wire: for a provider that has models of that kind."""

from __future__ import annotations

from router import hookimpl
from router.types.records import CallContext, Reply, SurfaceCall
from router.upstream.compatible import CompatibleChatProvider

__all__ = ["CompletionsProvider"]


class CompletionsProvider(CompatibleChatProvider):
    """The hook of a provider with models of the kind ``completions``. Stand it before the class of the wire."""

    @hookimpl
    def completions(self, call: SurfaceCall, context: CallContext) -> Reply:
        body = {**call.body, "model": context.model}
        if call.stream:
            options = call.body.get("stream_options")
            body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
        response = self.send("/completions", body, call, context)
        return self._stream(response, context) if call.stream else self._plain(response, context)
