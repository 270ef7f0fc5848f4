"""What is measured: the direct call, and gateways as processes on a core of their own."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from bench.load import Target, chat_body
from bench.machine import GATEWAY_CORE, BenchError, pinned, until

__all__ = ["UPSTREAM_KEY", "Direct", "Server", "System", "Upstreams"]

UPSTREAM_KEY = "sk-upstream"
_START_S = 60.0


@dataclass(frozen=True)
class Upstreams:
    """Ports of the upstreams.

    Attributes:
        fast: answers at once.
        paced: sends a chunk every 50 ms.
        dripped: sends each of 50 chunks in a packet of its own, a millisecond apart; 0 where it is not measured.
        scripted: says what the fidelity checks want to hear; 0 where there are none.
    """

    fast: int
    paced: int
    dripped: int = 0
    scripted: int = 0

    def urls(self) -> dict[str, str]:
        """Name -> base URL."""
        return {name: f"http://127.0.0.1:{port}/v1" for name, port in vars(self).items() if port}


class System(ABC):
    """Something that takes OpenAI's requests.

    Attributes:
        name: as it stands at the top of a table.
        start_s: from the start of the process to its first answer; 0 where there is no process.
    """

    name: str
    start_s: float = 0.0

    @abstractmethod
    def target(self, upstream: str = "fast", model: str = "gpt-4o") -> Target:
        """Where requests for an upstream go: ``fast``, ``paced`` or ``scripted``."""

    def workers(self) -> list[int]:
        """The processes that serve calls."""
        return []


class Direct(System):
    """No gateway at all."""

    name = "direct"

    def __init__(self, upstreams: Upstreams) -> None:
        self._ports = vars(upstreams)

    def target(self, upstream: str = "fast", model: str = "gpt-4o") -> Target:
        return Target(self._ports[upstream], {"Authorization": f"Bearer {UPSTREAM_KEY}"}, model)


class Server(System):
    """A gateway that is started for the measurement. Subclasses say how.

    Args:
        folder: for its files; its output goes to ``output.log`` there.
    """

    cores = str(GATEWAY_CORE)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """What starts it, in the foreground."""

    @abstractmethod
    def environment(self) -> Mapping[str, str]:
        """Its environment besides ``PATH`` and ``HOME``."""

    def workers(self) -> list[int]:
        """All processes of its group: the one that was started, and those that it started itself."""
        return [] if self._process is None else _group(self._process.pid)

    def __enter__(self) -> Server:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.environment()}
        started = time.monotonic()
        with (self.folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                pinned(self.cores, *self.command()),
                cwd=self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            until(self._answers, _START_S)
        except TimeoutError:
            self._kill()
            raise BenchError(f"{self.name} answered no call within {_START_S:g} s:\n{self.output()}") from None
        except BaseException:
            self._kill()
            raise
        self.start_s = time.monotonic() - started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None and kind is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(40)
        self._kill()

    def output(self) -> str:
        """The end of what it has printed."""
        return (self.folder / "output.log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def _answers(self) -> bool:
        """Whether it answers a chat call."""
        process = self._process
        if process is None or process.poll() is not None:
            raise BenchError(f"{self.name} ended:\n{self.output()}")
        target = self.target()
        connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=10)
        try:
            headers = {"Content-Type": "application/json", **target.headers}
            connection.request("POST", f"{target.base}/chat/completions", chat_body(target.model), headers)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _group(leader: int) -> list[int]:
    members = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if os.getpgid(int(entry.name)) == leader:
                members.append(int(entry.name))
    return members
