"""What a prompt comes to in tokens, about: four bytes a token, and media by their size. Nobody is asked, or charged."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Mapping
from typing import Any

from router.surfaces.measuring import json_bytes, text_bytes

__all__ = ["estimate"]

_BYTES_PER_TOKEN = 4
_MESSAGE_TOKENS = 4
_IMAGE_MAX, _PIXELS_PER_TOKEN, _EDGE_MAX = 1600, 750, 1568
_DOCUMENT_BYTES_PER_TOKEN = 20
_DEPTH_MAX = 6
_TEXTS = {"text": "text", "thinking": "thinking"}
_PNG = b"\x89PNG\r\n\x1a\n"
_HEAD = 32  # bytes of a picture that say how large it is


def estimate(body: Mapping[str, Any]) -> int:
    """Tokens of the prompt that a checked body makes; at least 1."""
    size = _Size()
    size.content(body.get("system"))
    for message in body["messages"]:
        size.tokens += _MESSAGE_TOKENS
        size.content(message.get("content"))
    for tool in body.get("tools") or ():
        size.bytes += json_bytes({name: value for name, value in tool.items() if name != "cache_control"})
    form = body.get("output_config") or body.get("output_format")
    size.bytes += 0 if form is None else json_bytes(form)
    return max(1, size.tokens + math.ceil(size.bytes / _BYTES_PER_TOKEN))


class _Size:
    """Adds up.

    Attributes:
        bytes: of text.
        tokens: of what is no text.
    """

    def __init__(self) -> None:
        self.bytes = self.tokens = 0

    def content(self, content: Any, depth: int = _DEPTH_MAX) -> None:
        """A text, or blocks, and those within them."""
        if isinstance(content, str):
            self.bytes += text_bytes(content)
        elif isinstance(content, list) and depth:
            for block in content:
                self._block(block if isinstance(block, dict) else {}, depth - 1)

    def _block(self, block: Mapping[str, Any], depth: int) -> None:
        kind = block.get("type")
        member = _TEXTS.get(kind) if isinstance(kind, str) else None
        if member is not None:
            self.content(block.get(member))
        elif kind in ("tool_result", "search_result"):
            for name in ("title", "source"):
                self.content(block.get(name))
            self.content(block.get("content"), depth)
        elif kind in ("image", "document"):
            self.content(block.get("title"))
            self.content(block.get("context"))
            self._source(kind, block.get("source"), depth)
        elif kind == "tool_use":
            self.bytes += json_bytes({"name": block.get("name"), "input": block.get("input")})
        elif kind not in ("redacted_thinking",):  # which the model does not read as text
            self.bytes += json_bytes(dict(block))

    def _source(self, kind: str, source: Any, depth: int) -> None:
        given = source if isinstance(source, dict) else {}
        data = given.get("data")
        if kind == "image":
            self.tokens += _image_tokens(data) if isinstance(data, str) else _IMAGE_MAX
        elif given.get("type") in ("text", "content"):
            self.content(data)
            self.content(given.get("content"), depth)
        elif isinstance(data, str):
            self.tokens += len(data) * 3 // 4 // _DOCUMENT_BYTES_PER_TOKEN
        else:
            self.tokens += _IMAGE_MAX


def _image_tokens(data: str) -> int:
    """By its pixels, after Anthropic has scaled it; the most that one comes to where these are not known."""
    try:
        head = base64.b64decode(data[: _HEAD * 4 // 3 // 4 * 4 + 4])
    except (binascii.Error, ValueError):
        return _IMAGE_MAX
    if not head.startswith(_PNG) or len(head) < 24:
        return _IMAGE_MAX
    width: int
    height: int
    width, height = struct.unpack(">II", head[16:24])
    longest = max(width, height, 1)
    scale = min(1.0, _EDGE_MAX / longest)
    return max(1, min(_IMAGE_MAX, math.ceil(width * scale * height * scale / _PIXELS_PER_TOKEN)))
