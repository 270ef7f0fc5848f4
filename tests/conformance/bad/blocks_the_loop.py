"""It computes for a long time without a pause, and every other call of the worker waits."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from router import CallContext, ChatCall
from router.upstream.compatible import CompatibleProvider


class Busy(CompatibleProvider):
    def chat_body(self, call: ChatCall, context: CallContext) -> dict[str, Any]:
        until = time.thread_time() + 0.25  # of work, however busy the machine is
        digest = b""
        while time.thread_time() < until:
            digest = hashlib.sha256(digest).digest()
        return super().chat_body(call, context)


plugin = Busy()
