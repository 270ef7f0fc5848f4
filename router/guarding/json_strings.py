"""Filters within JSON that comes in pieces: only what stands inside of its strings passes them, without its escapes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from router.types.guards import TextFilter

__all__ = ["JsonStrings"]

_PLAIN = re.compile(r'[^"\\]+')
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|[^u])", re.DOTALL)
_ESCAPE_MAX = 12
_HIGH = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}")


class JsonStrings:
    """A filter of JSON text, made of filters of its strings.

    Args:
        make: gives the filter of one string.
    """

    def __init__(self, make: Callable[[], TextFilter]) -> None:
        self._make = make
        self._inner: TextFilter | None = None
        self._kept = ""

    def feed(self, text: str) -> str:
        """See ``TextFilter``."""
        text, self._kept = self._kept + text, ""
        shown: list[str] = []
        place = 0
        while place < len(text):
            if self._inner is None:
                quote = text.find('"', place)
                end = len(text) if quote < 0 else quote + 1
                shown.append(text[place:end])
                if quote >= 0:
                    self._inner = self._make()
                place = end
                continue
            taken = self._inside(text, place, shown)
            if taken == place:  # an escape that is cut: the rest of it is still to come
                self._kept = text[place:]
                break
            place = taken
        return "".join(shown)

    def flush(self) -> str:
        """See ``TextFilter``: the JSON broke off where there is anything."""
        kept, self._kept = self._kept, ""
        if self._inner is None:
            return kept
        inner, self._inner = self._inner, None
        return _escaped(inner.flush()) + kept

    def _inside(self, text: str, place: int, shown: list[str]) -> int:
        """Take what comes next within a string; where that ends."""
        assert self._inner is not None
        if text[place] == '"':
            shown.append(_escaped(self._inner.flush()) + '"')
            self._inner = None
            return place + 1
        plain = _PLAIN.match(text, place)
        if plain is not None:
            shown.append(_escaped(self._inner.feed(plain[0])))
            return plain.end()
        end = place
        while (one := _ESCAPE.match(text, end)) is not None:
            end = one.end()
        if _HIGH.fullmatch(text[end - 6 : end]) and end == len(text):  # half of a pair
            end -= 6
        if end == place:
            return place if len(text) - place < _ESCAPE_MAX else self._broken(text, place, shown)
        shown.append(_escaped(self._inner.feed(_unescaped(text[place:end]))))
        return end

    def _broken(self, text: str, place: int, shown: list[str]) -> int:
        """A backslash that begins no escape passes as it is."""
        assert self._inner is not None
        shown.append(_escaped(self._inner.flush()) + text[place])
        return place + 1


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


def _escaped(text: str) -> str:
    if not text:
        return ""
    shown = json.dumps(text, ensure_ascii=False)[1:-1]
    return shown if shown.isascii() or not _LONE.search(shown) else json.dumps(text)[1:-1]


_LONE = re.compile("[\ud800-\udfff]")
