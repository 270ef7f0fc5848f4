"""OpenAI's wire: reading usage and choices, writing JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from router.types import Usage

__all__ = ["choices_of", "dump_json", "has_output", "show_cached", "usage_of"]

_COUNT_MAX = 2**53

_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode  # made once, not per call
_write_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def dump_json(value: Any) -> bytes:
    """JSON bytes; lone surrogates are escaped, since UTF-8 cannot hold them.

    Raises:
        ValueError: a number that JSON cannot hold (NaN, infinity).
    """
    try:
        return _write(value).encode("utf-8")
    except UnicodeEncodeError:
        return _write_ascii(value).encode("ascii")


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


def show_cached(usage: dict[str, Any], name: str) -> None:
    """Put a cached count that the provider gives as ``usage[name]`` where OpenAI's clients look for it.

    A ``prompt_tokens_details.cached_tokens`` that is there already stays.
    """
    details = usage.get("prompt_tokens_details")
    known = details if isinstance(details, dict) else {}
    if usage.get(name) is not None and known.get("cached_tokens") is None:
        usage["prompt_tokens_details"] = {**known, "cached_tokens": usage[name]}


def choices_of(value: Any) -> Iterator[dict[str, Any]]:
    """The choices of a decoded body or chunk; none where there are none, or where they are no objects."""
    choices = value.get("choices") if isinstance(value, dict) else None
    yield from (choice for choice in (choices if isinstance(choices, list) else ()) if isinstance(choice, dict))


def has_output(value: Any) -> bool:
    """Whether a decoded chunk holds content, reasoning, a tool call, a refusal: anything in a delta but its role."""
    deltas = (choice.get("delta") for choice in choices_of(value))
    return any(part for delta in deltas if isinstance(delta, dict) for name, part in delta.items() if name != "role")


def _count(source: Any, name: str) -> int:
    value = source.get(name) if isinstance(source, Mapping) else None
    return value if type(value) is int and 0 <= value <= _COUNT_MAX else 0
