"""What the operator's pages have one type is typed: each page's commands, in their order, on a gateway of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from container import ROOT

from router.cli.main import Root
from router.testing import free_port

pytestmark = pytest.mark.slow

PAGES = [*sorted((ROOT / "docs/deploy").glob("*.md")), ROOT / "docs/moving.md", ROOT / "docs/nodes.md"]
FENCED = re.compile(r"^ *```([a-z]*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(rf"(?:^|[\s/])(router (?:{'|'.join(Root.places)})\b[^\n#]*)")
ELSEWHERE = ("router import ",)
"""These need another gateway's tables: tests/cli/test_cli_importing.py types them."""
OF_ONE_THAT_RUNS = ("router health", "router reload", "router stop")


def commands(page: Path) -> list[str]:
    lines = [
        line
        for language, text in FENCED.findall(page.read_text(encoding="utf-8"))
        if language in ("", "sh")
        for line in text.replace("\\\n", " ").splitlines()
        if not line.lstrip().startswith("#")
    ]
    found = [match[1].strip() for line in lines if (match := COMMAND.search(line))]
    return [one for one in found if not one.startswith(ELSEWHERE)]


class Machine:
    """An operator's: a folder, a shell in which ``router`` is found, and a gateway that may run."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self._gateway: subprocess.Popen[str] | None = None
        (folder / "bin").mkdir()
        (folder / "backups").mkdir()
        program = folder / "bin/router"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m router "$@"\n')
        program.chmod(0o755)
        self._variables = {
            **{name: text for name, text in os.environ.items() if not name.startswith("ROUTER")},
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "ROUTER_CONFIG": str(folder / "router.toml"),
            "ROUTER_MASTER_KEY": "m" * 64,
            "ROUTER__SERVER__PORT": str(free_port()),
            "ROUTER__SERVER__WORKERS": "1",
            "ROUTER__PORTAL__LISTEN": f"127.0.0.1:{free_port()}",
            "DATABASE_URL": database,
        }

    def type(self, line: str) -> None:
        """Run a line as it is shown, but for its paths."""
        if line.startswith(OF_ONE_THAT_RUNS) and not self._runs():
            self._serve()
        if line.startswith("router serve"):
            self._serve()
            return
        line = line.replace("/backups/", f"{self.folder}/backups/").replace("/var/lib/router", str(self.folder))
        done = subprocess.run(["sh", "-ec", line], **self._where(), timeout=120, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if line.startswith("router stop"):
            assert self._gateway is not None and self._gateway.wait(60) == 0
        if line.startswith("router db copy"):
            self.type("router config set database.url env:DATABASE_URL")  # as the page goes on to say

    def close(self) -> None:
        if self._runs():
            self.type("router stop")

    def _runs(self) -> bool:
        return self._gateway is not None and self._gateway.poll() is None

    def _serve(self) -> None:
        with (self.folder / "log").open("a") as log:
            self._gateway = subprocess.Popen(["router", "serve"], **self._where(log))
        deadline = time.monotonic() + 90
        while subprocess.run(["router", "health"], **self._where(), timeout=30, check=False).returncode:
            assert self._runs() and time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.2)

    def _where(self, log: object = subprocess.PIPE) -> dict[str, object]:
        return {"cwd": self.folder, "env": self._variables, "stdout": log, "stderr": log, "text": True}


@pytest.fixture
def machine(tmp_path: Path, postgresql_url: str) -> Iterator[Machine]:
    made = Machine(tmp_path, postgresql_url)
    yield made
    made.close()


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_its_commands_do_what_they_should(page: Path, machine: Machine) -> None:
    lines = commands(page)
    if not any(line.startswith("router init") for line in lines):
        machine.type("router init")
    for line in lines:
        machine.type(line)
