"""Prompts that ask for a cache which is kept for long: writes to it cost more than a price has a rate for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from router.errors import BadRequest

__all__ = ["check_cache"]

_SHORT = (None, "5m")
_PLAIN = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "refusal", "reasoning_content"})
_BLOCKS = ("content", "content_blocks", "system")
"""Members that hold a list of parts, each of which may be marked for the cache."""


def check_cache(body: Mapping[str, Any]) -> None:
    """Refuse a body that asks for more than the five-minute cache, at whichever provider.

    Raises:
        BadRequest: naming where.
    """
    if any(map(_asks, _marked(body))):
        raise _refusal("cache_control")
    messages, tools = body.get("messages"), body.get("tools")
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, dict) and type(message.get("content")) is str and _PLAIN.issuperset(message):
            continue  # the many
        if any(map(_asks, _marked(message))):
            raise _refusal(f"messages[{number}]")
    for number, tool in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(tool, dict) and any(map(_asks, (tool, tool.get("function"), tool.get("custom")))):
            raise _refusal(f"tools[{number}]")


def _marked(part: Any, depth: int = 4) -> Iterator[Any]:
    """Give a message or part, and the parts within it, as deep as any provider has them."""
    if not isinstance(part, dict):
        return
    yield part
    for name in _BLOCKS if depth else ():
        inner = part.get(name)
        for one in inner if isinstance(inner, list) else ():
            yield from _marked(one, depth - 1)


def _asks(part: Any) -> bool:
    control = part.get("cache_control") if isinstance(part, Mapping) else None
    return isinstance(control, dict) and control.get("ttl") not in _SHORT


def _refusal(where: str) -> BadRequest:
    message = f"'cache_control.ttl' in '{where}' must be \"5m\": a longer cache has no price on this gateway."
    return BadRequest(message, code="unpriced_extra", param=where)
