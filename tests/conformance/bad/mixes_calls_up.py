"""It keeps the call under way on the instance, where the next one overwrites it."""

from __future__ import annotations

import time
from typing import Any

from router import ChatCall, hookimpl
from router.upstream.compatible import CompatibleChatProvider


class Muddled(CompatibleChatProvider):
    @hookimpl
    def chat(self, call: ChatCall, context: Any) -> Any:
        self.call = call
        time.sleep(0.5)  # another call may run now, as it may wherever something waits
        return super().chat(call=self.call, context=context)


plugin = Muddled()
