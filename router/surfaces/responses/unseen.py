"""What providers that speak this wire are sent beyond the chat that a body became, and may read as their prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.surfaces.measuring import FREE_BYTES, json_bytes, member_bytes

__all__ = ["unseen_bytes"]

_CALL = frozenset({"call_id", "name", "namespace"})
_READ: Mapping[str, frozenset[str]] = {
    "message": frozenset({"role", "content"}),
    "function_call": _CALL | {"arguments"},
    "custom_tool_call": _CALL | {"input"},
    "function_call_output": frozenset({"call_id", "output"}),
    "custom_tool_call_output": frozenset({"call_id", "output"}),
    "additional_tools": frozenset({"tools"}),
}
"""Type of an item -> the members of which a chat has all."""
_PARTS = frozenset(
    {"type", "text", "refusal", "image_url", "detail", "file_data", "filename", "input_audio", "annotations"}
)
"""Members of a part that a chat has, or of which no prompt is made."""
_NAMES = frozenset({"type", "id", "status", "phase"})
"""Members that say which item it is, as long as they are short."""


def unseen_bytes(passed: Mapping[str, Any], chat: Mapping[str, Any]) -> int:
    """Bytes of the body for such providers that the chat's measure does not count.

    Args:
        passed: as ``passed_natively`` made it.
        chat: the chat that the same request became.
    """
    items = passed["input"]
    tools = [*_listed(passed.get("tools"))]
    for item in items:
        if item.get("type") == "additional_tools":
            tools += _listed(item.get("tools"))
    size = _above(sum(map(json_bytes, tools)), chat.get("tools"))  # some go by one name, or are not allowed now
    if isinstance(passed.get("text"), Mapping):
        size += _above(json_bytes(passed["text"]), chat.get("response_format"))
    return size + sum(map(_of_item, items))


def _above(size: int, seen: Any) -> int:
    beyond = size - (0 if seen is None else json_bytes(seen))
    return beyond if beyond > FREE_BYTES else 0


def _of_item(item: Mapping[str, Any]) -> int:
    kind = item.get("type") or "message"
    read = _READ.get(kind, frozenset()) if isinstance(kind, str) else frozenset()
    size = 0
    for name, value in item.items():
        if name in ("content", "output") and name in read:
            size += sum(map(_of_part, _listed(value)))
        elif name not in read and not (name in _NAMES and (value is None or _is_short(value))):
            size += member_bytes(name, value) if value not in ([], None) else 0
    return size


def _of_part(part: Any) -> int:
    size = 0
    for name, value in part.items() if isinstance(part, Mapping) else ():
        if name not in _PARTS or (name == "detail" and not _is_short(value)):
            size += member_bytes(name, value) if value not in ([], None) else 0
    return size


def _is_short(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= FREE_BYTES


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
