"""How providers do, by the newest calls: each upstream call that was made for them, and how long it took.

Circuits are each worker's own, told to the others where they open: what calls have met is what is counted here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.db.transaction import Runner

__all__ = ["SAMPLE", "CallSample", "ProviderHealth", "RouteShare", "health_of", "read_sample", "shares_of"]

SAMPLE = 5_000
"""How many calls are looked at, at most."""

_NEWEST = """
SELECT request_id, created_at, model, provider, ending, latency_ms, first_token_ms, attempts FROM usage
WHERE created_at >= ? ORDER BY created_at DESC LIMIT ?
"""
_FAILURES = 10


@dataclass(frozen=True, slots=True)
class CallSample:
    """What is looked at of one call; ``attempts`` as the usage row has them."""

    request_id: str
    created_at: float
    model: str
    provider: str
    ending: str
    latency_ms: int
    first_token_ms: int | None
    attempts: Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class ProviderHealth:
    """What a provider's newest upstream calls came to.

    Attributes:
        calls, failures: upstream calls; those that failed.
        kinds: kind of failure -> how many.
        latency_ms: 50th and 95th percentile of whole calls that it served well; None where there was none.
        first_token_ms: 50th percentile of the time until the first output.
        last_failures: (time, request ID, kind, status, message), newest first.
    """

    provider: str
    calls: int = 0
    failures: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    latency_ms: tuple[int, int] | None = None
    first_token_ms: int | None = None
    last_failures: list[tuple[float, str, str, int | None, str]] = field(default_factory=list)


@dataclass(slots=True)
class RouteShare:
    """Who served a model's newest calls.

    Attributes:
        calls: how many there were.
        providers: provider -> how many it served, or was the last that was tried for.
        attempts: upstream calls made for them.
        fallbacks: calls for which more than one provider, or model of one, was tried.
    """

    model: str
    calls: int = 0
    providers: dict[str, int] = field(default_factory=dict)
    attempts: int = 0
    fallbacks: int = 0


def read_sample(database: Runner, since: float, limit: int = SAMPLE) -> list[CallSample]:
    """The newest calls since a time (Unix seconds), newest first."""
    rows = database.read(lambda connection: connection.tuples(_NEWEST, (since, max(0, min(limit, SAMPLE)))))
    return [_sample(*row) for row in rows]


def health_of(calls: Iterable[CallSample]) -> dict[str, ProviderHealth]:
    """Provider -> what its upstream calls came to; a failure counts, whoever served the call in the end."""
    found: dict[str, ProviderHealth] = {}
    times: dict[str, list[int]] = {}
    firsts: dict[str, list[int]] = {}
    for call in calls:
        for attempt in call.attempts:
            name = attempt["provider"]
            _count(found.setdefault(name, ProviderHealth(name)), call, attempt)
        if call.ending == "ok" and call.provider:
            times.setdefault(call.provider, []).append(call.latency_ms)
            firsts.setdefault(call.provider, []).extend(_given(call.first_token_ms))
    for name, taken in times.items():
        health = found.setdefault(name, ProviderHealth(name))
        health.latency_ms = _percentile(taken, 50), _percentile(taken, 95)
        health.first_token_ms = _percentile(firsts[name], 50) if firsts[name] else None
    return found


def shares_of(calls: Iterable[CallSample]) -> list[RouteShare]:
    """By model, the most called first."""
    found: dict[str, RouteShare] = {}
    for call in calls:
        share = found.setdefault(call.model, RouteShare(call.model))
        share.calls += 1
        share.attempts += len(call.attempts)
        share.fallbacks += len({(one["provider"], one["model"]) for one in call.attempts}) > 1
        name = call.provider or "none"
        share.providers[name] = share.providers.get(name, 0) + 1
    return sorted(found.values(), key=lambda share: (-share.calls, share.model))


def _count(health: ProviderHealth, call: CallSample, attempt: Mapping[str, Any]) -> None:
    health.calls += 1
    kind = attempt["kind"]
    if kind == "ok":
        return
    health.failures += 1
    health.kinds[kind] = health.kinds.get(kind, 0) + 1
    if len(health.last_failures) < _FAILURES:
        told = (call.created_at, call.request_id, kind, attempt["status"], attempt.get("message", ""))
        health.last_failures.append(told)


def _sample(
    request_id: str,
    created_at: float,
    model: str,
    provider: str,
    ending: str,
    latency_ms: int,
    first_token_ms: int | None,
    attempts: str,
) -> CallSample:
    told = json.loads(attempts)
    return CallSample(request_id, created_at, model, provider, ending, latency_ms, first_token_ms, told)


def _given(value: int | None) -> Iterator[int]:
    if value is not None:
        yield value


def _percentile(values: list[int], percent: int) -> int:
    """The least value that so many of a hundred do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
