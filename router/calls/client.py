"""The client at the other end of a call: its connection, and how a call ends that it does not wait for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from router.errors import RouterError

__all__ = ["CallCancelled", "ClientConnection"]


class CallCancelled(BaseException):
    """Thrown into the greenlet that waits for an upstream. Not an ``Exception``: no handler of errors may catch it.

    Attributes:
        reason: what to tell the client; None where there is none any more.
    """

    def __init__(self, reason: RouterError | None = None) -> None:
        super().__init__()
        self.reason = reason


class ClientConnection(Protocol):
    """The client's connection, as the server gives it."""

    @property
    def gone(self) -> bool: ...
    def watch(self, callback: Callable[[], None]) -> None: ...
    def unwatch(self) -> None: ...
