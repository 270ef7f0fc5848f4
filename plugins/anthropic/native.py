"""Calls that came by Anthropic's own API: the body passes, and so does the answer; only usage and errors are read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router_plugins.anthropic.reply import usage_shown, with_searches

from router import BadRequest, Item, Usage
from router.upstream import Response, usage_of

__all__ = ["Counts", "call_headers", "check_cache", "is_last", "whole_item"]

_LAST = b"message_stop"
_LAST_MAX = 1024  # bytes of an event that may be the last
_OPAQUE = frozenset({"input", "input_schema", "text", "data"})
"""Members of blocks and tools that hold no ``cache_control`` of Anthropic's."""


class Counts:
    """The counts of one answer, from its parts: each part's are the whole so far."""

    def __init__(self) -> None:
        self._given: dict[str, Any] = {}

    def read(self, value: Mapping[str, Any]) -> Usage | None:
        """The usage that a message, a ``message_start``'s message or a ``message_delta`` proves.

        What a stream's beginning says of its output is doubtful: it says nothing of what follows.
        """
        usage = value.get("usage")
        if not isinstance(usage, Mapping):
            return None
        self._given |= {name: one for name, one in usage.items() if one is not None}
        shown = usage_shown(self._given)
        if shown is None:
            return None
        for name, count in _compactions(self._given.get("iterations")).items():
            if type(shown[name]) is int:
                shown[name] += count
        begins = value.get("type") == "message" and value.get("stop_reason") is None
        read = usage_of({**shown, "total_tokens": None, **({"completion_tokens": None} if begins else {})})
        return None if read is None else with_searches(read)


def _compactions(iterations: Any) -> dict[str, int]:
    """What compactions used: of all that is done for a call, they alone stand beside the sums."""
    entries = [one for one in iterations if isinstance(one, Mapping)] if isinstance(iterations, list) else []
    counts = {"prompt_tokens": 0, "completion_tokens": 0}
    for entry in entries:
        shown = usage_shown(entry) if entry.get("type") == "compaction" else None
        for name in counts if shown is not None else ():
            count = (shown or {}).get(name)
            counts[name] += count if type(count) is int and count > 0 else 0
    return counts


def call_headers(given: Mapping[str, str], betas: Sequence[str]) -> dict[str, str]:
    """The headers that belong to a body: the client's version, and its betas behind the operator's.

    Args:
        given: the client's, by lower-case names.
        betas: the operator's.
    """
    asked = [one.strip() for one in given.get("anthropic-beta", "").split(",")]
    names = dict.fromkeys([*betas, *filter(None, asked)])
    headers = {name: given[name] for name in ("anthropic-version",) if given.get(name)}
    return headers | ({"anthropic-beta": ",".join(names)} if names else {})


def is_last(data: bytes) -> bool:
    """Whether an event is the last of a stream."""
    if len(data) > _LAST_MAX or _LAST not in data:
        return False
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("type") == "message_stop"


def whole_item(response: Response, limit_bytes: int) -> Iterator[Sequence[Item]]:
    """The one item of a plain answer."""
    yield [Item(response.read(limit_bytes).strip())]


def check_cache(body: Mapping[str, Any]) -> None:
    """Refuse a prompt that asks for more than the five-minute cache.

    Raises:
        BadRequest: it does.
    """
    if _writes_long(body):
        message = "'cache_control.ttl' must be \"5m\": the one-hour cache has no price on this gateway."
        raise BadRequest(message, code="unpriced_extra", param="cache_control")


def _writes_long(value: Any) -> bool:
    """Whether some ``cache_control`` in a body asks for more than five minutes."""
    if isinstance(value, list):
        return any(_writes_long(one) for one in value)
    if not isinstance(value, dict):
        return False
    control = value.get("cache_control")
    if isinstance(control, dict) and control.get("ttl", "5m") != "5m":
        return True
    return any(_writes_long(one) for name, one in value.items() if name not in _OPAQUE)
