"""This gateway as a benchmark serves it: freshly initialised, without policies or with all of them."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.load import Target
from bench.machine import GATEWAY_CORE, LOAD_CORE, BenchError, pinned
from bench.systems import UPSTREAM_KEY, Server, Upstreams
from bench.trees import OWN, Tree
from router.db.database import Database
from router.money.amounts import NANO
from router.store.opening import open_database
from router.testing import free_port

__all__ = ["BILLED", "PLAIN", "OurGateway", "Setup"]

_NAMES = {"fast": "openai", "paced": "paced", "dripped": "dripped", "scripted": "scripted"}
_NO_POLICIES = {"GATEWAY__BILLING": "none", "GATEWAY__RATE_LIMIT": "none"}
_LIMITS = {
    "REQUESTS_PER_MINUTE": "100000000",
    "TOKENS_PER_MINUTE": "100000000000",
    "CONCURRENT": "100000",
    "SPEND_PER_DAY": "1000000",
    "SPEND_PER_MONTH": "1000000",
}
_ALL_LIMITS = {f"LIMITS__{place}{name}": value for place in ("", "ACCOUNT__") for name, value in _LIMITS.items()}
"""Every limit there is, for each key and for each account; none is ever reached."""
_CREDIT_NANO = 1_000_000 * NANO


@dataclass(frozen=True)
class Setup:
    """How a gateway is set up.

    Attributes:
        name: as it stands at the top of a table.
        accounts: with policies (``prepaid``, ``windows``), each limit and a budget: how many accounts, a key each;
            0 is a gateway without policies.
        database_url: empty for the SQLite file that ``router init`` makes.
        workers, cores: how many processes serve, and where.
        tree: whose modules they import.
        portal: whether the portal is served beside it, as ``router init`` leaves it.
        metrics_port: where its figures are to be read; 0 is nowhere.
    """

    name: str = "this gateway"
    accounts: int = 0
    database_url: str = ""
    workers: int = 1
    cores: str = str(GATEWAY_CORE)
    tree: Tree = OWN
    portal: bool = False
    metrics_port: int = 0


PLAIN = Setup()
BILLED = Setup("with billing", accounts=100)


class OurGateway(Server):
    """``router init``, a section for each upstream, ``router serve``.

    Whatever the policies: a usage row for each call, the call log into a file.

    Args:
        plugins: a folder with further distributions, and the names of the providers in it.
    """

    def __init__(
        self,
        folder: Path,
        upstreams: Upstreams,
        setup: Setup = PLAIN,
        *,
        plugins: tuple[Path, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(folder)
        self.name, self.cores, self._setup = setup.name, setup.cores, setup
        self._port, self._portal_port = free_port(), free_port()
        self._path = ":".join(map(str, [*setup.tree.path, *(plugins[:1] if plugins else ())]))
        self._keys = [self._init()]
        if setup.accounts:
            self._keys = self._accounts(setup.accounts)
        sections = [_section(_NAMES[name], url, kind="openai") for name, url in upstreams.urls().items()]
        sections += [_section(name, upstreams.urls()["fast"]) for name in (plugins[1] if plugins else ())]
        config = folder / "router.toml"
        text = config.read_text(encoding="utf-8")
        if not setup.portal:
            text = text.replace("\nenabled = true\n", "\nenabled = false\n")
        config.write_text("".join([text, *sections]), encoding="utf-8")

    def command(self) -> Sequence[str]:
        options = ["--config", "router.toml", "--host", "127.0.0.1", "--port", str(self._port)]
        return [sys.executable, "-m", "router", "serve", *options, "--workers", str(self._setup.workers)]

    def environment(self) -> Mapping[str, str]:
        settings = _ALL_LIMITS if self._setup.accounts else _NO_POLICIES
        if self._setup.database_url:
            settings = {**settings, "DATABASE__URL": self._setup.database_url}
        if self._setup.portal:
            settings = {**settings, "PORTAL__LISTEN": f"127.0.0.1:{self._portal_port}"}
        if self._setup.metrics_port:
            settings = {**settings, "METRICS__LISTEN": f"127.0.0.1:{self._setup.metrics_port}"}
        return {"PYTHONPATH": self._path, **{f"ROUTER__{name}": value for name, value in settings.items()}}

    def target(self, upstream: str = "fast", model: str = "gpt-4o") -> Target:
        target = self.one_account(upstream, model)
        return replace(target, api_keys=self._keys) if len(self._keys) > 1 else target

    def one_account(self, upstream: str = "fast", model: str = "gpt-4o") -> Target:
        """As ``target``, with the first account's key for all calls."""
        return Target(self._port, {"Authorization": f"Bearer {self._keys[0]}"}, f"{_NAMES[upstream]}/{model}")

    @property
    def portal_port(self) -> int:
        """Where the portal is, on loopback."""
        return self._portal_port

    def workers(self) -> list[int]:
        """The worker alone: the master serves nothing."""
        return [
            pid for pid in super().workers() if b"router.server.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def rows(self) -> int:
        """How many usage rows there are of calls that reached the fast upstream."""
        query = "SELECT count(*) FROM usage WHERE provider = ? AND attempts != '[]'"
        with closing(self.database()) as database:
            return int(database.read(lambda connection: connection.tuples(query, (_NAMES["fast"],)))[0][0])

    def version_s(self) -> float:
        """How long ``router --version`` takes, the median of five."""
        taken = []
        for _ in range(5):
            started = time.perf_counter()
            self._command("--version")
            taken.append(time.perf_counter() - started)
        return statistics.median(taken)

    def database(self) -> Database:
        """Its database, opened by this process."""
        return open_database(self._setup.database_url or "sqlite:///router.db", self.folder)

    def router(self, *arguments: str) -> Any:
        """Run a command of the CLI with ``--json``; the decoded answer.

        Raises:
            BenchError: it failed.
        """
        return json.loads(self._command(*arguments, "--json"))

    def _answers(self) -> bool:
        """Where there is a portal, it has to answer as well."""
        return super()._answers() and (not self._setup.portal or _listens(self._portal_port))

    def _command(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "router", *arguments]
        env = self._environment()
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"router {' '.join(arguments)} failed: {done.stdout}{done.stderr}")
        return done.stdout

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        """A command of the CLI that runs while the block does, on the load's core, and is ended with it."""
        command = pinned(LOAD_CORE, sys.executable, "-m", "router", *arguments)
        process = subprocess.Popen(command, cwd=self.folder, env=self._environment(), stdout=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.environment()}

    def _init(self) -> str:
        return str(self.router("init", "--dir", str(self.folder))["api_key"])

    def _accounts(self, count: int) -> list[str]:
        """A key of each, with a budget."""
        if self._setup.database_url:
            self.router("db", "migrate", "--config", "router.toml")
        url = self._setup.database_url or "sqlite:///router.db"
        arguments = [url, str(self.folder), str(count), str(_CREDIT_NANO)]
        command = [
            sys.executable,
            str(self._setup.tree.path[-1] / "bench" / "accounts.py"),
            *arguments,
        ]  # of its own commit
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"accounts.py failed: {done.stderr}")
        return list(json.loads(done.stdout))


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def _section(name: str, url: str, kind: str = "") -> str:
    lines = [f"\n[providers.{name}]", f'api_key = "{UPSTREAM_KEY}"', f'base_url = "{url}"']
    return "\n".join([*lines, *([f'kind = "{kind}"'] if kind else [])]) + "\n"
