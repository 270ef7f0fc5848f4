"""What an upstream, through its plugin, says of a call's tokens: checked, and completed by what it proves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from router.money.usage import UNITS, Units
from router.types.records import Usage
from router.upstream.wire import object_at

__all__ = ["COUNTS", "fault_of_usage", "higher", "shown_usage", "sound", "whole"]

COUNTS = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
_PROMPT = ("prompt_tokens", "cached_tokens", "cache_write_tokens")
_OUTPUT = ("completion_tokens", "reasoning_tokens")
_COUNT_MAX = 2**62  # what a database can hold
_NAMES = frozenset(field.name for field in fields(Usage))


def fault_of_usage(usage: Any) -> str:
    """What is wrong with the record that a plugin gave as usage; empty where nothing is."""
    if not isinstance(usage, Usage):
        return f"{type(usage).__name__} is no router.Usage"
    for name in COUNTS:
        value = getattr(usage, name)
        if type(value) is not int or not 0 <= value <= _COUNT_MAX:
            return f"{name} is {value!r}, and must be a whole number of at least 0"
    if usage.cost_nano is not None and (type(usage.cost_nano) is not int or not 0 <= usage.cost_nano <= _COUNT_MAX):
        return f"cost_nano is {usage.cost_nano!r}, and must be None or a whole number of at least 0"
    if not isinstance(usage.doubtful, tuple) or not _NAMES.issuperset(usage.doubtful):
        return f"doubtful is {usage.doubtful!r}, and must be a tuple of names of counts"
    if not _good_units(usage.units):
        return f"units is {usage.units!r}, and must be None or router.Units of whole numbers of at least 0"
    if usage.raw is not None and not isinstance(usage.raw, Mapping):
        return f"raw is {type(usage.raw).__name__}, and must be a mapping or None"
    return ""


def sound(usage: Usage) -> Usage:
    """The nearest record without a fault: a count that is none is doubtful, so that the estimate takes its place."""
    counts: dict[str, int] = {}
    doubtful = set(usage.doubtful) & _NAMES if isinstance(usage.doubtful, tuple) else set()
    for name in COUNTS:
        value = getattr(usage, name)
        good = type(value) is int and 0 <= value <= _COUNT_MAX
        counts[name] = value if good else 0
        if not good:
            doubtful.add(name)
    cost, raw = usage.cost_nano, usage.raw
    if type(cost) is not int or not 0 <= cost <= _COUNT_MAX:
        cost = None
    raw = raw if isinstance(raw, Mapping) else None
    units = usage.units if _good_units(usage.units) else None
    if units is not usage.units:
        doubtful.add("units")
    return Usage(**counts, doubtful=tuple(sorted(doubtful)), raw=raw, cost_nano=cost, units=units)


def _good_units(units: Any) -> bool:
    if units is None:
        return True
    counts = [getattr(units, name) for name in UNITS] if isinstance(units, Units) else [None]
    return all(type(count) is int and 0 <= count <= _COUNT_MAX for count in counts)


def whole(usage: Usage) -> Usage:
    """The same with all output in the output, and all input in the input: some count a part beside its whole.

    Reasoning above the output proves it, as cached tokens above the prompt do; and so does a total above the sum of
    both. What of that nothing else explains was output.
    """
    if usage.doubtful:
        return usage
    prompt, completion, reasoning = usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens
    cache = usage.cached_tokens + usage.cache_write_tokens
    total = usage.raw.get("total_tokens") if usage.raw is not None else None
    if cache > prompt and total != prompt + completion:
        prompt += cache
    if reasoning > completion:
        completion += reasoning
    beside = total - prompt - completion if type(total) is int else 0
    if beside > 0:
        if cache and beside == cache != reasoning:
            prompt, beside = prompt + cache, 0
        completion += beside
        reasoning = reasoning or beside
    if completion > _COUNT_MAX or (prompt, completion) == (usage.prompt_tokens, usage.completion_tokens):
        return usage
    return replace(usage, prompt_tokens=prompt, completion_tokens=completion, reasoning_tokens=reasoning)


def higher(before: Usage, after: Usage) -> Usage:
    """What two readings of one call prove together; ``after`` itself where it is nowhere below ``before``.

    Counts of a stream only grow: zeros after real counts are an empty form that was filled in, and no correction.
    """
    if before.units is not None:
        after = _with_units_of(before.units, after)
    if after.prompt_tokens >= before.prompt_tokens and after.completion_tokens >= before.completion_tokens:
        return after
    kept: dict[str, Any] = {}
    certain = set(after.doubtful)
    for names in (_PROMPT, _OUTPUT):
        better = before if getattr(before, names[0]) > getattr(after, names[0]) else after
        kept |= {name: getattr(better, name) for name in names}
        if better is before:
            certain = (certain - set(names)) | (set(before.doubtful) & set(names))
    cost = after.cost_nano if before.cost_nano is None else max(before.cost_nano, after.cost_nano or 0)
    return replace(after, **kept, doubtful=tuple(sorted(certain)), cost_nano=cost)


def _with_units_of(before: Units, after: Usage) -> Usage:
    there = after.units or Units()
    most = Units(**{name: max(getattr(before, name), getattr(there, name)) for name in UNITS})
    return after if most == after.units else replace(after, units=most)


def shown_usage(given: Mapping[str, Any], usage: Usage) -> dict[str, Any] | None:
    """The ``usage`` object that says what a call is charged for; None where ``given`` says so already."""
    if usage.doubtful or (
        given.get("prompt_tokens") == usage.prompt_tokens
        and (given.get("completion_tokens") or 0) == usage.completion_tokens
    ):
        return None
    shown = dict(given)
    shown["prompt_tokens"], shown["completion_tokens"] = usage.prompt_tokens, usage.completion_tokens
    shown["total_tokens"] = usage.prompt_tokens + usage.completion_tokens
    if usage.reasoning_tokens:
        details = object_at(given, "completion_tokens_details")
        shown["completion_tokens_details"] = {**details, "reasoning_tokens": usage.reasoning_tokens}
    if usage.cached_tokens:
        details = object_at(given, "prompt_tokens_details")
        shown["prompt_tokens_details"] = {**details, "cached_tokens": usage.cached_tokens}
    return shown
