"""Editing one top-level member of a JSON object's text without writing the rest again.

So everything else passes untouched: number spellings, lone surrogates, fields that nobody here has heard of.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

__all__ = ["Member", "cut_member", "find_member"]

_decode = json.JSONDecoder().raw_decode


class Member(NamedTuple):
    """Where a member stands in the text: its key, its value, and the end of the value, as byte offsets."""

    key: int
    value: int
    end: int


def find_member(data: bytes, name: str) -> Member | None:
    """The top-level member ``name`` of the object in ``data``; None when it has none.

    A name inside a nested object or a string is told apart by decoding the text before it, closed by a brace: that is
    an object only if the name stands at the top. Where the text after it is shorter, that is decoded, with a brace
    put before it.
    """
    for match in re.finditer(rb'"%s"\s*:\s*' % re.escape(name.encode("ascii")), data):
        if _at_top(data, match.start()):
            text = data[match.end() :].decode("utf-8", "surrogatepass")
            _, length = _decode(text)
            return Member(match.start(), match.end(), match.end() + len(text[:length].encode("utf-8", "surrogatepass")))
    return None


def cut_member(data: bytes, name: str) -> bytes:
    """``data`` without its top-level member ``name``."""
    member = find_member(data, name)
    if member is None:
        return data
    before, after = data[: member.key].rstrip(), data[member.end :].lstrip()
    if before.endswith(b","):
        return before[:-1] + after
    return before + (after[1:] if after.startswith(b",") else after)


def _at_top(data: bytes, start: int) -> bool:
    before = data[:start].rstrip()
    if not before.endswith((b",", b"{")):
        return False
    short = len(before) <= len(data) - start
    text = before.rstrip(b",") + b"}" if short else b"{" + data[start:]
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
