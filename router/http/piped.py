"""A stream for a WSGI server: the line writes at one end, the server takes at the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import gevent
from gevent.event import Event

from router.calls.line import CallAnswer
from router.calls.request import Incoming
from router.calls.sink import Sink
from router.errors import RequestTimeout

__all__ = ["Piped", "piped"]


def piped(serve: Callable[[Incoming], CallAnswer], incoming: Incoming) -> tuple[CallAnswer, Piped | None]:
    """Serve a call: its answer, or the head of one and the stream that follows.

    Raises:
        OSError: the client's connection broke.
    """
    sink = Piped()
    incoming.open_sink = lambda: sink
    serving = gevent.spawn(sink.serve, serve, incoming)
    sink.wait_begun()
    if sink.headers is not None:
        return CallAnswer(None, dict(sink.headers)), sink
    answer: CallAnswer = serving.get()
    if answer.body is None:
        raise ConnectionError("the client left before its stream began")
    return answer, None


class Piped(Sink):
    """The sink, and the iterable whose ``close`` tells that the client is gone, or has all.

    Attributes:
        headers: of the response; None until it begins.
    """

    __slots__ = ("_changed", "_ended", "_kept", "_over", "headers")

    def __init__(self) -> None:
        super().__init__()
        self.headers: Mapping[str, str] | None = None
        self._kept: list[bytes] = []
        self._ended = self._over = False
        self._changed = Event()

    def serve(self, serve: Callable[[Incoming], CallAnswer], incoming: Incoming) -> CallAnswer:
        """Run in a greenlet of its own: the line writes while the server takes."""
        try:
            return serve(incoming)
        finally:
            self._over = True
            self._changed.set()

    def wait_begun(self) -> None:
        """Until the response begins, or there is another one."""
        while self.headers is None and not self._over:
            self._changed.wait()
            self._changed.clear()

    def begin(self, headers: Mapping[str, str]) -> None:
        """See ``Sink``."""
        self.headers = headers
        self._changed.set()

    def write(self, data: bytes) -> None:
        """See ``Sink``."""
        if not self.stopped:
            self._kept.append(data)
            self.pending += len(data)
            self._changed.set()

    def end(self, data: bytes) -> None:
        """See ``Sink``."""
        if data:
            self.write(data)
        self._ended = True

    def stop(self) -> None:
        """See ``Sink``."""
        super().stop()
        self._kept.clear()
        self._changed.set()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """What is there, all at once.

        Raises:
            RequestTimeout: the call was given up. Its response must be cut, or what was sent would pass for the whole.
        """
        while not self._kept:
            if self.stopped or (self._over and not self._ended):
                raise RequestTimeout("The client left its stream, or did not read it.")
            if self._ended:
                raise StopIteration
            self._changed.wait()
            self._changed.clear()
        data = b"".join(self._kept)
        self._kept.clear()
        self.pending = 0
        self._tell_moved()
        return data

    def close(self) -> None:
        """The server is done with the response, or the client is gone."""
        if not self._over and self.on_gone is not None:
            self.on_gone()
