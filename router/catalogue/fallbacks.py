"""Rules for the operator's fallbacks, for the start and for the commands alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from router.errors import BadRequest

__all__ = ["check_no_cycle"]


def check_no_cycle(fallbacks: Mapping[str, Sequence[str]]) -> None:
    """Refuse a model that falls back to itself, by way of others or at once.

    Raises:
        BadRequest: naming the way round.
    """
    done: set[str] = set()
    for start in fallbacks:
        _walk(start, fallbacks, [], done)


def _walk(model: str, fallbacks: Mapping[str, Sequence[str]], path: list[str], done: set[str]) -> None:
    if model in path:
        way = " -> ".join([*path[path.index(model) :], model])
        raise BadRequest(f"The fallbacks go round in a circle: {way}. Take one of them out.", code="fallback_cycle")
    if model not in done:
        for target in fallbacks.get(model, ()):
            _walk(target, fallbacks, [*path, model], done)
        done.add(model)
