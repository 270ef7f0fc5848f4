"""Keeps this thread from the network for a while, and notes what it wanted there."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["offline"]

_EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostby", "socket.sendto", "socket.sendmsg", "subprocess.")
_state = threading.local()
_hooked: list[bool] = []


@contextmanager
def offline() -> Iterator[list[str]]:
    """What was tried, each of which was refused. An audit hook stays for ever: there is one."""
    if not _hooked:
        _hooked.append(True)
        sys.addaudithook(_refuse)
    tried: list[str] = []
    _state.tried = tried
    try:
        yield tried
    finally:
        _state.tried = None


def _refuse(event: str, arguments: Any) -> None:
    tried: list[str] | None = getattr(_state, "tried", None)
    if tried is not None and event.startswith(_EVENTS):
        tried.append(event)
        raise ConnectionRefusedError("there is no network under a conformance rule")
