"""What a master does for measuring: it hands each worker a sheet, and knows when that has ended."""

from __future__ import annotations

import contextlib
import itertools
import socket
from dataclasses import dataclass
from typing import Protocol

from router.metrics.gathering import GATEWAY, PORTAL, GatheredSheet, Gathering
from router.metrics.sheet import MetricSheet, SheetFile, map_sheet

__all__ = [
    "SHEET",
    "SHEET_ENDED",
    "ForwardingMetrics",
    "GatheringMetrics",
    "HandedSheet",
    "MasterMetrics",
    "PortalSheets",
]

SHEET = b"sheet "
"""What the portal's master writes to the gateway's, with the descriptor of a sheet: its number and a line feed."""
SHEET_ENDED = b"ended "
"""The same when the process has ended: the number of its sheet."""
_MASTERS = b"0"
"""The number of the portal's master's own sheet."""


class HandedSheet(Protocol):
    """A sheet that a process is started with."""

    @property
    def fd(self) -> int:
        """Its descriptor here."""
        ...


class MasterMetrics:
    """Measures nothing: what a master has where ``[metrics]`` is off."""

    own: MetricSheet | None = None

    def sheet(self) -> HandedSheet | None:
        """A sheet for a worker that is about to start."""
        return None

    def ended(self, sheet: HandedSheet | None) -> None:
        """The worker with that sheet has ended."""

    def died(self) -> None:
        """A worker ended although it should serve."""
        if self.own is not None:
            self.own.add("worker_deaths")

    def reloaded(self, well: bool) -> None:
        """A reload has come to its end."""
        if self.own is not None:
            self.own.add("reloads", "ok" if well else "given_up")

    def count(self, starting: int, serving: int, leaving: int) -> None:
        """How many workers there are."""
        if self.own is not None:
            for state, number in (("starting", starting), ("serving", serving), ("leaving", leaving)):
                self.own.put("workers", state, value=number)


class GatheringMetrics(MasterMetrics):
    """The gateway's master's: it has all sheets."""

    def __init__(self, gathering: Gathering) -> None:
        self.gathering = gathering
        self.own = _begun(gathering.own)

    def sheet(self) -> HandedSheet | None:
        return _Gathered(self.gathering.open(GATEWAY))

    def ended(self, sheet: HandedSheet | None) -> None:
        if isinstance(sheet, _Gathered):
            self.gathering.close(sheet.gathered)


class ForwardingMetrics(MasterMetrics):
    """The portal's master's: it hands each sheet on to the gateway's.

    Args:
        control: its end of the pair that they share.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._numbers = itertools.count(1)
        self._file = SheetFile()
        self.own = _begun(MetricSheet())
        self.own.move_to(map_sheet(self._file.fd))
        self._send(SHEET + _MASTERS, self._file.fd)

    def sheet(self) -> HandedSheet | None:
        sheet = _Forwarded(SheetFile(), next(self._numbers))
        self._send(SHEET + b"%d" % sheet.number, sheet.fd)
        return sheet

    def ended(self, sheet: HandedSheet | None) -> None:
        if isinstance(sheet, _Forwarded):
            sheet.file.close()
            self._send(SHEET_ENDED + b"%d" % sheet.number)

    def _send(self, words: bytes, *descriptors: int) -> None:
        with contextlib.suppress(OSError):  # the other end is gone, and this process will be
            socket.send_fds(self._control, [words + b"\n"], descriptors)


class PortalSheets:
    """The portal's sheets, at the gateway's master.

    Args:
        gathering: where they are read; None reads none.
    """

    def __init__(self, gathering: Gathering | None = None) -> None:
        self._gathering = gathering
        self._sheets: dict[bytes, GatheredSheet] = {}

    def heard(self, line: bytes, descriptors: list[int]) -> None:
        """The portal's master wrote a line; a sheet's descriptor is taken from the front of the list."""
        if line.startswith(SHEET) and descriptors and self._gathering is not None:
            number = line.removeprefix(SHEET)
            worker = "master" if number == _MASTERS else ""
            with contextlib.suppress(OSError, ValueError):
                self._sheets[number] = self._gathering.open(PORTAL, descriptors.pop(0), worker)
        elif line.startswith(SHEET_ENDED):
            self._close(line.removeprefix(SHEET_ENDED))

    def ended(self) -> None:
        """The portal's master has ended, and all of its processes."""
        for number in list(self._sheets):
            self._close(number)

    def _close(self, number: bytes) -> None:
        sheet = self._sheets.pop(number, None)
        if sheet is not None and self._gathering is not None:
            self._gathering.close(sheet)


@dataclass(frozen=True)
class _Gathered:
    gathered: GatheredSheet

    @property
    def fd(self) -> int:
        return self.gathered.file.fd


@dataclass(frozen=True)
class _Forwarded:
    file: SheetFile
    number: int

    @property
    def fd(self) -> int:
        return self.file.fd


def _begun(sheet: MetricSheet) -> MetricSheet:
    """With what is counted from zero, so that the first one is a rise."""
    sheet.place("worker_deaths")
    for outcome in ("ok", "given_up"):
        sheet.place("reloads", outcome)
    return sheet
