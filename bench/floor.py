"""The floor (``skeleton.py``) as systems that are measured: one process for each upstream, on the gateway's core."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from bench.load import Target
from bench.systems import Server, System, Upstreams
from bench.tools import HERE
from router.testing import free_port

__all__ = ["Floor"]

_KEY = "sk-floor"


class Floor(System):
    """What one core can do at most. It calls one upstream, so there is one of it for each."""

    name = "floor"

    def __init__(self, folder: Path, upstreams: Upstreams) -> None:
        self._stack = ExitStack()
        self._servers: dict[str, _Skeleton] = {}
        for upstream in ("fast", "dripped"):
            place = folder / upstream
            place.mkdir(parents=True)
            self._servers[upstream] = _Skeleton(place, vars(upstreams)[upstream])

    def target(self, upstream: str = "fast", model: str = "gpt-4o") -> Target:
        return self._servers[upstream].target(upstream, model)

    def workers(self) -> list[int]:
        return [pid for server in self._servers.values() for pid in server.workers()]

    def __enter__(self) -> Floor:
        for server in self._servers.values():
            self._stack.enter_context(server)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)


class _Skeleton(Server):
    name = "floor"

    def __init__(self, folder: Path, upstream_port: int) -> None:
        super().__init__(folder)
        self._port, self._upstream_port = free_port(), upstream_port

    def command(self) -> Sequence[str]:
        return [sys.executable, str(HERE / "skeleton.py"), str(self._port), str(self._upstream_port)]

    def environment(self) -> Mapping[str, str]:
        return {}

    def target(self, upstream: str = "fast", model: str = "gpt-4o") -> Target:
        return Target(self._port, {"Authorization": f"Bearer {_KEY}"}, f"openai/{model}")
