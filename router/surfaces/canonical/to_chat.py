"""A request in canonical form -> the body of a chat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from router.surfaces.canonical.keepsakes import merged_proofs
from router.surfaces.canonical.parts import (
    AudioPart,
    CallPart,
    FilePart,
    ImagePart,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    ResultPart,
    TextPart,
    Turn,
)
from router.surfaces.canonical.prompt import Prompt
from router.surfaces.canonical.tools import ToolChoice, ToolNames, wrapped_input

__all__ = ["to_chat"]

_BETWEEN_TEXTS = "\n\n"
_Message = dict[str, Any]


def to_chat(prompt: Prompt, names: ToolNames | None = None) -> dict[str, Any]:
    """The body of the chat that asks the same.

    Pictures and files among a tool's results stand in a user's message behind them: a chat's results are text.

    Args:
        names: of the request's tools; the same that turn the answer's calls back.
    """
    names = names or ToolNames(prompt.tools)
    body: dict[str, Any] = {"model": prompt.model, "messages": _messages(prompt.turns, names)}
    tools = names.tools
    if prompt.choice is not None and prompt.choice.only is not None and not _is_named(prompt.choice):
        allowed = set(prompt.choice.only)
        tools = [tool for tool in tools if (tool.namespace, tool.name) in allowed]
    if tools:
        body["tools"] = [names.function_of(tool) for tool in tools]
    if prompt.choice is not None and tools:
        body["tool_choice"] = _choice(prompt.choice, names)
    return body | dict(prompt.fields)


def _messages(turns: Sequence[Turn], names: ToolNames) -> list[_Message]:
    """A chat's messages for some turns."""
    made: list[_Message] = []
    behind: list[dict[str, Any]] = []  # what tools gave beside text, until their results are all there
    for turn in turns:
        if turn.role == "tool":
            for part in turn.parts:
                if isinstance(part, ResultPart):
                    made.append(_result(part, turn) | dict(turn.extra))
                    behind += _beside(part)
            continue
        if behind:
            made.append({"role": "user", "content": behind})
            behind = []
        made.append(_assistant(turn, names) if turn.role == "assistant" else _message(turn))
    if behind:
        made.append({"role": "user", "content": behind})
    return made


def _choice(choice: ToolChoice, names: ToolNames) -> Any:
    if choice.only and _is_named(choice):
        return {"type": "function", "function": {"name": names.chat_name(*choice.only[0])}}
    return choice.mode


def _is_named(choice: ToolChoice) -> bool:
    """Whether one tool must be called: the others stay, as prompt caches know them."""
    return choice.mode == "required" and choice.only is not None and len(choice.only) == 1


def _head(turn: Turn) -> _Message:
    return {"role": turn.role} | ({"name": turn.name} if turn.name else {})


def _message(turn: Turn) -> _Message:
    return _head(turn) | {"content": _content(turn.parts)} | dict(turn.extra)


def _content(parts: Sequence[Part]) -> Any:
    """A text alone as a string, which all providers take; a list else."""
    if len(parts) == 1 and isinstance(parts[0], TextPart) and not parts[0].extra:
        return parts[0].text
    return [made for part in parts for made in _part(part)]


def _part(part: Part) -> Iterator[dict[str, Any]]:
    match part:
        case TextPart():
            yield {"type": "text", "text": part.text, **part.extra}
        case RefusalPart():
            yield {"type": "refusal", "refusal": part.text}
        case ImagePart():
            image = {"url": part.url} | ({"detail": part.detail} if part.detail else {})
            yield {"type": "image_url", "image_url": image, **part.extra}
        case FilePart():
            file = {"file_data": part.data} | ({"filename": part.filename} if part.filename else {})
            yield {"type": "file", "file": file, **part.extra}
        case AudioPart():
            yield {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}
        case OpaquePart():
            yield dict(part.value)


def _assistant(turn: Turn, names: ToolNames) -> _Message:
    made = _head(turn)
    texts = [part for part in turn.parts if isinstance(part, TextPart)]
    others = [part for part in turn.parts if isinstance(part, AudioPart | FilePart | ImagePart | OpaquePart)]
    if others or any(part.extra for part in texts):
        made["content"] = [one for part in turn.parts for one in _part(part)]
    else:
        made["content"] = _BETWEEN_TEXTS.join(part.text for part in texts) if texts else None
        refusals = [part.text for part in turn.parts if isinstance(part, RefusalPart)]
        if refusals:
            made["refusal"] = "".join(refusals)
    made |= _reasoning([part for part in turn.parts if isinstance(part, ReasoningPart)])
    calls = [_call(part, names) for part in turn.parts if isinstance(part, CallPart)]
    if calls:
        made["tool_calls"] = calls
    return made | dict(turn.extra)


def _reasoning(parts: Sequence[ReasoningPart]) -> _Message:
    """The members that stand for reasoning: its text, and what providers want back."""
    text = "".join(part.text for part in parts)
    return ({"reasoning_content": text} if text else {}) | merged_proofs(parts)


def _call(part: CallPart, names: ToolNames) -> dict[str, Any]:
    arguments = wrapped_input(part.arguments) if part.kind == "custom" else part.arguments
    function = {"name": names.chat_name(part.namespace, part.name), "arguments": arguments}
    return {"id": part.id, "type": "function", "function": function, **part.extra}


def _result(part: ResultPart, turn: Turn) -> _Message:
    text = "\n".join(one.text for one in part.parts if isinstance(one, TextPart | RefusalPart))
    if part.is_error:
        text = f"Error: {text}"
    elif not text and part.parts:
        text = "The output follows in the next message."
    return _head(turn) | {"tool_call_id": part.call_id, "content": text}


def _beside(part: ResultPart) -> list[dict[str, Any]]:
    """What a tool gave that is no text, after a text that says whose it is."""
    found = [one for inner in part.parts if not isinstance(inner, TextPart | RefusalPart) for one in _part(inner)]
    return [{"type": "text", "text": f"Output of the tool call {part.call_id}:"}, *found] if found else []
