"""The plain answer: what the events of its stream add up to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from router.surfaces.messages.events import WireEvent
from router.upstream.wire import arguments_of

__all__ = ["folded"]

_MEMBERS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


def folded(events: Iterable[WireEvent]) -> dict[str, Any]:
    """The message that events make, from the first to the last."""
    message: dict[str, Any] = {}
    blocks: list[dict[str, Any]] = []
    arguments: dict[int, list[str]] = {}
    for event in events:
        match event["type"]:
            case "message_start":
                message = dict(event["message"])
            case "content_block_start":
                blocks.append(dict(event["content_block"]))
            case "content_block_delta":
                delta = event["delta"]
                if delta["type"] == "input_json_delta":
                    arguments.setdefault(event["index"], []).append(delta["partial_json"])
                else:
                    member = _MEMBERS[delta["type"]]
                    blocks[event["index"]][member] += delta[member]
            case "message_delta":
                message |= event["delta"]
                message["usage"] = _usage(message["usage"], event["usage"])
    for index, pieces in arguments.items():
        blocks[index]["input"] = _input("".join(pieces))
    return message | {"content": blocks}


def _input(text: str) -> dict[str, Any]:
    """A call's arguments; in one member where they are no object, as those of a cut answer are not."""
    try:
        return arguments_of(text)
    except ValueError:
        return {"arguments": text}


def _usage(first: Mapping[str, Any], last: Mapping[str, Any]) -> dict[str, Any]:
    """The true counts stand over the estimate."""
    return {**first, **last}
