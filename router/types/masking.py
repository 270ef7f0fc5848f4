"""What no log line and no row may show: our secrets, keys that look like keys, and what a client said.

Words of an upstream or of a plugin reach operators through here, since they may quote what they were given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["masked", "one_line", "remember", "without_quotes"]

_LEAST = 8  # a shorter secret is more likely a word of the language
_KNOWN_MAX = 5000
_SHOWN = "***"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LIKE_A_KEY = re.compile(
    r"(?i:\bbearer\s+)(?!YOUR_KEY)[^\s'\"]{6,}|\b(?:sk|rk|pk|xai|gsk)-[\w-]{12,}|\bAIza[\w-]{20,}", re.ASCII
)
_QUOTE = 24  # characters of a long text in a row that count as a quote of it
_STEP = 8
_SAID_MAX = 64 * 1024
_NAMES = frozenset({"role", "type", "model", "stream"})  # members whose values are words of the API
_known: dict[str, None] = {}


def remember(text: str) -> None:
    """Mask ``text`` from now on in all that ``masked`` returns, in this process; the oldest of 5,000 is forgotten."""
    if len(text) >= _LEAST:
        _known.pop(text, None)
        _known[text] = None
        if len(_known) > _KNOWN_MAX:
            del _known[next(iter(_known))]


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without the secrets that are remembered, those given, and what looks like a key.

    A secret of which the text, shortened, holds only the beginning is cut as well.
    """
    for secret in sorted({*_known, *(one for one in secrets if len(one) >= 6)}, key=len, reverse=True):
        text = text.replace(secret, _SHOWN)
        if secret[:6] in text:
            cut = next((size for size in range(len(secret) - 1, 5, -1) if text.endswith(secret[:size])), 0)
            text = text[: len(text) - cut]
    return _LIKE_A_KEY.sub(_SHOWN, text)


def one_line(text: str, limit: int) -> str:
    """``text`` on one line, at most ``limit`` characters."""
    return _CONTROL.sub(" ", text[: 4 * limit]).strip()[:limit]


def without_quotes(text: str, said: Any) -> str:
    """``text`` without what it quotes of a request's body: its strings, or a part of one that is long.

    Args:
        said: the decoded body; its model, roles and types may be named.
    """
    size = 0
    for one in _strings(said):
        size += len(one)
        if size > _SAID_MAX:
            one = one[:_SAID_MAX]
        if _LEAST <= len(one) <= len(text):
            text = text.replace(one, _SHOWN)
        elif len(one) > len(text):
            text = _without_parts(text, one)
        if size > _SAID_MAX:
            break
    return text


def _without_parts(text: str, said: str) -> str:
    """``text`` without runs of characters that stand in ``said`` as well."""
    end = len(text)
    for start in range(len(text) - _QUOTE, -1, -_STEP):
        if text[start : start + _QUOTE] in said:
            text, end = text[:start] + _SHOWN + text[min(start + _QUOTE, end) :], start
    return text


def _strings(value: Any) -> Iterator[str]:
    """The strings in decoded JSON, without recursion: a client decides how deep it is."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            waiting.extend(inner for name, inner in one.items() if name not in _NAMES)
        elif isinstance(one, list):
            waiting.extend(one)
