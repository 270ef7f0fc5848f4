"""What the upstream of a house does with a request."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from router.testing import Answer, Raw, ReceivedRequest, Script, Stream, chunks, completion, token_usage

__all__ = ["CAP", "Plan", "failure", "good", "obey"]

CAP = 10
"""Tokens of output where a request names no cap."""

Plan = Callable[[ReceivedRequest], Script | Raw]


def obey(request: ReceivedRequest) -> Script:
    """All the output that the cap allows."""
    body = request.json()
    cap = body.get("max_completion_tokens") or body.get("max_tokens") or CAP
    return _used(request, token_usage(1, cap * (body.get("n") or 1)))


def good(prompt: int, completion: int) -> Plan:
    """A good answer that says so many tokens were used."""
    return lambda request: _used(request, token_usage(prompt, completion))


def failure(status: int, *, times: int | None = None) -> Plan:
    """The model ``m`` fails, always or the first so many times; all else is good."""
    left = itertools.repeat(1) if times is None else iter(range(times))

    def answer(request: ReceivedRequest) -> Script:
        fails = request.json()["model"] == "m" and next(left, None) is not None
        return Answer.error(status) if fails else obey(request)

    return answer


def _used(request: ReceivedRequest, usage: Mapping[str, Any]) -> Script:
    if request.json().get("stream"):
        return Stream(chunks("ok", usage=usage, include_usage=True))
    return Answer(completion("ok", usage=usage))
