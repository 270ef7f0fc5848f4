"""A stream to one client: written at once as far as the socket takes it; the hub sends the rest when it takes more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from gevent import get_hub

from router.calls.sink import Sink
from router.http1.channel import Channel, ClientGone
from router.http1.heads import answer_head
from router.http1.responder import LAST_CHUNK

__all__ = ["StreamSink"]


class StreamSink(Sink):
    """The response of one request, in chunked coding; by HTTP/1.0 up to the end of the connection.

    A client that takes nothing of what is kept for ``send_timeout_s`` is gone.

    Args:
        channel: where to write.
        request_id: for the head.
        version: of the request.
        may_keep_alive: asked when the response begins: whether the connection may serve another request.
        leave: called, on the hub perhaps, when nothing more is to go to the client: closes the connection, with a reset
            where the client would take an end for that of the response.

    Attributes:
        begun: its head has gone out, or is about to.
        ended: its end has, too.
        keep: whether the client was told that it may use the connection again.
        chunked: whether a client sees a response that is cut; not so where the end of the connection is its end.
        mark: adds to the headers what a web page needs to read the response; None where no page asks.
    """

    __slots__ = (
        "_channel",
        "_head",
        "_kept",
        "_leave",
        "_may_keep_alive",
        "_moved_at",
        "_request_id",
        "_send_some",
        "_send_timeout_s",
        "_timer",
        "_version",
        "begun",
        "chunked",
        "ended",
        "keep",
        "mark",
    )

    def __init__(
        self,
        channel: Channel,
        request_id: str,
        version: str,
        send_timeout_s: float,
        may_keep_alive: Callable[[], bool],
        leave: Callable[[bool], object],
    ) -> None:
        super().__init__()
        self.begun = self.ended = self.keep = False
        self.mark: Callable[[Mapping[str, str]], Mapping[str, str]] | None = None
        self.chunked = version == "1.1"
        self._channel = channel
        self._send_some = channel.send_some
        self._request_id = request_id
        self._version = version
        self._send_timeout_s = send_timeout_s
        self._may_keep_alive = may_keep_alive
        self._leave = leave
        self._head = b""
        self._kept: list[bytes] = []
        self._moved_at = 0.0
        self._timer: Any = None

    def begin(self, headers: Mapping[str, str]) -> None:
        """See ``Sink``.

        Raises:
            ValueError: a header holds a line break or NUL.
        """
        self.keep = self.chunked and self._may_keep_alive()
        if self.mark is not None:
            headers = self.mark(headers)
        self._head = answer_head(200, headers, self._request_id, None, keep=self.keep, version=self._version)
        self.begun = True

    def write(self, data: bytes) -> None:
        """See ``Sink``."""
        if self.chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if self._head:
            data, self._head = self._head + data, b""
        if self.pending or self.stopped:
            self._keep_back(data)
            return
        try:
            sent = self._send_some(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self._lose()
            return
        if sent < len(data):
            self._keep_back(data[sent:])

    def end(self, data: bytes) -> None:
        """See ``Sink``."""
        if self.chunked:
            data = b"%x\r\n%b\r\n%b" % (len(data), data, LAST_CHUNK) if data else LAST_CHUNK
        self.ended = True
        chunked, self.chunked = self.chunked, False
        self.write(data)
        self.chunked = chunked

    def flush(self) -> None:
        """Wait until the client has taken all.

        Raises:
            ClientGone: it does not.
        """
        self.wait_room(0)
        self._release()
        if self.stopped or not self.ended:
            raise ClientGone("the client left its stream, or did not read it")

    def stop(self) -> None:
        """See ``Sink``."""
        if self.stopped:
            return
        super().stop()
        self._release()
        self._leave(not self.chunked)

    def _keep_back(self, data: bytes) -> None:
        if self.stopped:
            return
        if not self.pending:
            self._moved_at = monotonic()
            self._channel.on_writable(self._send_more)
            self._await_stall(self._send_timeout_s)
        self._kept.append(data)
        self.pending += len(data)

    def _send_more(self) -> None:
        """On the hub: the client takes more."""
        data = b"".join(self._kept)
        try:
            sent = self._send_some(data)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._lose()
            return
        self._moved_at = monotonic()
        self.pending = len(data) - sent
        self._kept = [data[sent:]] if self.pending else []
        if not self.pending:
            self._channel.on_writable(None)
        self._tell_moved()

    def _await_stall(self, after_s: float) -> None:
        if self._timer is not None:
            self._timer.close()
        self._timer = get_hub().loop.timer(after_s)
        self._timer.start(self._look_for_stall)

    def _look_for_stall(self) -> None:
        if not self.pending:
            return
        left_s = self._moved_at + self._send_timeout_s - monotonic()
        if left_s <= 0:
            self._lose()
        else:
            self._await_stall(left_s)

    def _lose(self) -> None:
        self.stop()
        if self.on_gone is not None:
            self.on_gone()

    def _release(self) -> None:
        """Give watchers and timers back."""
        self._kept.clear()
        if self._timer is not None:
            self._timer.close()
            self._timer = None
        if not self._channel.closed:
            self._channel.on_writable(None)
