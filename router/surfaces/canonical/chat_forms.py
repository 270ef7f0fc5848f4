"""A chat's answer in its other form: a whole one as the chunks of a stream, chunks as the answer they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from router.surfaces.canonical.chat_events import PROOFS, ChatEvents
from router.surfaces.canonical.folding import FoldedAnswer, fold
from router.surfaces.canonical.parts import CallPart, ReasoningPart, RefusalPart, TextPart
from router.upstream.wire import choices_of

__all__ = ["answer_of", "chunks_of"]

_TOLD = frozenset(
    {"annotations", "content", "reasoning", "reasoning_content", "reasoning_details", "refusal", "role", "tool_calls"}
).union(PROOFS)
"""Members of a message that both forms have."""
_HEAD = ("id", "created", "model", "system_fingerprint", "service_tier")


def chunks_of(answer: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """A whole answer as a stream would have told it; None where it cannot be told so."""
    choices = answer.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        return None
    (choice,) = choices
    message = choice.get("message")
    if not isinstance(message, dict) or not _TOLD.issuperset(_said(message)):
        return None
    head = {name: answer[name] for name in _HEAD if name in answer} | {"object": "chat.completion.chunk"}
    delta = dict(message)
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        delta["tool_calls"] = [{**call, "index": place} for place, call in enumerate(calls)]
    first: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": None}
    if choice.get("logprobs") is not None:
        first["logprobs"] = choice["logprobs"]
    last: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": choice.get("finish_reason") or "stop"}
    return [{**head, "choices": [first]}, {**head, "choices": [last]}]


def answer_of(chunks: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What chunks add up to; None where a whole answer cannot say it, or they have no end."""
    if not any(choice.get("finish_reason") for chunk in chunks for choice in choices_of(chunk)):
        return None
    for chunk in chunks:
        for choice in choices_of(chunk):
            delta = choice.get("delta") or {}
            if choice.get("index") not in (None, 0) or choice.get("logprobs") or not _TOLD.issuperset(_said(delta)):
                return None
    stream = ChatEvents()
    folded = fold([event for chunk in chunks for event in stream.feed(chunk)] + list(stream.end()))
    message = _message(folded)
    if message is None:
        return None
    head: dict[str, Any] = {}
    for name in _HEAD:
        head |= next(({name: chunk[name]} for chunk in chunks if chunk.get(name) is not None), {})
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": folded.finish}
    return {**head, "object": "chat.completion", "choices": [choice]}


def _message(folded: FoldedAnswer) -> dict[str, Any] | None:
    texts: list[str] = []
    message: dict[str, Any] = {"role": "assistant", "content": None}
    calls: list[dict[str, Any]] = []
    for part in folded.parts:
        if isinstance(part, TextPart):
            texts.append(part.text)
            notes = (part.extra or {}).get("annotations")
            if notes:
                message["annotations"] = [*message.get("annotations", ()), *notes]
        elif isinstance(part, RefusalPart):
            message["refusal"] = message.get("refusal", "") + part.text
        elif isinstance(part, ReasoningPart):
            if part.text:
                message["reasoning_content"] = message.get("reasoning_content", "") + part.text
            message |= part.proof or {}
        elif isinstance(part, CallPart) and part.kind == "function" and not part.namespace:
            function = {"name": part.name, "arguments": part.arguments}
            calls.append({**(part.extra or {}), "id": part.id, "type": "function", "function": function})
        else:
            return None
    if texts:
        message["content"] = "".join(texts)
    return {**message, "tool_calls": calls} if calls else message


def _said(message: Mapping[str, Any]) -> Iterator[str]:
    found: Iterable[tuple[str, Any]] = message.items() if isinstance(message, Mapping) else ()
    return (name for name, value in found if value is not None)
