"""The processes' own log: lines for the operator, on standard error, one JSON object each like those of the calls.

An exception shows its frames and its type. What it says is left out unless it is one of ours: a plugin's or a library's
words may quote a prompt, an answer or a key.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator

from router.errors import RouterError

__all__ = ["JsonFormatter", "log_to_stderr"]

_CHAIN_MAX = 8


class JsonFormatter(logging.Formatter):
    """A record as one line: ``time`` (Unix seconds), ``event`` (``log``), ``level``, ``logger``, ``message``.

    With an exception, ``exception`` holds its frames and those that led to it, oldest first, as one text.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": round(record.created, 3),
            "event": "log",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = "\n".join(_lines(one) for one in reversed(list(_chain(record.exc_info[1]))))
        return json.dumps(line, separators=(",", ":"))


def log_to_stderr() -> None:
    """Send warnings and worse to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
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
