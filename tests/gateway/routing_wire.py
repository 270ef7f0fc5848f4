"""Many providers at one scripted upstream, told apart by their keys: who was called, and how each answers."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from line_wire import Line

from router.testing import Answer, Gateway, Raw, ReceivedRequest, Script, ScriptedUpstream, Stream, chunks, completion

__all__ = ["ATTEMPT", "Routing", "at", "routing"]

ATTEMPT = r"[\w#]+/[\w.-]+;\w+;\d+ms"
"""One attempt in ``x-router-attempts``."""


class Routing(Line):
    """A gateway whose providers answer ``from NAME`` unless they are told otherwise."""

    def __init__(self, gateway: Gateway, upstream: ScriptedUpstream, *others: ScriptedUpstream) -> None:
        super().__init__(gateway, upstream)
        self._scripts: dict[str, list[Script | Raw]] = {}
        self._always: dict[str, Script | Raw] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        for one in (upstream, *others):
            one.on("/v1/chat/completions", self._answer)

    def number(self) -> int:
        """Of providers that no test has used: what one test taught the gateway of them is no other test's business."""
        return next(self._numbers)

    def script(self, provider: str, *scripts: Script | Raw) -> None:
        """The provider's next answers, in order."""
        with self._lock:
            self._scripts.setdefault(provider, []).extend(scripts)

    def always(self, provider: str, script: Script | Raw | None) -> None:
        """The provider's answer from now on; None for a good one."""
        with self._lock:
            self._always.pop(provider, None)
            if script is not None:
                self._always[provider] = script

    def calls(self, *providers: str) -> list[str]:
        """Which of these providers were called, in order."""
        named = [caller(request) for request in self.upstream.requests]
        return [name for name in named if name in providers]

    def requests(self, provider: str) -> list[ReceivedRequest]:
        """What the provider was sent."""
        return [request for request in self.upstream.requests if caller(request) == provider]

    def _answer(self, request: ReceivedRequest) -> Script | Raw:
        name = caller(request)
        with self._lock:
            queue = self._scripts.get(name)
            if queue:
                return queue.pop(0)
            if name in self._always:
                return self._always[name]
        text = f"from {name}"
        return Stream(chunks(text)) if request.json().get("stream") else Answer(completion(text))


def caller(request: ReceivedRequest) -> str:
    """Whose key a request carries."""
    return request.headers.get("authorization", "").removeprefix("Bearer sk-").removeprefix("canary-")


def at(upstream: ScriptedUpstream, name: str, **settings: Any) -> dict[str, Any]:
    """A provider's section. Its key names it."""
    return {"kind": "compatible", "base_url": upstream.url, "api_key": f"sk-canary-{name}", "models": ["m"], **settings}


@contextlib.contextmanager
def routing(
    folder: Path,
    upstream: ScriptedUpstream,
    providers: Mapping[str, Any],
    config: Mapping[str, Any],
    *others: ScriptedUpstream,
) -> Iterator[Routing]:
    """A running gateway with these providers, at one upstream or several."""
    with Gateway(folder, providers=providers, config=config, billing=False) as gateway:
        yield Routing(gateway, upstream, *others)
