"""How long targets take to their first output: moving measures, each worker's own, and what workers tell each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

__all__ = ["Measure", "Measures", "Place"]

_SAMPLES_MAX = 1_000_000
_PLACES_MAX = 10_000


class Place(NamedTuple):
    """What is measured: a target's streams, or its plain answers, which take as long as the whole."""

    target: str
    streamed: bool


@dataclass(frozen=True, slots=True)
class Measure:
    """A moving average.

    Attributes:
        ms: milliseconds.
        samples: how many it is made of; an old one counts little.
        at: Unix seconds of the last.
    """

    ms: float
    samples: int
    at: float

    def with_sample(self, ms: float, at: float, share: float) -> Measure:
        """The same with one more sample, which counts for ``share`` of the average, or more while there are few."""
        weight = max(share, 1 / (self.samples + 1))
        return Measure(self.ms + weight * (ms - self.ms), min(self.samples + 1, _SAMPLES_MAX), at)


class Measures:
    """The measures of one worker, and what it has heard of others.

    Args:
        share: of a new sample in its average.
        keep_s: how long a measure holds without a new sample.
    """

    def __init__(self, share: float, keep_s: float) -> None:
        self._share = share
        self._keep_s = keep_s
        self._own: dict[Place, Measure] = {}
        self._heard: dict[Place, list[Measure]] = {}

    def add(self, place: Place, ms: float, at: float) -> None:
        """One more sample of our own."""
        known = self._own.get(place)
        if known is None or at - known.at > self._keep_s:
            if len(self._own) >= _PLACES_MAX:
                self._own.clear()
            known = Measure(0.0, 0, at)
        self._own[place] = known.with_sample(ms, at, self._share)

    def own(self) -> dict[Place, Measure]:
        """Ours alone."""
        return dict(self._own)

    def hear(self, told: Iterable[tuple[Place, Measure]]) -> None:
        """What the others measure, in place of what they told before."""
        heard: dict[Place, list[Measure]] = {}
        for place, measure in told:
            heard.setdefault(place, []).append(measure)
        self._heard = heard

    def of(self, place: Place, now: float) -> Measure | None:
        """What holds of a target: all workers' measures, each by its samples; None where nobody knows."""
        found = [*self._heard.get(place, ()), *([self._own[place]] if place in self._own else ())]
        fresh = [replace(one, samples=min(one.samples, 100)) for one in found if now - one.at <= self._keep_s]
        samples = sum(one.samples for one in fresh)
        if not samples:
            return None
        average = sum(one.ms * one.samples for one in fresh) / samples
        return Measure(average, samples, max(one.at for one in fresh))
