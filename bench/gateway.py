"""This gateway as a benchmark serves it: freshly initialised, its default configuration, one worker."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from bench.load import Target
from bench.machine import BenchError
from bench.systems import UPSTREAM_KEY, Server, Upstreams
from bench.tools import HERE
from router.testing import free_port

__all__ = ["OurGateway"]

_SOURCES = HERE.parent
_NAMES = {"fast": "openai", "paced": "paced", "scripted": "scripted"}


class OurGateway(Server):
    """``router init``, a section for each upstream, ``router serve --workers 1``.

    Nothing else differs from the default: no billing and no limits, a usage row for each call, the call log into a
    file.

    Args:
        plugins: a folder with further distributions, and the names of the providers in it.
    """

    name = "this gateway"

    def __init__(self, folder: Path, upstreams: Upstreams, plugins: tuple[Path, Sequence[str]] | None = None) -> None:
        super().__init__(folder)
        self._port = free_port()
        self._path = str(_SOURCES) if plugins is None else f"{_SOURCES}:{plugins[0]}"
        self._key = self._init()
        sections = [_section(_NAMES[name], url, kind="openai") for name, url in upstreams.urls().items()]
        sections += [_section(name, upstreams.urls()["fast"]) for name in (plugins[1] if plugins else ())]
        with (folder / "router.toml").open("a", encoding="utf-8") as file:
            file.write("".join(sections))

    def command(self) -> Sequence[str]:
        options = ["--config", "router.toml", "--host", "127.0.0.1", "--port", str(self._port), "--workers", "1"]
        return [sys.executable, "-m", "router", "serve", *options]

    def environment(self) -> Mapping[str, str]:
        return {"PYTHONPATH": self._path}

    def target(self, upstream: str = "fast", model: str = "gpt-4o") -> Target:
        return Target(self._port, {"Authorization": f"Bearer {self._key}"}, f"{_NAMES[upstream]}/{model}")

    def workers(self) -> list[int]:
        """The worker alone: the master serves nothing."""
        return [
            pid for pid in super().workers() if b"router.server.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def rows(self) -> int:
        """How many usage rows there are of calls that reached the fast upstream."""
        query = "SELECT count(*) FROM usage WHERE provider = ? AND attempts != '[]'"
        with closing(sqlite3.connect(self.folder / "router.db")) as database:
            return int(database.execute(query, (_NAMES["fast"],)).fetchone()[0])

    def _init(self) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": self._path}
        command = [sys.executable, "-m", "router", "init", "--dir", str(self.folder), "--json"]
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"router init failed: {done.stdout}{done.stderr}")
        return str(json.loads(done.stdout)["api_key"])


def _section(name: str, url: str, kind: str = "") -> str:
    lines = [f"\n[providers.{name}]", f'api_key = "{UPSTREAM_KEY}"', f'base_url = "{url}"']
    return "\n".join([*lines, *([f'kind = "{kind}"'] if kind else [])]) + "\n"
