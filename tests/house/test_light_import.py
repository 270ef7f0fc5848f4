"""A plugin author's import, and a command line that answers at once."""

from __future__ import annotations

import subprocess
import sys
import time

import router

VERSION_S = 0.3
HEAVY = ("flask", "gevent", "peewee", "requests", "werkzeug", "httptools", "marshmallow", "sqlite3", "ssl")


def in_a_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_importing_router_is_light() -> None:
    code = f"import router, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert in_a_new_process(code) == "[]"


def test_nothing_is_patched_by_importing_the_entry_point() -> None:
    assert in_a_new_process("import router.__main__, sys; print('gevent' in sys.modules)") == "False"


def test_version_is_quick() -> None:
    """The best of several: what the machine adds by being busy is not ours. Stops at the first that is quick enough."""
    best = float("inf")
    for _ in range(15):
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "router", "--version"], capture_output=True, text=True, check=True)
        best = min(best, time.perf_counter() - started)
        assert done.stdout.strip() == f"router {router.__version__}"
        if best < VERSION_S:
            return
    raise AssertionError(f"router --version took {best:.2f} s at best, not under {VERSION_S} s")
