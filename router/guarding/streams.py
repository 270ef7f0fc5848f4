"""The texts of a streamed chat: found in its chunks, passed through filters as they come, or folded and put back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from router.errors import UpstreamError
from router.guarding.json_strings import JsonStrings
from router.types.guards import TextFilter
from router.upstream.wire import choices_of, dump_json

__all__ = ["Filtered", "folded", "refolded"]

_TEXTS = ("content", "refusal", "reasoning", "reasoning_content")


class _Piece(NamedTuple):
    """One piece of a text.

    Attributes:
        text: which one: the choice, and what of it.
        holder, name: where the piece stands.
        is_json: the text is the arguments of a call.
        again: gives a delta with another piece of the same text.
    """

    text: tuple[Any, ...]
    holder: dict[str, Any]
    name: str
    is_json: bool
    again: Callable[[str], dict[str, Any]]

    @property
    def said(self) -> str:
        said: str = self.holder[self.name]
        return said


@dataclass(slots=True)
class _Open:
    """A text that is under way."""

    filter: TextFilter
    last: _Piece


class Filtered:
    """Chunks on their way, each text through a filter of its own.

    Args:
        make: gives the filter of one text.
    """

    def __init__(self, make: Callable[[], TextFilter]) -> None:
        self._make = make
        self._open: dict[tuple[Any, ...], _Open] = {}
        self._head: dict[str, Any] = {}

    def chunk(self, data: bytes) -> list[bytes]:
        """The chunks that one becomes: before it, what was kept of texts that are over now."""
        value = _read(data)
        self._head = {name: inner for name, inner in value.items() if name != "usage"}
        shown: list[bytes] = []
        changed = False
        for choice in choices_of(value):
            place = _number(choice)
            pieces = list(_pieces(choice))
            for piece in pieces:
                self._end(shown, lambda text, one=piece: text[0] == one.text[0] and not _beside(text, one.text))
                changed |= self._passed(piece)
            if choice.get("finish_reason"):
                if pieces:  # what ends with this chunk goes out in one of its own, and this one ends the choice
                    changed = True
                    self._end_with(pieces, place)
                self._end(shown, lambda text, of=place: text[0] == of)
            if changed and choice.get("logprobs") is not None:
                choice["logprobs"] = None
        shown.append(dump_json(value) if changed else data)
        return shown

    def rest(self) -> list[bytes]:
        """What is still kept at the end of a stream that did not say which choices were over."""
        shown: list[bytes] = []
        self._end(shown, lambda text: True)
        return shown

    def _passed(self, piece: _Piece) -> bool:
        one = self._open.get(piece.text)
        if one is None:
            filter = JsonStrings(self._make) if piece.is_json else self._make()
            one = self._open[piece.text] = _Open(filter, piece)
        one.last = piece
        said = piece.said
        piece.holder[piece.name] = one.filter.feed(said)
        return bool(piece.holder[piece.name] != said)

    def _end_with(self, pieces: Sequence[_Piece], place: int) -> None:
        """The pieces of a choice's last chunk take what is kept of their own texts."""
        for piece in pieces:
            one = self._open.pop(piece.text, None) if piece.text[0] == place else None
            if one is not None:
                piece.holder[piece.name] += one.filter.flush()

    def _end(self, shown: list[bytes], over: Callable[..., bool]) -> None:
        for text in [text for text in self._open if over(text)]:
            one = self._open.pop(text)
            kept = one.filter.flush()
            if kept:
                choice = {"index": text[0], "delta": one.last.again(kept), "finish_reason": None}
                shown.append(dump_json({**self._head, "choices": [choice]}))


def folded(chunks: Sequence[bytes]) -> list[dict[str, str]]:
    """The whole texts of a stream, as the members of an answer that ``texts`` knows: arguments are JSON."""
    return [{name: text} for name, text in _folded(list(map(_read, chunks)))]


def refolded(chunks: Sequence[bytes], texts: Sequence[dict[str, str]]) -> list[bytes]:
    """The chunks with other texts: each where the first piece of it stood, whole."""
    values = list(map(_read, chunks))
    left: dict[tuple[Any, ...], str] = {}
    for value in values:
        for choice in choices_of(value):
            choice["logprobs"] = None
            for piece in _pieces(choice):
                if piece.text not in left:
                    left[piece.text] = next(iter(texts[len(left)].values()))
                    piece.holder[piece.name] = left[piece.text]
                else:
                    piece.holder[piece.name] = ""
    return [dump_json(value) for value in values]


def _read(chunk: bytes) -> dict[str, Any]:
    """A chunk decoded.

    Raises:
        UpstreamError: it is no object.
    """
    try:
        value = json.loads(chunk)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UpstreamError("malformed", "The provider sent something that is not a JSON object.")
    return value


def _folded(values: Sequence[Any]) -> Iterator[tuple[str, str]]:
    texts: dict[tuple[Any, ...], list[str]] = {}
    names: dict[tuple[Any, ...], str] = {}
    for value in values:
        for choice in choices_of(value):
            for piece in _pieces(choice):
                texts.setdefault(piece.text, []).append(piece.said)
                names[piece.text] = "arguments" if piece.is_json else "text"
    for text, pieces in texts.items():
        yield names[text], "".join(pieces)


def _beside(text: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two texts of a choice may go on side by side: calls, and reasoning that is told twice."""
    return text == other or text[1] == other[1] == "call" or {text[1], other[1]} <= _THOUGHTS


_THOUGHTS = frozenset({"reasoning", "reasoning_content", "details"})


def _pieces(choice: dict[str, Any]) -> Iterator[_Piece]:
    """The pieces of texts in one choice of a chunk."""
    place, delta = _number(choice), choice.get("delta")
    if not isinstance(delta, dict):
        if isinstance(choice.get("text"), str):
            yield _Piece((place, "text"), choice, "text", False, lambda text: {"content": text})
        return
    for name in _TEXTS:
        said = delta.get(name)
        if isinstance(said, str) and said:
            yield _Piece((place, name), delta, name, False, _member(name))
        elif isinstance(said, list):
            for part in _entries(delta, name):
                if isinstance(part.get("text"), str):
                    yield _Piece((place, name), part, "text", False, _member(name))
    for entry in _entries(delta, "reasoning_details"):
        for name in ("text", "summary"):
            if isinstance(entry.get(name), str):
                yield _Piece((place, "details", name), entry, name, False, _detail(entry, name))
    yield from _call_pieces(place, delta)


def _member(name: str) -> Callable[[str], dict[str, Any]]:
    return lambda text: {name: text}


def _detail(entry: dict[str, Any], name: str) -> Callable[[str], dict[str, Any]]:
    kept = {key: inner for key, inner in entry.items() if key != "signature"}
    return lambda text: {"reasoning_details": [{**kept, name: text}]}


def _call_pieces(place: int, delta: dict[str, Any]) -> Iterator[_Piece]:
    for call in _entries(delta, "tool_calls"):
        number = _number(call)
        for kind, name in (("function", "arguments"), ("custom", "input")):
            inner = call.get(kind)
            if isinstance(inner, dict) and isinstance(inner.get(name), str):
                yield _Piece((place, "call", number), inner, name, kind == "function", _call(number, kind, name))
    inner = delta.get("function_call")
    if isinstance(inner, dict) and isinstance(inner.get("arguments"), str):
        again = lambda text: {"function_call": {"arguments": text}}  # noqa: E731 - as its neighbours are written
        yield _Piece((place, "call", "function_call"), inner, "arguments", True, again)


def _entries(delta: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = delta.get(name)
    return [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []


def _number(value: dict[str, Any]) -> int:
    """The place of a choice or a call; whoever says none has one."""
    number = value.get("index")
    return number if type(number) is int else 0


def _call(number: int, kind: str, name: str) -> Callable[[str], dict[str, Any]]:
    return lambda text: {"tool_calls": [{"index": number, kind: {name: text}}]}
