"""OpenAI's wire: reading usage and choices, writing JSON."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from router.types.records import Usage

__all__ = [
    "arguments_of",
    "choices_of",
    "dump_json",
    "has_output",
    "object_at",
    "object_of",
    "show_cached",
    "usage_of",
]

_COUNT_MAX = 2**62  # what a database can hold: a count above it is as impossible as itself
_DETAILS = {
    "cached_tokens": "prompt_tokens_details",
    "cache_write_tokens": "prompt_tokens_details",
    "reasoning_tokens": "completion_tokens_details",
}

_LARGE = 64 * 1024
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode  # made once, not per call
_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_write_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def dump_json(value: Any) -> bytes:
    """JSON bytes; lone surrogates are escaped, since UTF-8 cannot hold them.

    msgspec writes what reads as the same value again, and json all else. Large values are bodies that were decoded from
    JSON and edited: of those only the top is looked at for what JSON does not have.

    Raises:
        ValueError: a number that JSON cannot hold (NaN, infinity).
        TypeError: an object that JSON does not have.
    """
    try:
        data = _encode(value)
        if (len(data) > _LARGE and _is_plain(value)) or _decode(data) == value:
            return data
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass
    try:
        return _write(value).encode("utf-8")
    except UnicodeEncodeError:
        return _write_ascii(value).encode("ascii")


def _is_plain(value: Any) -> bool:
    """Whether each member is of a type that JSON decodes to, a number that JSON can hold."""
    if type(value) is not dict:
        return False
    return all(type(one) in _PLAIN or (type(one) is float and math.isfinite(one)) for one in value.values())


_PLAIN = frozenset({str, int, bool, type(None), list, dict})
_ARGUMENTS_LARGE = 16 * 1024
_VALUES_MAX = 20_000
_OPENERS, _OPENERS_BYTES = (",", "[", "{"), (b",", b"[", b"{")


def object_of(text: Any) -> dict[str, Any]:
    """The object that JSON text holds, such as the arguments of a tool call; empty for an empty text or None.

    An object that is decoded already is returned as it is: some clients send arguments so.

    Raises:
        ValueError: it is no object, or holds a number that JSON does not have, or more values than any tool takes.
    """
    if text and _is_text(text) and len(text) > _ARGUMENTS_LARGE:
        if sum(map(text.count, _OPENERS if isinstance(text, str) else _OPENERS_BYTES)) > _VALUES_MAX:
            raise ValueError("too many values")
        time.sleep(0)  # a body can hold many of these, and others wait on the event loop
    try:
        value = json.loads(text or "{}", parse_constant=_finite, parse_float=_finite) if _is_text(text) else text
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def arguments_of(text: Any) -> dict[str, Any]:
    """The arguments of an earlier tool call as an object, for a wire that has no text there.

    Such a call is over, and one that cannot be sent back ends its conversation: so ``null`` and blanks are an empty
    object, and a text that holds none, such as one that an output cap has cut, stands in one under ``arguments``.

    Raises:
        ValueError: it is neither a text nor an object.
    """
    if isinstance(text, str):
        if text.strip() in ("", "null"):
            return {}
        try:
            return object_of(text)
        except ValueError:
            return {"arguments": text}
    return object_of(text)


def usage_of(raw: Any) -> Usage | None:
    """A ``usage`` object (``prompt_tokens``, ``completion_tokens``, their ``_details``) as a ``Usage``.

    None when ``raw`` is no object or gives neither count. A detail that is ``null`` is not given; a count that is not a
    whole number of tokens (negative, text, a fraction), or that is missing beside the other, is doubtful. A whole
    number is taken as it is, however large: who knows the call knows what is too much.
    """
    if not isinstance(raw, Mapping) or (raw.get("prompt_tokens") is None and raw.get("completion_tokens") is None):
        return None
    counts = {"prompt_tokens": _count(raw.get("prompt_tokens"))}
    counts["completion_tokens"] = _count(raw.get("completion_tokens", 0))  # embeddings have none
    for name, place in _DETAILS.items():
        details = raw.get(place)
        value = details.get(name) if isinstance(details, Mapping) else None
        counts[name] = 0 if value is None else _count(value)
    doubtful = tuple(name for name, count in counts.items() if count is None)
    whole: dict[str, Any] = {name: count or 0 for name, count in counts.items()}
    return Usage(**whole, doubtful=doubtful, raw=raw)


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
    return iter([choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else ())


def object_at(value: Any, *path: str) -> dict[str, Any]:
    """The object inside a decoded one, by the names that lead to it; an empty one where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, dict) else {}


def has_output(value: Any) -> bool:
    """Whether a decoded chunk holds content, reasoning, a tool call, a refusal: anything in a delta but its role."""
    for choice in choices_of(value):
        delta = choice.get("delta")
        if isinstance(delta, dict) and any(map(delta.get, delta.keys() - {"role"})):
            return True
    return False


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a JSON number")
    return number


def _count(value: Any) -> int | None:
    """A whole number of tokens, be it written as ``1e18``; None for anything else."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return min(value, _COUNT_MAX) if type(value) is int and value >= 0 else None
