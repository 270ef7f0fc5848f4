"""``Gateway``: the server as a real process, with a configuration, a database and a key of its own."""

from __future__ import annotations

import atexit
import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import tomlkit

if TYPE_CHECKING:
    from openai import OpenAI

__all__ = ["CommandFailed", "Gateway", "GatewayFailed", "free_port"]

_SOURCES = Path(__file__).resolve().parents[2]
_NO_POLICIES = {"gateway": {"billing": "none", "rate_limit": "none"}}
_NO_PORTAL = {"portal": {"enabled": False}}
_NO_BALANCER = {"server": {"unready_s": 0.0}}  # to turn away first: tests that ask /readyz need not wait
_INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")


class GatewayFailed(Exception):
    """The server did not start, or did not stop; the message ends with the last lines of its log."""


class CommandFailed(Exception):
    """A command of the CLI failed.

    Attributes:
        exit_code: 1 refused or failed, 2 wrong usage.
        stderr: what it said.
    """

    def __init__(self, args: tuple[str, ...], exit_code: int, stderr: str) -> None:
        super().__init__(f"router {' '.join(args)} exited with {exit_code}: {stderr.strip()}")
        self.exit_code = exit_code
        self.stderr = stderr


class Gateway:
    """A gateway of a test's own: ``router init`` in a directory, then ``router serve`` on a free port::

        with ScriptedUpstream() as upstream, Gateway(tmp_path, upstream=upstream.url) as gateway:
            gateway.client().chat.completions.create(model="openai/gpt-4o", messages=[...])

    The process sees a clean environment: an empty HOME, no API key of the developer's. It is gone when the ``with``
    block ends, and at the latest when the interpreter does.

    Args:
        folder: where its files live; one that ``router init`` has already been run in is used as it is.
        upstream: base URL; short for a provider ``openai`` there with the key ``sk-upstream``.
        providers: the ``[providers.NAME]`` sections, in place of those that ``init`` writes.
        config: more configuration, TOML text or a dict; wins over everything else.
        env: additional environment variables.
        workers: worker processes.
        profile: handed to ``router init --profile``.
        billing: False switches both policies off, so that models need no price and accounts no credit.
        portal: True has a portal served beside it, at a free port of its own, ``portal_port``.
        start: whether to start the server at once.
        command: the CLI.

    Attributes:
        folder, config_path, log_path: its files.
        api_key, account, operator_secret: what ``init`` printed; empty in a folder that was there before.
        port, portal_port: chosen at the start, and kept when it is started again.
    """

    def __init__(
        self,
        folder: Path,
        *,
        upstream: str | None = None,
        providers: Mapping[str, Mapping[str, Any]] | None = None,
        config: str | Mapping[str, Any] = "",
        env: Mapping[str, str] | None = None,
        workers: int = 1,
        profile: str | None = None,
        billing: bool = True,
        portal: bool = False,
        start: bool = True,
        command: Sequence[str] = (sys.executable, "-m", "router"),
    ) -> None:
        self.folder = folder
        self.config_path = folder / "router.toml"
        self.log_path = folder / "stderr.log"
        self.port, self.portal_port = free_port(), free_port()
        self.api_key = self.account = self.operator_secret = ""
        self._command = tuple(command)
        self._workers = workers
        self._process: subprocess.Popen[bytes] | None = None
        self._secure = False
        self._clients: list[OpenAI] = []
        self._env = _environment(folder, self.config_path, env or {})
        if not self.config_path.exists():
            self._init(profile)
        if upstream is not None:
            providers = {"openai": {"base_url": upstream, "api_key": "sk-upstream"}, **(providers or {})}
        self.configure({} if billing else _NO_POLICIES, providers)
        self.configure({"portal": {"listen": f"127.0.0.1:{self.portal_port}"}} if portal else _NO_PORTAL)
        self.configure(config)
        if start:
            self.start()

    @property
    def url(self) -> str:
        """The server's root, ``http://127.0.0.1:PORT``; ``https`` where the configuration names a certificate."""
        return f"{'https' if self._secure else 'http'}://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What an SDK is given: ``url`` and ``/v1``."""
        return f"{self.url}/v1"

    @property
    def portal_url(self) -> str:
        """The portal's root, where there is one: ``localhost`` is where browsers keep its cookies without TLS."""
        return f"http://localhost:{self.portal_port}"

    @property
    def pid(self) -> int:
        """The process ID of the running server (of its master, if it has workers)."""
        if self._process is None:
            raise GatewayFailed("the gateway is not running: call start()")
        return self._process.pid

    @property
    def log(self) -> list[dict[str, Any]]:
        """The JSON lines that the server has written to stderr so far."""
        lines = self._stderr().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def configure(self, config: str | Mapping[str, Any], providers: Mapping[str, Any] | None = None) -> None:
        """Merge into ``router.toml``; holds from the next start. ``providers``, when given, replace all sections."""
        document: dict[str, Any] = tomllib.loads(self.config_path.read_text(encoding="utf-8"))
        if providers is not None:
            document["providers"] = {name: dict(section) for name, section in providers.items()}
        _merge(document, tomllib.loads(config) if isinstance(config, str) else config)
        self._secure = bool(document.get("server", {}).get("tls_cert"))
        self.config_path.write_text(tomlkit.dumps(document), encoding="utf-8")

    def start(self, timeout_s: float = 20.0) -> None:
        """Start the server and wait until ``/healthz`` says 200.

        Raises:
            GatewayFailed: it ended, or was not ready in time.
        """
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", str(self._workers)]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, "serve", "--config", str(self.config_path), *options],
                cwd=self.folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that kill() reaches the workers
            )
        atexit.register(self.kill)
        deadline = time.monotonic() + timeout_s
        while not self._healthy():
            exit_code = self._process.poll()
            if exit_code is not None or time.monotonic() > deadline:
                self.kill()
                cause = "was not ready in time" if exit_code is None else f"exited with {exit_code}"
                raise GatewayFailed(f"the gateway {cause}:\n{self._stderr()[-4000:]}")
            time.sleep(0.02)

    def stop(self, timeout_s: float = 40.0) -> int | None:
        """SIGTERM, and wait for the end; returns the exit code, None if it was not running.

        The server gives calls in flight ``[server] grace_s`` (30 by default), so the limit is above that.

        Raises:
            GatewayFailed: it did not end in time, and was killed.
        """
        self._close_clients()
        if self._process is None:
            return None
        self._process.terminate()
        try:
            exit_code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            message = f"the gateway did not stop within {timeout_s} s of SIGTERM:\n{self._stderr()[-4000:]}"
            raise GatewayFailed(message) from None
        self.kill()  # a worker that outlived its master
        return exit_code

    def kill(self) -> None:
        """SIGKILL to the server and its workers, and wait for the end. Harmless when called again."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        atexit.unregister(self.kill)

    def client(self, api_key: str | None = None, **options: Any) -> OpenAI:
        """OpenAI's SDK for this gateway, without retries; closed together with the gateway.

        Args:
            api_key: another key than the gateway's own.
            options: any argument of ``openai.OpenAI``.
        """
        import openai

        defaults: dict[str, Any] = {"base_url": self.base_url, "max_retries": 0, "timeout": 30.0}
        client = openai.OpenAI(api_key=api_key or self.api_key, **(defaults | options))
        self._clients.append(client)
        return client

    def router(self, *args: str, timeout_s: float = 60.0) -> Any:
        """Run a command of the CLI with ``--json`` on this configuration; returns the decoded answer.

        Raises:
            CommandFailed: with what it said on stderr.
        """
        done = subprocess.run(
            [*self._command, *args, "--json"],
            cwd=self.folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode:
            raise CommandFailed(args, done.returncode, done.stderr)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise CommandFailed(args, 0, f"stdout is not one JSON document: {done.stdout[:2000]!r}") from None

    def __enter__(self) -> Gateway:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
            return
        self._close_clients()
        self.kill()

    def _init(self, profile: str | None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        chosen = ("--profile", profile) if profile else ()
        made = self.router("init", *chosen, "--dir", str(self.folder))
        self.api_key, self.account = made["api_key"], made["account"]
        self.operator_secret = made["operator_secret"]
        self.configure(_NO_BALANCER)

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        if self._secure:  # only whether it answers: whose the certificate is, the test knows
            trust = ssl._create_unverified_context()  # noqa: S323
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=2, context=trust)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _stderr(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def _close_clients(self) -> None:
        while self._clients:
            self._clients.pop().close()


def free_port() -> int:
    """A port on loopback that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _environment(folder: Path, config_path: Path, extra: Mapping[str, str]) -> dict[str, str]:
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    search = os.pathsep.join(filter(None, [str(_SOURCES), kept.get("PYTHONPATH")]))
    ours = {"HOME": str(home), "PYTHONPATH": search, "PYTHONUNBUFFERED": "1", "ROUTER_CONFIG": str(config_path)}
    return kept | ours | dict(extra)


def _merge(document: MutableMapping[str, Any], extra: Mapping[str, Any]) -> None:
    for key, value in extra.items():
        if isinstance(value, Mapping) and isinstance(document.get(key), MutableMapping):
            _merge(document[key], value)
        else:
            document[key] = value
