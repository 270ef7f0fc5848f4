"""What this machine needs for a known piece of work, here and now: a bound on time is told in units of it.

A bound in seconds is about the machine as much as about the program: half the speed or a neighbour breaks it. What
hangs for good needs no unit: ``HANG_S`` is longer than anything that is bounded takes on any machine.
"""

from __future__ import annotations

import json
import time

__all__ = ["HANG_S", "known_work_s"]

HANG_S = 60.0
KNOWN = json.dumps([{"role": "user", "content": "x" * 40}] * 10_000)  # 0.7 MB


def known_work_s() -> float:
    """Processor seconds for decoding a JSON list of 10,000 messages, at best; some 1.5 ms where this was written."""
    best = float("inf")
    for _ in range(3):
        started = time.thread_time()
        json.loads(KNOWN)
        best = min(best, time.thread_time() - started)
    return best
