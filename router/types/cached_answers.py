"""Answers that caches keep: what a provider said, in a form that serves a stream and a plain call alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.money.usage import Usage

__all__ = ["CachedAnswer"]

_COUNTS = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """One good and whole answer.

    Attributes:
        body: JSON of a chat completion or of embeddings; of a stream, the JSON texts of its chunks, one a line. The
            same on every surface, whose own words are made of it anew for each call.
        stream: whether it was a stream. The gateway makes the other form of it where a call wants that.
        target: ID of the target that gave it. It answers only calls that may go there.
        usage: what it is charged by.
        made_at: Unix seconds.
        finish: the ``finish_reason`` of its one choice; empty of embeddings, and where there are several.
        calls_tools: whether it asks the client to call tools.
    """

    body: bytes = field(repr=False)
    stream: bool
    target: str
    usage: Usage
    made_at: float
    finish: str = ""
    calls_tools: bool = False

    def packed(self) -> str:
        """The whole as one text, which ``unpacked`` reads; plain JSON."""
        usage = {name: getattr(self.usage, name) for name in _COUNTS}
        told = [1, self.stream, self.target, usage, self.made_at, self.finish, self.calls_tools, self.body.decode()]
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def unpacked(cls, text: str | bytes) -> CachedAnswer | None:
        """What ``packed`` made; None for anything else, such as what another version of the gateway packed."""
        try:
            version, stream, target, usage, made_at, finish, calls_tools, body = json.loads(text)
            if version != 1:
                return None
            return cls(body.encode(), stream, target, _usage(usage), float(made_at), finish, calls_tools)
        except (AttributeError, TypeError, ValueError):
            return None


def _usage(told: Mapping[str, Any]) -> Usage:
    counts = {name: told[name] for name in _COUNTS if name in told}
    if any(type(count) is not int or count < 0 for count in counts.values()):
        raise ValueError("a count is none")
    return Usage(**counts)
