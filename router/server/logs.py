"""The processes' own log: lines for the operator, on standard error, one JSON object each like those of the calls.

An exception shows its frames, its type and what it says. Words of a plugin or a library may quote a key or a prompt:
secrets are masked in every line, and where a record tells of a call (``said``, its body), so is what is quoted of it.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from router.errors import RouterError
from router.types.masking import masked, one_line, without_quotes

__all__ = ["JsonFormatter", "log_to_stderr"]

_CHAIN_MAX = 8
_READ_MAX = 10_000
_WORDS_MAX = 500


class JsonFormatter(logging.Formatter):
    """A record as one line: ``time`` (Unix seconds), ``event`` (``log``), ``level``, ``logger``, ``message``.

    With an exception, ``exception`` holds its frames and those that led to it, oldest first, as one text.
    """

    def format(self, record: logging.LogRecord) -> str:
        said = getattr(record, "said", None)
        line = {
            "time": round(record.created, 3),
            "event": "log",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": masked(without_quotes(record.getMessage(), said)),
        }
        if record.exc_info:
            chain = reversed(list(_chain(record.exc_info[1])))
            line["exception"] = "\n".join(_lines(one, said) for one in chain)
        return json.dumps(line, separators=(",", ":"))


def log_to_stderr(level: str = "warning") -> None:
    """Send messages to standard error.

    Args:
        level: the least that is sent: ``debug``, ``info``, ``warning`` or ``error``. Libraries' own ones below a
            warning are never.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("router").setLevel(level.upper())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_CHAIN_MAX):
        if error is None:
            return
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _lines(error: BaseException, said: Any) -> str:
    frames = "".join(traceback.format_tb(error.__traceback__))
    kind = type(error)
    words = _words(error, said)
    return f"Traceback (most recent call last):\n{frames}{kind.__module__}.{kind.__qualname__}{words and f': {words}'}"


def _words(error: BaseException, said: Any) -> str:
    try:
        text = error.in_full if isinstance(error, RouterError) else str(error)
    except Exception:  # a plugin's exception may break when it is asked what it says
        return ""
    return one_line(masked(without_quotes(text[:_READ_MAX], said)), _WORDS_MAX)
