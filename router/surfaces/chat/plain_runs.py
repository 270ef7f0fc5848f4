"""Which chunks of a stream are like those before them, with nothing to note: told by their bytes, many at a time."""

from __future__ import annotations

import re

from router.upstream.sse import BETWEEN

__all__ = ["NOTABLE", "TAIL_MAX", "plain_run"]

NOTABLE = re.compile(rb'"(?:usage"\s*:\s*\{|finish_reason"\s*:\s*"|error"\s*:)')
"""What has to be looked at in a chunk."""
_ODD = re.compile(rb'"(?:usage"\s*:|finish_reason"\s*:\s*"|error"\s*:)')  # one first letter: six times as fast
TAIL_MAX = 3
"""Chunks at the end of a packet that may have something to note: a finish, a usage, and one more."""
_NULL_USAGE = b',"usage":null}'


def plain_run(text: bytes, count: int, before: bytes, *, hides_usage: bool) -> bytes | None:
    """The text of some chunks as it may be shown, but for the model's name; None where one of them is not plain.

    What a chunk begins with holds bare quotes, which no text inside of one can: so as often as it occurs, so many
    chunks begin with it.

    Args:
        text: of the chunks, with ``BETWEEN`` between them and no other line break.
        count: how many they are.
        before: what each begins with, up to and with the model's name; empty while that is not known.
        hides_usage: whether the client is to see no ``usage``.
    """
    if not before or text[-1:] != b"}" or not text.startswith(before) or text.count(before) != count:
        return None
    if count > 1 and not (text.count(BETWEEN + before) == text.count(b"}" + BETWEEN) == count - 1):
        return None
    if hides_usage:
        if text.endswith(_NULL_USAGE):
            text = text[: -len(_NULL_USAGE)] + b"}"
        if count > 1:
            text = text.replace(_NULL_USAGE + BETWEEN, b"}" + BETWEEN)
    if b"NaN" in text or b"Infinity" in text or (_ODD if hides_usage else NOTABLE).search(text):
        return None
    return text
