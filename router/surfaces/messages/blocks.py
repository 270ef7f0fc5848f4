"""Content blocks -> canonical parts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from router.surfaces.canonical.parts import (
    CallPart,
    FilePart,
    ImagePart,
    OpaquePart,
    Part,
    ReasoningPart,
    ResultPart,
    TextPart,
)
from router.surfaces.messages.checking import LATEST, bad, blocks_in, object_in, text_in
from router.surfaces.messages.ladder import BLOCKS, Way, refusal
from router.surfaces.messages.walking import Findings, rule_for

__all__ = ["Opener", "joined", "parts_of"]

Opener = Callable[[str], Mapping[str, Any] | None]
"""Gives what a signature of ours holds; None where it is none of ours."""

_BETWEEN = "\n\n"
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")
_LOOKED_AT = 256  # characters of data, which may be megabytes


def parts_of(blocks: Sequence[Mapping[str, Any]], where: str, role: str, found: Findings, opens: Opener) -> list[Part]:
    """The parts of a message's blocks.

    Args:
        role: of the message.
        opens: reads signatures.

    Raises:
        BadRequest: a block is broken, or neither lane takes it.
    """
    parts: list[Part] = []
    for index, block in enumerate(blocks):
        kind, place = block["type"], f"{where}[{index}]"
        rule = rule_for(kind, BLOCKS)
        if found.note(place, rule, block, named=kind):
            parts += _READERS[kind](block, place, role, found, opens)
        elif rule.translated is Way.REFUSED:
            parts.append(OpaquePart(block))  # it is held for, whatever it comes to
    return _with_extras(parts)


def joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts with neighbouring texts in one: many providers take a text alone, where they take no list of texts."""
    made: list[Part] = []
    for _, some in groupby(parts, lambda part: isinstance(part, TextPart)):
        run = list(some)
        texts = [part.text for part in run if isinstance(part, TextPart)]
        made += [TextPart(_BETWEEN.join(texts))] if texts else run
    return tuple(made)


def _text(block: Mapping[str, Any], where: str, role: str, found: Findings, opens: Opener) -> Iterator[Part]:
    text = text_in(block, "text", where)
    if role == "user" and found.version == LATEST and block.get("citations"):
        raise bad(f"{where}.citations", f"must be empty in version {LATEST}: cite in documents or search results")
    found.drop_beside(block, ("type", "text", "citations"))
    if not text and role == "user":
        raise bad(f"{where}.text", "must not be empty")
    if text:
        yield TextPart(text)


def _image(block: Mapping[str, Any], where: str, role: str, found: Findings, opens: Opener) -> Iterator[Part]:
    source = object_in(block.get("source"), f"{where}.source")
    found.drop_beside(block, ("type", "source"))
    kind, place = source.get("type"), f"{where}.source"
    if kind == "base64":
        yield ImagePart(_data_url(source, place))
    elif kind == "url":
        yield ImagePart(_named(source, "url", place))
    elif kind == "file":
        raise refusal(place, BLOCKS["image.source.file"])
    else:
        raise bad(f"{place}.type", "must be base64 or url")


def _document(block: Mapping[str, Any], where: str, role: str, found: Findings, opens: Opener) -> Iterator[Part]:
    if role == "assistant" and found.version == LATEST:
        raise bad(where, f"must not be a document in version {LATEST}: put it into the user's message")
    source, place = object_in(block.get("source"), f"{where}.source"), f"{where}.source"
    title = text_in(block, "title", where, required=False)
    context = text_in(block, "context", where, required=False)
    found.drop_beside(block, ("type", "source", "title", "context", "citations"))
    kind = source.get("type")
    if kind == "base64":
        if context:
            yield TextPart(context)
        yield FilePart(_data_url(source, place), title or "document.pdf")
    elif kind == "text":
        yield _titled(title, context, text_in(source, "data", place))
    elif kind == "content":
        yield from ([_titled(title, context, "")] if title or context else [])
        inner = blocks_in(source.get("content"), f"{place}.content")
        yield from parts_of(inner, f"{place}.content", role, found, opens)
    elif kind == "file":
        raise refusal(place, BLOCKS["document.source.file"])
    elif kind == "url":
        found.note(place, BLOCKS["document.source.url"])
        if context:
            yield TextPart(context)
        yield FilePart(_named(source, "url", place), title)  # it is held for, as a file that has come
    else:
        raise bad(f"{place}.type", "must be base64, text, content or url")


def _search_result(block: Mapping[str, Any], where: str, role: str, found: Findings, opens: Opener) -> Iterator[Part]:
    title, source = text_in(block, "title", where), text_in(block, "source", where)
    found.drop_beside(block, ("type", "title", "source", "content", "citations"))
    yield _titled(title, source, "")
    yield from parts_of(blocks_in(block.get("content"), f"{where}.content"), f"{where}.content", role, found, opens)


def _tool_use(block: Mapping[str, Any], where: str, role: str, found: Findings, opens: Opener) -> Iterator[Part]:
    if role != "assistant":
        raise bad(where, "must stand in a message of the assistant")
    found.drop_beside(block, ("type", "id", "name", "input", "caller"))
    arguments = json.dumps(object_in(block.get("input"), f"{where}.input"), ensure_ascii=False, separators=(",", ":"))
    yield CallPart(_named(block, "id", where), _named(block, "name", where), arguments)


def _tool_result(block: Mapping[str, Any], where: str, role: str, found: Findings, opens: Opener) -> Iterator[Part]:
    if role != "user":
        raise bad(where, "must stand in a message of the user")
    found.drop_beside(block, ("type", "tool_use_id", "content", "is_error"))
    content = block.get("content")
    inner = [] if content is None else blocks_in(content, f"{where}.content")
    parts = parts_of(inner, f"{where}.content", "tool", found, opens)
    yield ResultPart(_named(block, "tool_use_id", where), tuple(parts), block.get("is_error") is True)


def _thinking(block: Mapping[str, Any], where: str, role: str, found: Findings, opens: Opener) -> Iterator[Part]:
    if role != "assistant":
        raise bad(where, "must stand in a message of the assistant")
    redacted = block["type"] == "redacted_thinking"
    text = "" if redacted else text_in(block, "thinking", where)
    signature = text_in(block, "data" if redacted else "signature", where, required=False)
    proof = opens(signature) if signature else None
    if proof is None and signature:
        found.unseen_bytes += max(0, len(signature) - len(text))  # the whole reasoning, where its text is a summary
        found.drop(f"{block['type']}.{'data' if redacted else 'signature'}")
    if text or proof:
        yield ReasoningPart(text, proof or None)


_READERS: Mapping[str, Callable[..., Iterator[Part]]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "thinking": _thinking,
    "redacted_thinking": _thinking,
}


def _with_extras(parts: list[Part]) -> list[Part]:
    """What a provider gave with a call, and came in a block of its own behind it, where it belongs."""
    extras = {
        part.proof["call"]: {name: value for name, value in part.proof.items() if name != "call"}
        for part in parts
        if isinstance(part, ReasoningPart) and part.proof is not None and isinstance(part.proof.get("call"), str)
    }
    if not extras:
        return parts
    made: list[Part] = []
    for part in parts:
        if isinstance(part, CallPart) and part.id in extras:
            part = CallPart(part.id, part.name, part.arguments, extra=extras[part.id])
        if not (isinstance(part, ReasoningPart) and part.proof is not None and "call" in part.proof):
            made.append(part)
    return made


def _titled(title: str, context: str, text: str) -> TextPart:
    return TextPart("\n".join(filter(None, (title, context, text))))


def _named(block: Mapping[str, Any], name: str, where: str) -> str:
    text = text_in(block, name, where)
    if not text:
        raise bad(f"{where}.{name}", "must not be empty")
    return text


def _data_url(source: Mapping[str, Any], where: str) -> str:
    media_type, data = text_in(source, "media_type", where), text_in(source, "data", where)
    if not data or _NO_BASE64.search(data[:_LOOKED_AT]):
        raise bad(f"{where}.data", "must be base64, without a data URL's head")
    return f"data:{media_type};base64,{data}"
