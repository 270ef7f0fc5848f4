"""Waiting for what another process, thread or greenlet is about to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_LIMIT_S = 60.0
_STEP_S = 0.01


def until(look: Callable[[], T | None], what: str | Callable[[], object] = "it", limit_s: float = _LIMIT_S) -> T:
    """What ``look`` gives, as soon as that is true.

    Args:
        what: what is waited for, or what finds out why it did not come.
        limit_s: how long a busy machine may take for it.
    """
    deadline = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {limit_s:g} s: {what() if callable(what) else what}"
        time.sleep(_STEP_S)
    return found
