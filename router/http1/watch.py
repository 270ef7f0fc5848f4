"""Notices that a client has gone while its call waits for something else than the client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gevent import get_hub

from router.http1.channel import Channel

__all__ = ["ClientWatch"]

RESET_CHECK_S = 1.0


class ClientWatch:
    """``environ["router.client"]``: tells once when the client closes or resets the connection.

    A client that shuts down only its sending half counts as gone: it cannot be told from one that closed. Bytes that
    arrive while watching are a further request, so the client is there; from then on only a reset is noticed, within
    a second.
    """

    __slots__ = ("_callback", "_channel", "_timer", "gone")

    def __init__(self, channel: Channel) -> None:
        self.gone = False
        self._channel = channel
        self._callback: Callable[[], object] | None = None
        self._timer: Any = None
        channel.readiness.idle = self._look

    def watch(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once, on the hub, as soon as the client has gone. It must not block.

        Read the request's body to its end first. A second call replaces the callback.
        """
        self._callback = callback
        if self.gone:
            get_hub().loop.run_callback(self._tell)
            return
        if self._timer is None:
            self._channel.readiness.watch()

    def unwatch(self) -> None:
        """Stop watching. Harmless when nothing is watched."""
        self._callback = None
        if self._timer is not None:
            self._timer.close()
            self._timer = None

    def close(self) -> None:
        """Watch no more; before the channel is closed."""
        self.unwatch()
        self._channel.readiness.idle = None

    def _look(self) -> None:
        """Something came while nobody waits for it: only here, and not with each call, is the watcher stopped."""
        if self._callback is None:
            return
        seen = self._channel.peek()
        if seen is None:
            self._channel.readiness.watch()
        elif seen:
            self._timer = self._channel.timer(RESET_CHECK_S, self._look_for_reset)
        else:
            self._lose()

    def _look_for_reset(self) -> None:
        if self._channel.is_reset():
            self._lose()

    def _lose(self) -> None:
        self.gone = True
        self._tell()

    def _tell(self) -> None:
        callback = self._callback
        self.unwatch()
        if callback is not None:
            callback()
