"""A stream on its way: the pump owns the upstream and the bracket, the WSGI iterator only takes what is ready.

So whatever becomes of the client, the call is read to its end, or dropped, and settled by the pump alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import gevent
from gevent.event import Event

from router.dialect import Dialect
from router.errors import FAULTS, RequestTimeout, RouterError, StoreError, Unavailable, UpstreamError
from router.gateway.active import ActiveCall, CallCancelled
from router.gateway.attempt import Opened
from router.gateway.dispatch import Dispatcher
from router.sections import GatewaySettings

__all__ = ["Pump", "StreamBody"]

_log = logging.getLogger("router.pump")


class Pump:
    """Runs in a greenlet of its own.

    Attributes:
        failure: why there is no stream, while that can still be a plain HTTP error.
    """

    def __init__(self, active: ActiveCall, dispatcher: Dispatcher, dialect: Dialect, limits: GatewaySettings) -> None:
        self.failure: RouterError | None = None
        self._active = active
        self._dispatcher = dispatcher
        self._dialect = dialect
        self._limits = limits
        self._ready: list[bytes] = []
        self._ready_bytes = 0
        self._over = False
        self._opened: Opened | None = None
        self._changed = Event()
        self._taken = Event()
        gevent.spawn(self._run)

    # The reader's side.

    def commit(self) -> None:
        """Wait until the response may start: its first output is there, or the upstream has been silent for too long.

        Raises:
            RouterError: the call failed before anything was sent.
        """
        self._changed.wait(self._limits.commit_after_s)
        if self.failure is not None:
            raise self.failure
        self._active.answered = not self._active.gone

    def take(self) -> bytes | None:
        """What is ready, a heartbeat when nothing is for a while, None at the end.

        Raises:
            RequestTimeout: the call was given up. Its response must be cut, or what was sent would pass for the whole.
        """
        while not self._ready:
            if self._active.gone:
                raise RequestTimeout("The client left its stream, or did not read it.")
            if self._over:
                return None
            self._changed.clear()
            if not self._changed.wait(self._limits.heartbeat_s):
                return self.heartbeat()
        data = b"".join(self._ready)
        self._ready.clear()
        self._ready_bytes = 0
        self._taken.set()
        return data

    def client_left(self) -> None:
        """The client has gone, or does not read. Never blocks."""
        self._active.client_left()
        self._changed.set()
        self._taken.set()

    def heartbeat(self) -> bytes:
        """The comment that keeps a silent stream awake."""
        return self._dialect.heartbeat()

    @property
    def idle_start(self) -> bool:
        """Whether the response was started by silence: its first bytes are then a heartbeat."""
        return not self._ready and not self._over

    # The pump's side.

    def _run(self) -> None:
        active, error = self._active, None
        try:
            with active:
                self._relay()
        except CallCancelled as cancelled:
            error = cancelled.reason
        except StoreError as failed:
            _log.warning("call %s failed: %s", active.request_id, failed.message)
            error = failed.for_clients()
        except RouterError as failed:
            error = failed
        except FAULTS:  # a fault of ours must still settle the call
            _log.exception("call %s failed", active.request_id, extra={"said": active.body})
            error = RouterError("The gateway failed while it served this call.")
        try:
            self._keep_end(error)
            try:
                active.finish(error)
            except Unavailable as unsettled:
                error = unsettled
            self._close(error)
        finally:
            if self._opened is not None:
                self._opened.close()  # last: by now its framing has ended too, and the connection can stay

    def _relay(self) -> None:
        active, relay = self._active, self._active.relay
        opened = self._opened = self._dispatcher.open(active)
        try:
            self._put(opened.first)
            relay.check()
            for batch in opened.batches:
                self._put(relay.frames(batch))
                relay.check()
            relay.end()
            if active.keeping is not None:
                active.keeping.end(self._dialect.end_frame())
        except UpstreamError as error:
            opened.failed(error)
            raise

    def _keep_end(self, error: RouterError | None) -> None:
        """A stream that broke off after output is kept as one that did, whoever broke it."""
        keeping = self._active.keeping
        if keeping is not None and not keeping.whole and self._active.relay.output:
            left = RequestTimeout("The client left this stream, and it was not read to its end.")
            keeping.add(self._dialect.error_frame(error or left))

    def _put(self, data: bytes) -> None:
        if data and self._active.keeping is not None:
            self._active.keeping.add(data)
        if self._active.gone or not data:
            return
        self._ready.append(data)
        self._ready_bytes += len(data)
        self._changed.set()
        while self._ready_bytes > self._limits.stream_buffer_bytes and not self._active.gone:
            self._taken.clear()
            if not self._taken.wait(self._limits.client_stall_s):
                self.client_left()

    def _close(self, error: RouterError | None) -> None:
        """The last bytes: only now that the call is settled."""
        if error is not None and not self._active.answered and not self._active.relay.output:
            self.failure = error
        elif not self._active.gone:
            self._ready.append(self._dialect.end_frame() if error is None else self._dialect.error_frame(error))
        self._over = True
        self._changed.set()


class StreamBody:
    """The WSGI iterable of a stream."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._silent = pump.idle_start

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._silent:
            self._silent = False
            return self._pump.heartbeat()
        data = self._pump.take()
        if data is None:
            raise StopIteration
        return data

    def close(self) -> None:
        """The server is done with the response, or the client is gone."""
        self._pump.client_left()
