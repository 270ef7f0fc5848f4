"""The sheets of all processes, as their master has them: summed, bounded, and kept when a process ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from router.metrics.families import OTHER, Family
from router.metrics.sheet import MetricSheet, Series, SheetFile

__all__ = ["GATEWAY", "PORTAL", "GatheredSheet", "Gathering", "Sample", "Totals"]

GATEWAY, PORTAL = "gateway", "portal"
"""Kinds of processes."""

_FRESH_MS = 60_000
"""How long what was read from the database is shown; longer than that, another node has read it meanwhile."""

Sample = tuple[Family, tuple[str, ...]]
"""A family, and all labels of one of its series."""
Totals = Mapping[Sample, list[int]]


@dataclass(frozen=True)
class GatheredSheet:
    """One process's sheet.

    Attributes:
        process: which kind of process.
        worker: its place among those, which a later process takes over.
    """

    file: SheetFile
    process: str
    worker: str


class Gathering:
    """All sheets of one gateway. Its methods may be called from any thread.

    Counters never go back: what a process had counted is added to the total of the dead when it has ended.

    Args:
        now_ms: Unix milliseconds.

    Attributes:
        own: what the master itself counts.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.own = MetricSheet()
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._sheets: list[GatheredSheet] = []
        self._dead: dict[Sample, list[int]] = {}
        self._latest: tuple[int, dict[Sample, list[int]]] = (0, {})
        self._named: dict[Family, dict[tuple[str, ...], tuple[str, ...]]] = {}

    def open(self, process: str, fd: int | None = None, worker: str = "") -> GatheredSheet:
        """A sheet for a process that is about to start, or one that such a process has already.

        Args:
            worker: its place; the first that is free where omitted.

        Raises:
            ValueError, OSError: that is no sheet.
        """
        file = SheetFile(fd)
        with self._lock:
            taken = {one.worker for one in self._sheets if one.process == process}
            free = next(text for number in range(len(taken) + 1) if (text := str(number)) not in taken)
            sheet = GatheredSheet(file, process, worker or free)
            self._sheets.append(sheet)
        return sheet

    def close(self, sheet: GatheredSheet) -> None:
        """Its process has ended. Harmless when called again."""
        with self._lock:
            if sheet not in self._sheets:
                return
            self._sheets.remove(sheet)
            read_at, series = sheet.file.read()
            sheet.file.close()
            self._keep_latest(read_at, series)
            staying = [one for one in series if one[0].stays]
            self._add(self._dead, staying, sheet.process, sheet.worker)

    def totals(self) -> Totals:
        """Every series now."""
        with self._lock:
            found = {sample: list(numbers) for sample, numbers in self._dead.items()}
            for sheet in self._sheets:
                read_at, series = sheet.file.read()
                self._keep_latest(read_at, series)
                self._add(found, series, sheet.process, sheet.worker)
            self._add(found, self.own.series(), GATEWAY, "master")
            read_at, latest = self._latest
            if self._now_ms() - read_at < _FRESH_MS:
                found |= latest
            return found

    def _keep_latest(self, read_at: int, series: Series) -> None:
        if read_at > self._latest[0]:
            latest: dict[Sample, list[int]] = {}
            self._add(latest, series, "", "", latest=True)
            self._latest = read_at, latest

    def _add(
        self, totals: dict[Sample, list[int]], series: Series, process: str, worker: str, *, latest: bool = False
    ) -> None:
        more = {"": (), "process": (process,), "worker": (process, worker)}
        for family, labels, numbers in series:
            if (family.merge == "latest") != latest:
                continue
            sample = family, (*self._name(family, labels), *more[family.per])
            present = totals.get(sample)
            if present is None:
                totals[sample] = numbers
            elif family.merge == "most":
                present[:] = map(max, present, numbers)
            else:
                present[:] = [one + other for one, other in zip(present, numbers, strict=True)]

    def _name(self, family: Family, labels: tuple[str, ...]) -> tuple[str, ...]:
        """The labels under which a series is shown: each sheet is bounded, and so are all together, for good."""
        named = self._named.setdefault(family, {})
        found = named.get(labels)
        if found is None:
            found = labels if len(named) < family.most else (OTHER,) * len(labels)
            if len(named) < 2 * family.most:
                named[labels] = found
        return found
