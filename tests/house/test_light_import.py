"""A plugin author's import; tests/cli asks the same of the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HEAVY = ("flask", "gevent", "peewee", "requests", "werkzeug", "httptools", "marshmallow", "sqlite3", "ssl")


DRIVERS = ("peewee", "psycopg", "gevent", "flask")


def in_a_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_importing_router_is_light() -> None:
    code = f"import router, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert in_a_new_process(code) == "[]"


def test_nothing_is_patched_by_importing_the_entry_point() -> None:
    assert in_a_new_process("import router.__main__, sys; print('gevent' in sys.modules)") == "False"


LATE = ("requests", "urllib3", "cryptography", "rich.console", "tomlkit", "playhouse")
"""What few installations need, or none at the start."""


@pytest.mark.parametrize(
    ("opening", "absent"),
    [
        pytest.param("from router.cli.main import Root, cli", HEAVY + LATE, id="command line"),
        pytest.param(
            "from router.cli.support.session import CommandSession; import router.cli.processes.serve, pathlib;"
            "router.cli.processes.serve._prepare(CommandSession(pathlib.Path({config!r}), False))",
            (*LATE, "flask", "router.http", "router.calls.line"),
            id="master",
        ),
        pytest.param(
            "import router.server.worker; from router.http.app import create_application;"
            "create_application({config!r}).close()",
            LATE,
            id="worker",
        ),
    ],
)
def test_a_start_imports_only_what_it_uses(opening: str, absent: tuple[str, ...], tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "router", "init", "--dir", str(tmp_path)], capture_output=True, check=True, timeout=60
    )
    assert b"router.toml" in made.stdout + made.stderr
    code = opening.format(config=str(tmp_path / "router.toml"))
    assert in_a_new_process(f"import sys\n{code}\nprint([name for name in {absent!r} if name in sys.modules])") == "[]"


@pytest.mark.parametrize("group", ["accounts", "audit", "credits", "fallbacks", "keys", "limits", "models", "usage"])
def test_help_opens_no_database_and_loads_none(group: str) -> None:
    code = f"import sys, router.cli.commands.{group}; print([name for name in {DRIVERS!r} if name in sys.modules])"
    assert in_a_new_process(code) == "[]"
