"""Replies in OpenAI's shapes, altered before they are played: fields added, usage taken out or repeated."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from router.testing.upstream.scripts import Answer, Script, Stream

__all__ = ["UNHEARD_OF", "halved", "with_unknown_fields", "with_usage_repeated", "without_usage"]

UNHEARD_OF: Any = {"deep": [None, 1.5, "\u2603"]}
"""The value of the field that nobody has heard of."""


def with_unknown_fields(script: Script) -> Script:
    """The reply with ``x_unheard_of`` at its top level and in its messages or deltas, in every chunk."""

    def add(value: Any) -> None:
        value["x_unheard_of"] = UNHEARD_OF
        for choice in value["choices"]:
            choice["message" if "message" in choice else "delta"]["x_unheard_of"] = UNHEARD_OF

    return _altered(script, add)


def without_usage(script: Script) -> Script:
    """The reply without any ``usage``, of a choice's too; a chunk that holds nothing else stays away."""

    def remove(value: Any) -> None:
        for place in (value, *value["choices"]):
            place.pop("usage", None)

    return _altered(script, remove, keep=lambda value: bool(value["choices"]))


def with_usage_repeated(script: Stream) -> Script:
    """The stream with a smaller ``usage`` on every chunk that has none, growing up to the one it had."""
    grown = 0

    def grow(value: Any) -> None:
        nonlocal grown
        if not value.get("usage"):
            grown += 1
            value["usage"] = {"prompt_tokens": 5, "completion_tokens": grown, "total_tokens": 5 + grown}

    return _altered(script, grow)


def halved(script: Stream, *between: Any) -> list[Any]:
    """The stream's events up to the middle, then ``between``."""
    events = list(script.events)
    return [*events[: (len(events) + 1) // 2], *between]


def _altered(script: Script, alter: Callable[[Any], None], keep: Callable[[Any], bool] = bool) -> Script:
    """The script with its decoded body, or each of its events that is a dict, altered; those not kept are left out."""
    if isinstance(script, Answer):
        body = json.loads(script.body) if isinstance(script.body, bytes) else copy.deepcopy(script.body)
        alter(body)
        return replace(script, body=body)
    assert isinstance(script, Stream), "a reply is an Answer or a Stream"
    return replace(script, events=list(_events(script.events, alter, keep)))


def _events(events: Iterable[Any], alter: Callable[[Any], None], keep: Callable[[Any], bool]) -> Iterable[Any]:
    for event in events:
        if not isinstance(event, dict):
            yield event
            continue
        made = copy.deepcopy(event)
        alter(made)
        if keep(made):
            yield made
