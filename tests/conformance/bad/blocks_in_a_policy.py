"""A policy that goes through a long list for each call, while every other call waits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from router import Claim, hookimpl


class Thorough:
    @hookimpl
    def rate_limit_claims(self, call: Any, key: Any, quote: Any, context: Any) -> Sequence[Claim]:
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            pass
        return []


plugin = Thorough()
