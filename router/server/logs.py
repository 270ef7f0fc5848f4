"""The worker's own log: lines for the operator, on standard error.

An exception shows its frames and its type. What it says is left out unless it is one of ours: a plugin's or a library's
words may quote a prompt, an answer or a key.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType

from router.errors import RouterError

__all__ = ["WordlessFormatter", "log_to_stderr"]

_CHAIN_MAX = 8
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class WordlessFormatter(logging.Formatter):
    """``logging.Formatter`` that does not repeat what an exception says."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatException(self, ei: _ExcInfo) -> str:
        """The frames of an exception, and of those that led to it, oldest first."""
        return "\n".join(_lines(one) for one in reversed(list(_chain(ei[1]))))


def log_to_stderr() -> None:
    """Send warnings and worse to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(WordlessFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_CHAIN_MAX):
        if error is None:
            return
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _lines(error: BaseException) -> str:
    frames = "".join(traceback.format_tb(error.__traceback__))
    kind = type(error)
    return f"Traceback (most recent call last):\n{frames}{kind.__module__}.{kind.__qualname__}{_words(error)}"


def _words(error: BaseException) -> str:
    if isinstance(error, RouterError):
        return f": {error.message}"
    if isinstance(error, OSError) and error.strerror:
        return f": {error.strerror}"
    return ""
