"""A stream on its way, in the greenlet that serves its request: from the upstream to the client's sink.

The sink never waits for the client, so whatever becomes of that, the call is read to its end, or dropped, and settled.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from gevent import get_hub, sleep

from router.calls.attempt import Opened
from router.calls.call import ActiveCall
from router.calls.dispatch import Dispatcher
from router.calls.request import CallCancelled
from router.calls.sink import Sink
from router.config.schema import GatewaySettings
from router.errors import RequestTimeout, RouterError, StoreError, Unavailable, UpstreamError, faults

__all__ = ["Pump"]

_log = logging.getLogger("router.calls")
_TURNS_MAX = 32  # packets in a row, before others get their turn: an upstream may be faster than we are


class Pump:
    """One stream.

    Args:
        sink: where it goes.
        headers: those of the answer, asked for when it begins.
    """

    __slots__ = (
        "_active",
        "_begun",
        "_dispatcher",
        "_end",
        "_headers",
        "_keeping",
        "_limits",
        "_opened",
        "_put_at",
        "_sink",
        "_timer",
        "_turns",
    )

    def __init__(
        self,
        active: ActiveCall,
        dispatcher: Dispatcher,
        limits: GatewaySettings,
        sink: Sink,
        headers: Callable[[], Mapping[str, str]],
    ) -> None:
        self._active = active
        self._dispatcher = dispatcher
        self._limits = limits
        self._sink = sink
        self._headers = headers
        self._keeping = active.keeping
        self._begun = False
        self._end = b""
        self._opened: Opened | None = None
        self._put_at = 0.0
        self._timer: Any = None
        self._turns = 0
        sink.on_gone = self.client_left

    def run(self) -> None:
        """Read the upstream to its end, settle the call, and only then send the last bytes.

        Where the client has left by then, or did not read, the sink is stopped.

        Raises:
            RouterError: the call failed before anything was sent.
        """
        active, error = self._active, None
        self._tick_in(self._limits.commit_after_s)
        try:
            error = self._relayed()
            self._keep_end(error)
            try:
                active.finish(error)
            except Unavailable as unsettled:
                error = unsettled
        finally:
            if self._timer is not None:
                self._timer.close()
                self._timer = None
        try:
            if error is not None and not active.answered and (active.guarding is not None or not active.relay.output):
                raise error
            if not active.gone:
                if not self._begun:
                    self._begin()
                last = self._end if error is None else active.ends.error_frame(error)
                if error is None or last:
                    self._sink.end(last)
                else:
                    self._sink.stop()
        finally:
            if self._opened is not None:
                self._opened.close()  # last: by now its framing has ended too, and the connection can stay

    def client_left(self) -> None:
        """The client has gone, or does not read. Never blocks."""
        self._active.client_left()
        self._sink.stop()

    def _relayed(self) -> RouterError | None:
        """Why the stream did not come to its good end; None where it did, or its client has left."""
        active = self._active
        try:
            with active:
                self._relay()
        except CallCancelled as cancelled:
            return cancelled.reason
        except StoreError as failed:
            _log.warning("call %s failed: %s", active.request_id, failed.message)
            return failed.for_clients()
        except RouterError as failed:
            return failed
        except faults():  # a fault of ours must still settle the call
            _log.exception("call %s failed", active.request_id, extra={"said": active.body})
            return RouterError("The gateway failed while it served this call.")
        return None

    def _relay(self) -> None:
        opened = self._opened = self._dispatcher.open(self._active)
        relay, guarding = self._active.relay, self._active.guarding
        guarded = None if guarding is None else guarding.face
        try:
            self._put(opened.first)
            relay.check()
            if guarded is not None:
                guarded.check()
            for batch in opened.batches:
                self._put(relay.frames(batch))
                if relay.failure is not None:
                    relay.check()
                if guarded is not None:
                    guarded.check()
            relay.end()
            if guarded is not None:
                self._put(guarded.rest())
            self._end = self._active.ends.end_frame()
            if self._keeping is not None:
                self._keeping.end(self._end)
        except UpstreamError as error:
            opened.failed(error)
            raise

    def _keep_end(self, error: RouterError | None) -> None:
        """Keep the end of a stream that broke off after output, for its repeats, whoever broke it."""
        keeping = self._keeping
        if keeping is not None and not keeping.whole and self._active.relay.output:
            left = RequestTimeout("The client left this stream, and it was not read to its end.")
            keeping.add(self._active.ends.error_frame(error or left))

    def _put(self, data: bytes) -> None:
        if not data:
            return
        if self._keeping is not None:
            self._keeping.add(data)
        if self._active.gone:
            return
        if not self._begun:
            self._begin()
        self._put_at = monotonic()
        sink = self._sink
        sink.write(data)
        self._turns += 1
        if sink.pending > self._limits.stream_buffer_bytes:
            if not sink.wait_room(self._limits.stream_buffer_bytes, self._limits.client_stall_s):
                self.client_left()
        elif self._turns >= _TURNS_MAX:
            self._turns = 0
            sleep(0)

    def _begin(self) -> None:
        self._sink.begin(self._headers())
        self._begun = self._active.answered = True
        self._tick_in(self._limits.heartbeat_s)

    def _tick_in(self, after_s: float) -> None:
        if self._timer is not None:
            self._timer.close()
        self._timer = get_hub().loop.timer(after_s)
        self._timer.start(self._tick)

    def _tick(self) -> None:
        """Begin the response, or write a heartbeat, if the upstream has been silent for long enough; else look again
        later. Runs on the hub.
        """
        if self._active.gone:
            return
        silent_s = monotonic() - self._put_at
        if self._begun and self._sink.pending:
            self._tick_in(self._limits.heartbeat_s)
            return
        if self._begun and silent_s < self._limits.heartbeat_s:
            self._tick_in(max(self._limits.heartbeat_s - silent_s, 0.001))
            return
        beat = self._active.ends.heartbeat()
        if beat:
            if not self._begun:
                self._begin()
            self._put_at = monotonic()
            self._sink.write(beat)
        self._tick_in(self._limits.heartbeat_s)
