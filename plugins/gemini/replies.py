"""What the endpoint's answers have in other places than OpenAI's: thoughts, tool calls, finish reasons."""

from __future__ import annotations

from typing import Any

from router.upstream import object_at

__all__ = ["edit_choice"]

_BEGIN, _END = "<thought>", "</thought>"
_DROPPED = "function_call_filter"


def edit_choice(choice: dict[str, Any], notes: dict[str, Any]) -> str | None:
    """Change a choice in place; the finish reason instead, where it says that the answer was dropped.

    Args:
        notes: what is known of the choices of this reply so far.
    """
    said = choice.get("message") or choice.get("delta")
    seen = notes.setdefault(str(choice.get("index")), {"calls": 0, "thinking": False})
    if isinstance(said, dict):
        _take_thoughts(said, seen, whole="message" in choice)
        if isinstance(said.get("tool_calls"), list):
            _number_calls(said["tool_calls"], seen, whole="message" in choice)
    reason = choice.get("finish_reason")
    if isinstance(reason, str) and reason.startswith(_DROPPED):
        return reason
    if reason == "stop" and seen["calls"]:
        choice["finish_reason"] = "tool_calls"
    return None


def _take_thoughts(said: dict[str, Any], seen: dict[str, Any], *, whole: bool) -> None:
    """Move flagged text to ``reasoning_content``; text without the flag is none, whatever it looks like."""
    content = said.get("content")
    flagged = _take_flag(said)
    if not isinstance(content, str):
        return
    if flagged:
        thought, end, answer = content.removeprefix(_BEGIN).partition(_END)
        said["reasoning_content"] = thought
        said["content"] = answer if end or not whole else None
        seen["thinking"] = not end
    elif seen["thinking"] and content:
        said["content"] = content.removeprefix(_END)
        seen["thinking"] = False


def _take_flag(said: dict[str, Any]) -> bool:
    """Whether ``extra_content.google.thought`` was set. It is taken out; signatures beside it stay."""
    extra, google = object_at(said, "extra_content"), object_at(said, "extra_content", "google")
    if not google.pop("thought", False):
        return False
    if not google:
        del extra["google"]
    if not extra:
        del said["extra_content"]
    return True


def _number_calls(calls: list[Any], seen: dict[str, Any], *, whole: bool) -> None:
    """An index for each call of a stream that has none: there each comes whole."""
    for call in calls:
        if isinstance(call, dict) and not whole:
            call.setdefault("index", seen["calls"])
        seen["calls"] += 1
