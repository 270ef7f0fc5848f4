"""How many objects a run allocates in those greenlets that serve requests (``allocations.c``)."""

from __future__ import annotations

import ctypes
import gc
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import greenlet

from bench.tools import built

__all__ = ["Allocations"]


class Allocations:
    """Counts from its making on. What the interpreter keeps in free lists of its own (small tuples, floats, frames) and
    takes from there again is not allocated, and does not count.

    Args:
        left_out: greenlets that serve no request.
    """

    def __init__(self, left_out: set[greenlet.greenlet]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self._library = ctypes.PyDLL(str(built(Path(folder), "allocations", shared=True)))
        self._library.allocations_take.restype = ctypes.c_long
        self._library.allocations_install()
        self._left_out = left_out

    def of(self, run: Callable[[], None], *, warm_up: int, rounds: int) -> int:
        """What ``run()`` makes the server allocate, in that one of many rounds into which nothing else fell."""
        for _ in range(warm_up):
            run()
        gc.collect()
        gc.disable()
        before = greenlet.settrace(self._switched)
        try:
            return min(self._round(run) for _ in range(rounds))
        finally:
            greenlet.settrace(before)
            self._library.allocations_switch(0)
            gc.enable()

    def _round(self, run: Callable[[], None]) -> int:
        self._library.allocations_take()
        run()
        return int(self._library.allocations_take())

    def _switched(self, event: str, greenlets: Any) -> None:
        self._library.allocations_switch(0)
        self._library.allocations_switch(greenlets[1] not in self._left_out)
