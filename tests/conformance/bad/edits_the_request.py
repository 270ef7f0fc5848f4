"""It takes out of the client's request what its upstream does not know, and so out of every later attempt's."""

from __future__ import annotations

from typing import Any

from router import ChatCall, hookimpl
from router.upstream.compatible import CompatibleChatProvider


class Editing(CompatibleChatProvider):
    @hookimpl
    def chat(self, call: ChatCall, context: Any) -> Any:
        call.body.pop("stop", None)
        return super().chat(call=call, context=context)


plugin = Editing()
