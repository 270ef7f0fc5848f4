"""``docs/api.md`` as it stands: its examples run against a gateway, and its table names every operation."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from management_wire import Tenant

from router.http.management.operators import EXPORT, OPERATORS_BASE
from router.office.operations.table import OPERATIONS
from router.testing import Gateway

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs/api.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)/` \| (.*) \| (.*) \|$", re.MULTILINE)
HOST = "https://gateway.example"
TOLD = {
    "limit_reset": ['"name":"laptop"'],
    "export ROUTER": ["Blue Team", "invoice 7", "sk-"],
    "curl -f": ['"balance": "27.5"', '"ok": true', "request_id"],
}
"""By what an example holds: what is printed, in this order; the second goes on from the first."""


def test_the_table_has_every_operation() -> None:
    found = {
        (method, f"{OPERATORS_BASE}/{group}/{name}")
        for group, *cells in ROW.findall(TEXT)
        for method, cell in zip(("GET", "POST"), cells, strict=True)
        for name in re.findall(r"`([^`]+)`", cell)
    }
    served = {(one.method, f"{OPERATORS_BASE}{one.path}") for one in OPERATIONS.values()} | {("GET", EXPORT)}
    assert found == served


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``router`` as a command."""
    folder = tmp_path_factory.mktemp("tools")
    command = folder / "router"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m router "$@"\n', encoding="utf-8")
    command.chmod(0o700)
    return folder


def test_the_examples_run_as_they_stand(
    gateway: Gateway, ours: Tenant, operator: str, tools: Path, tmp_path: Path
) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    keys = {"OPERATOR_KEY": operator, "MANAGEMENT_KEY": ours.management}
    environ = {**kept, **keys, "PATH": f"{tools}{os.pathsep}{kept['PATH']}"}
    for mark, told in TOLD.items():
        script = next(one for one in EXAMPLES if mark in one).replace(HOST, gateway.url)
        done = subprocess.run(
            ["sh", "-ec", script],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        places = [done.stdout.find(one) for one in told]
        assert -1 not in places and places == sorted(places), done.stdout
    accounts = gateway.router("accounts", "list")
    assert [one["name"] for one in accounts].count("Blue Team") == 1
    entries = gateway.router("audit", "show", "--action", "credits grant")
    assert json.dumps(entries).count("invoice 7") == 1
