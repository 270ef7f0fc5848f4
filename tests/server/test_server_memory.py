"""A worker hands memory that it only keeps back to the system, and does so when nobody waits for it."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

PROGRAM = """
import os, gevent
from router.server.memory import keep_trimming

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1_000_000

calls = 1
trimming = keep_trimming(lambda: calls, look_s=0.001)
burst = [bytes(1000) for _ in range(100_000)]
last = bytes(1000)  # above all others, so that glibc gives nothing back by itself
print(resident())
burst.clear()
for _ in range(20):
    gevent.sleep(0.001)
print(resident())
calls = 0
while resident() > 60:
    gevent.sleep(0.001)
print(resident())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="a C library that cannot")
def test_what_a_burst_took_is_given_back_once_no_call_is_in_flight() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    full, busy, idle = map(int, done.stdout.split())
    assert full > 100 and busy > 0.9 * full and idle <= 60
