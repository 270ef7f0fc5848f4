"""A plugin author's import; tests/cli asks the same of the command line."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("flask", "gevent", "peewee", "requests", "werkzeug", "httptools", "marshmallow", "sqlite3", "ssl")


def in_a_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_importing_router_is_light() -> None:
    code = f"import router, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert in_a_new_process(code) == "[]"


def test_nothing_is_patched_by_importing_the_entry_point() -> None:
    assert in_a_new_process("import router.__main__, sys; print('gevent' in sys.modules)") == "False"
