"""Calls a provider on a patched event loop, and reports what holds the loop.

Reads ``{"plugin", "section", "model", "embedding_model", "limit_s", "rounds"}``, writes ``{"held"}``: for each round
the longest hold as ``[seconds, place]``, or null. The upstream's answers are up to whoever runs it.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import contextlib  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import traceback  # noqa: E402
from collections.abc import Callable, Iterator, Mapping  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from time import process_time, thread_time  # noqa: E402
from types import FrameType  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402

from router.config.file import Settings  # noqa: E402
from router.config.provider import ProviderSettings  # noqa: E402
from router.http_client.pool import PoolTransport  # noqa: E402
from router.plugin_host.registry import Plugin, load_plugins  # noqa: E402
from router.types.records import AnyCall, CallContext, ChatCall, EmbeddingsCall, Reply  # noqa: E402

__all__ = ["Watchdog", "main"]

_BEAT_S = 0.005
_real_sleep: Callable[[float], None] = monkey.get_original("time", "sleep")
_start_real_thread: Callable[..., int] = monkey.get_original("_thread", "start_new_thread")
_ASK = [{"role": "user", "content": "What is six times seven?"}]


class Watchdog:
    """A greenlet that beats, and a native thread that looks where the loop is when it has not beaten for long.

    A loop that idles is no hold: then the innermost frame is the hub's.

    Attributes:
        longest: (seconds, place) of the longest hold since ``reset``; None where there was none.
    """

    def __init__(self, limit_s: float) -> None:
        self.longest: tuple[float, str] | None = None
        self._limit_s = limit_s
        self._beats = 0
        self._main = monkey.get_original("_thread", "get_ident")()
        gevent.spawn(self._beat)
        _start_real_thread(self._watch, ())

    def reset(self) -> None:
        """Forget what was seen."""
        self.longest = None

    def _beat(self) -> None:
        used_s = thread_time()
        while True:
            self._beats += 1
            self._spent(thread_time() - used_s)
            used_s = thread_time()
            gevent.sleep(_BEAT_S)

    def _spent(self, held_s: float) -> None:
        """So much processor time went by between two beats: seen though the thread that watches got none itself."""
        if held_s >= self._limit_s and (self.longest is None or held_s > self.longest[0]):
            self.longest = (held_s, self.longest[1] if self.longest else "a hook")

    def _watch(self) -> None:
        seen = looks = 0
        busy_since_s = process_time()
        while True:
            _real_sleep(_BEAT_S)
            if self._beats != seen:
                seen, looks, busy_since_s = self._beats, 0, process_time()
                continue
            looks += 1
            # By the clock, a process that gets no processor would look held: so by looks, and by processor time.
            self._note(max(looks * _BEAT_S, process_time() - busy_since_s))

    def _note(self, held_s: float) -> None:
        if held_s < self._limit_s or (self.longest is not None and held_s <= self.longest[0]):
            return
        place = _place(sys._current_frames()[self._main])
        if place:
            self.longest = (held_s, place)


def _place(frame: FrameType) -> str:
    """Where the loop is held; empty where the loop itself waits."""
    innermost = traceback.extract_stack(frame)[-1]
    if f"{Path('gevent')}/" in innermost.filename and innermost.name in ("run", "_run", "switch", "get"):
        return ""
    return f"{innermost.name} ({innermost.filename}:{innermost.lineno})"


class _Caller:
    """Makes one call of each sort to a provider."""

    def __init__(self, plugin: Plugin, question: Mapping[str, Any]) -> None:
        declare = plugin.hooks.get("settings")
        record = declare() if declare is not None else ProviderSettings
        self._settings = Settings(path=Path("router.toml"), environ={}).record(record, "section", question["section"])
        self._transport = PoolTransport()
        self._hooks = plugin.hooks
        self._question = question

    def round(self) -> None:
        """A plain call, a stream, a call that fails, embeddings where they are offered; failures are not looked at."""
        model = self._question["model"]
        for stream in (False, True, False):
            call = ChatCall("req_1", f"watched/{model}", {"model": model, "messages": _ASK, "stream": stream}, stream)
            self._read("chat", call, model)
        model = self._question["embedding_model"]
        if model and "embeddings" in self._hooks:
            vectors = EmbeddingsCall("req_2", f"watched/{model}", {"model": model, "input": "six"})
            self._read("embeddings", vectors, model)

    def _read(self, hook: str, call: AnyCall, model: str) -> None:
        context = CallContext("watched", model, self._settings, self._transport, self._settings.timeouts)
        with contextlib.suppress(Exception), _closed(self._hooks[hook](call=call, context=context)) as reply:
            for batch in reply:
                for item in batch:
                    reply.read_usage(item.json())


@contextmanager
def _closed(reply: Reply) -> Iterator[Reply]:
    try:
        yield reply
    finally:
        reply.close()


def main(question: Mapping[str, Any]) -> dict[str, Any]:
    """Make the rounds; the longest hold of each."""
    caller = _Caller(load_plugins(enabled=[question["plugin"]]).plugins[question["plugin"]], question)
    watchdog = Watchdog(question["limit_s"])
    held = []
    for _ in range(question["rounds"]):
        gevent.sleep(_BEAT_S * 2)
        watchdog.reset()
        gevent.spawn(caller.round).join()
        gevent.sleep(_BEAT_S * 2)
        held.append(watchdog.longest)
    return {"held": held}


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
