"""The command line driven in this process, on a gateway set up in a folder of the test's own."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from router.cli.main import cli


@dataclass(frozen=True)
class Run:
    """What one command did."""

    status: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)


class Router:
    """Runs ``router ...`` on one configuration; a traceback fails the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "router.toml"
        self.first: dict[str, str] = {}

    def __call__(self, *args: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Run:
        environment = {"ROUTER_CONFIG": str(self.config), "OPENAI_API_KEY": None, "ROUTER_API_KEY": None, **(env or {})}
        result = CliRunner().invoke(cli, args, input=stdin, env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Run(result.exit_code, result.stdout, result.stderr)

    def json(self, *args: str, **options: Any) -> Any:
        """The answer of a command that must succeed."""
        run = self(*args, "--json", **options)
        assert run.status == 0, run.err
        return run.value

    def refused(self, *args: str, status: int = 1, **options: Any) -> str:
        """What a command says that must fail; with ``--json`` the same is one document on stdout."""
        run = self(*args, **options)
        assert run.status == status, (run.out, run.err)
        assert run.out == ""
        assert run.err.startswith("error: ")
        document = self(*args, "--json", **options)
        assert document.status == status
        assert document.value["error"]["message"] in run.err
        return run.err

    def write(self, text: str) -> None:
        """Add to the configuration; what belongs to a section that it has already is put there."""
        document = self.config.read_text(encoding="utf-8")
        for part in re.split(r"^(?=\[)", text, flags=re.MULTILINE):
            header, _, rest = part.partition("\n")
            if not header.startswith("[[") and f"\n{header}\n" in document:
                document = document.replace(f"\n{header}\n", f"\n{header}\n{rest.rstrip()}\n", 1)
            else:
                document += part
        self.config.write_text(document, encoding="utf-8")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in os.environ:
        if name.startswith("ROUTER_") or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest's own workers set it: tables are as in a pipe
    yield


@pytest.fixture
def bare(tmp_path: Path) -> Router:
    """No configuration yet."""
    return Router(tmp_path)


@pytest.fixture
def router(bare: Router) -> Router:
    """A gateway that ``router init`` has set up; ``first`` is what it said."""
    bare.first = bare.json("init", "--dir", str(bare.folder))
    return bare
