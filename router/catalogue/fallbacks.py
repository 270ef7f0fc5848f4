"""Rules for the operator's fallbacks, for the start and for the commands alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from router.errors import BadRequest

__all__ = ["check_no_circle", "find_circle"]


def check_no_circle(fallbacks: Mapping[str, Sequence[str]]) -> None:
    """Refuse a model that falls back to itself, by way of others or at once.

    Raises:
        BadRequest: naming the way round.
    """
    circle = find_circle(fallbacks)
    if circle:
        way = " -> ".join(circle)
        raise BadRequest(f"The fallbacks go round in a circle: {way}. Take one of them out.", code="fallback_cycle")


def find_circle(fallbacks: Mapping[str, Sequence[str]]) -> list[str]:
    """The models of a way that ends where it began; empty where there is none."""
    done: set[str] = set()
    return next((circle for start in fallbacks if (circle := _walk(start, fallbacks, [], done))), [])


def _walk(model: str, fallbacks: Mapping[str, Sequence[str]], path: list[str], done: set[str]) -> list[str]:
    if model in path:
        return [*path[path.index(model) :], model]
    if model in done:
        return []
    found = (_walk(target, fallbacks, [*path, model], done) for target in fallbacks.get(model, ()))
    circle = next(filter(None, found), [])
    done.add(model)
    return circle
