"""How many bytes of output a reply has delivered, whatever the framing round them: for estimates."""

from __future__ import annotations

import json
import re

from msgspec import Struct

__all__ = ["Said", "said_bytes"]

_TEXT = re.compile(
    rb'"(?:content|reasoning_content|reasoning|refusal|arguments|input)"\s*:\s*"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL
)
"""A text of a message or a delta. Inside of a text no such member begins: the quotes there are escaped."""
_QUOTE, _ESCAPE = b'"', 0x5C


def said_bytes(data: bytes) -> int:
    """What a body or a chunk says, in bytes of UTF-8.

    Args:
        data: JSON text in OpenAI's shape.
    """
    return sum(_size(match[1]) for match in _TEXT.finditer(data))


class Said(Struct):
    """Adds up what the chunks of one stream say.

    Chunks mostly differ in their text alone: up to it each begins like the one before, and is then not searched.

    Attributes:
        size: bytes of UTF-8.
    """

    size: int = 0
    _opening: bytes = b'"'  # what no chunk begins with

    def add(self, data: bytes) -> None:
        """Count one chunk, or the end of one, from a place on that is the same in each."""
        if data.startswith(self._opening):
            start = len(self._opening)
            text = data[start : data.find(_QUOTE, start)]
            if _ESCAPE not in text:
                self.size += len(text)
                return
        first = None
        for match in _TEXT.finditer(data):
            first = first or match
            self.size += _size(match[1])
        if first is not None:
            self._opening = data[: first.start(1)]

    def add_all(self, data: bytes) -> None:
        """Count the texts of many chunks at once."""
        texts = _TEXT.findall(data)
        together = b"".join(texts)
        self.size += len(together) if _ESCAPE not in together else sum(map(_size, texts))


def _size(text: bytes) -> int:
    """Of the inside of a JSON string."""
    if _ESCAPE not in text:
        return len(text)
    try:
        return len(json.loads(b'"%s"' % text).encode("utf-8", "surrogatepass"))
    except ValueError:
        return len(text)
