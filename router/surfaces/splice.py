"""Editing one top-level member of a JSON object's text without writing the rest again.

So everything else passes untouched: number spellings, lone surrogates, fields that nobody here has heard of.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import NamedTuple

__all__ = ["JsonMember", "cut_member", "find_member", "put_member"]

_GUESSES = 4
_decode = json.JSONDecoder().raw_decode
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]', re.DOTALL)
_COLON = re.compile(rb"\s*:\s*")

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')


class JsonMember(NamedTuple):
    """Where a member stands in the text: its key, its value, and the end of the value, as byte offsets."""

    key: int
    value: int
    end: int


def find_member(data: bytes, name: str) -> JsonMember | None:
    """The top-level member ``name`` of the object in ``data``; None when it has none.

    The first few places where the name is spelled are looked at in the quick way, which is nearly always enough; then
    the text is scanned, so that time stays linear however many nested objects have a member of that name.

    Raises:
        ValueError: the member's value is not JSON. Other faults of the text may go unnoticed.
    """
    spelled = re.finditer(rb'"%s"\s*:\s*' % re.escape(name.encode("ascii")), data)
    for match in islice(spelled, _GUESSES):
        if _at_top(data, match.start()):
            return JsonMember(match.start(), match.end(), _end_of_value(data, match.end()))
    return _scan(data, name)


def cut_member(data: bytes, name: str) -> bytes:
    """``data`` without its top-level member ``name``. Raises as ``find_member``."""
    member = find_member(data, name)
    if member is None:
        return data
    before, after = data[: member.key].rstrip(), data[member.end :].lstrip()
    if before.endswith(b","):
        return before[:-1] + after
    return before + (after[1:] if after.startswith(b",") else after)


def put_member(data: bytes, name: str, value: bytes) -> bytes:
    """``data`` with another value of its top-level member ``name``. Raises as ``find_member``."""
    member = find_member(data, name)
    return data if member is None else data[: member.value] + value + data[member.end :]


def _end_of_value(data: bytes, start: int) -> int:
    string = _STRING.match(data, start)
    if string is not None:
        return string.end()
    text = data[start:].decode("utf-8", "surrogatepass")
    _, length = _decode(text)
    return start + len(text[:length].encode("utf-8", "surrogatepass"))


def _at_top(data: bytes, start: int) -> bool:
    """Whether a name stands at the top: only then is the text before it, closed by a brace, an object.

    Where the text after it is shorter, that is decoded, with a brace put before it.
    """
    before = data[:start].rstrip()
    if not before.endswith((b",", b"{")):
        return False
    short = len(before) <= len(data) - start
    text = before.removesuffix(b",") + b"}" if short else b"{" + data[start:]
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _scan(data: bytes, name: str) -> JsonMember | None:
    """One pass over strings and brackets. A name may be spelled with escapes."""
    depth = 0
    for token in _TOKEN.finditer(data):
        text = token.group()
        if text in b"{[":
            depth += 1
        elif text in b"}]":
            depth -= 1
        elif depth == 1 and json.loads(text) == name:
            colon = _COLON.match(data, token.end())
            if colon is not None:
                return JsonMember(token.start(), colon.end(), _end_of_value(data, colon.end()))
    return None
