"""Bar charts as SVG: where each bar, grid line and label stands. Values stay whole numbers until they are lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Bar", "BarChart", "Grid", "bar_chart"]

_WIDTH = 640.0
_HEIGHT = 160.0
_GAP = 0.2  # of a bar's place
_LINES = 4
_LABELS = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in the chart's units.

    Attributes:
        label: stands below it; empty where there is no room.
        spare: whether that is left out on a narrow screen, where there is room for half as many.
    """

    x: float
    y: float
    width: float
    height: float
    title: str
    label: str
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A line of the grid: its height, and the value that it stands for."""

    y: float
    value: int


@dataclass(frozen=True, slots=True)
class BarChart:
    """A chart of bars above zero."""

    width: float
    height: float
    bars: Sequence[Bar]
    grid: Sequence[Grid]


def bar_chart(values: Sequence[int], titles: Sequence[str], labels: Sequence[str]) -> BarChart:
    """Lay bars out, the first on the left.

    Args:
        values: none below zero.
        titles: what a pointer over a bar is told.
        labels: one a bar; as many are shown as there is room for.
    """
    top = _nice(max(values, default=0))
    place = _WIDTH / max(1, len(values))
    every = max(1, -(-len(values) // _LABELS))
    bars = [
        Bar(
            round(number * place + place * _GAP / 2, 2),
            round(_HEIGHT - _HEIGHT * value / top, 2),
            round(place * (1 - _GAP), 2),
            round(_HEIGHT * value / top, 2),
            titles[number],
            labels[number] if number % every == 0 else "",
            number % (2 * every) != 0,
        )
        for number, value in enumerate(values)
    ]
    steps = [Grid(round(_HEIGHT - _HEIGHT * step / _LINES, 2), top * step // _LINES) for step in range(_LINES + 1)]
    return BarChart(_WIDTH, _HEIGHT, bars, steps)


def _nice(largest: int) -> int:
    """The least of 4, 8, 20 times a power of ten that is not below a value, so that the grid's lines are round."""
    power = 1
    while True:
        for step in (4, 8, 20):
            if largest <= step * power:
                return step * power
        power *= 10
