"""OpenAI's wire: reading usage, writing JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from router.types import Usage

__all__ = ["dump_json", "usage_of"]

_COUNT_MAX = 2**53


def dump_json(value: Any) -> bytes:
    """JSON bytes; lone surrogates are escaped, since UTF-8 cannot hold them.

    Raises:
        ValueError: a number that JSON cannot hold (NaN, infinity).
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")


def usage_of(raw: Any) -> Usage | None:
    """A ``usage`` object (``prompt_tokens``, ``completion_tokens``, their ``_details``) as a ``Usage``.

    A count that is no sensible whole number counts as zero. None when ``raw`` is no object or has neither count.
    """
    if not isinstance(raw, Mapping) or not ("prompt_tokens" in raw or "completion_tokens" in raw):
        return None
    prompt_details, completion_details = raw.get("prompt_tokens_details"), raw.get("completion_tokens_details")
    return Usage(
        prompt_tokens=_count(raw, "prompt_tokens"),
        completion_tokens=_count(raw, "completion_tokens"),
        cached_tokens=_count(prompt_details, "cached_tokens"),
        cache_write_tokens=_count(prompt_details, "cache_write_tokens"),
        reasoning_tokens=_count(completion_details, "reasoning_tokens"),
        raw=raw,
    )


def _count(source: Any, name: str) -> int:
    value = source.get(name) if isinstance(source, Mapping) else None
    return value if type(value) is int and 0 <= value <= _COUNT_MAX else 0
