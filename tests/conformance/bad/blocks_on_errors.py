"""It computes for a long time over an error, and has embeddings besides, whose answers must not get out of step."""

from __future__ import annotations

import time

from router.upstream.compatible import CompatibleProvider
from router.upstream.failures import Failure


class Brooding(CompatibleProvider):
    def kind(self, failure: Failure) -> str:
        until = time.thread_time() + 0.25
        while time.thread_time() < until:
            pass
        return super().kind(failure)


plugin = Brooding()
