"""A sheet of whole numbers in which one process counts, and which another may read at any moment.

It is plain memory: a count is one addition, and what was counted is still there when the process was killed. A number
is eight bytes at a multiple of eight, which processors write at once; the list of series only grows, and its length is
written last.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import tempfile
from collections.abc import Sequence

from router.metrics.families import FAMILIES, OTHER, Family

__all__ = ["SHEET_BYTES", "MetricSheet", "Series", "SheetFile", "bucket_of", "map_sheet"]

_CELLS = 49_152
_KEYS_AT = 8 * _CELLS
_KEYS = 1_048_576
SHEET_BYTES = _KEYS_AT + _KEYS
"""What a sheet takes of the address space; memory is only what is used of it."""

_FORM = 1  # changes with the layout: a master is older than its workers when it has reloaded a newer version
_FORM_AT, _USED_AT, _READ_AT, _FIRST = 0, 1, 2, 8
_BIN = _CELLS - 64  # where is added what has no room; nobody reads it
_MOST = 2**62
_Cells = ctypes.c_int64 * _CELLS  # an addition costs a third of what it does in a memoryview, and a call makes a dozen
_LABEL_MAX = 200

Buffer = bytearray | mmap.mmap
Series = Sequence[tuple[Family, tuple[str, ...], list[int]]]
"""Family, labels and numbers."""


class MetricSheet:
    """Where one process counts.

    Attributes:
        cells: the numbers, for who counts often: ``sheet.cells[place] += 1``. Ask the sheet for it each time.
    """

    def __init__(self) -> None:
        self._buffer: Buffer = bytearray(SHEET_BYTES)
        self.cells = _Cells.from_buffer(self._buffer)
        self.cells[_FORM_AT] = _FORM
        self._next = _FIRST
        self._places: dict[tuple[str, ...], int] = {}
        self._counts: dict[str, int] = {}

    def move_to(self, buffer: Buffer) -> None:
        """Count there from now on; what was counted so far is taken along. Places stay what they are."""
        new = memoryview(buffer)
        new[:SHEET_BYTES] = memoryview(self._buffer)[:SHEET_BYTES]
        self._buffer, self.cells = buffer, _Cells.from_buffer(buffer)

    def place(self, name: str, *labels: str) -> int:
        """Where a series has its (first) number; beyond the family's bound, where ``other`` has it."""
        key = (name, *labels)
        found = self._places.get(key)
        return self._new_place(FAMILIES[name], key) if found is None else found

    def add(self, name: str, *labels: str, by: int = 1) -> None:
        """Count on."""
        self.cells[self.place(name, *labels)] += by

    def put(self, name: str, *labels: str, value: int) -> None:
        """Set a gauge."""
        self.cells[self.place(name, *labels)] = max(-_MOST, min(value, _MOST))

    def observe(self, name: str, value: int) -> None:
        """Count into a histogram without labels."""
        place = self.place(name)
        self.cells[place] += value
        self.cells[place + 1 + bucket_of(FAMILIES[name], value)] += 1

    def stamp(self, read_at_ms: int) -> None:
        """What of the database was put here was read at that time."""
        self.cells[_READ_AT] = read_at_ms

    def series(self) -> Series:
        """What was counted, for a reader in the same process."""
        return [(FAMILIES[key[0]], key[1:], self._numbers(key)) for key in list(self._places)]

    def _numbers(self, key: tuple[str, ...]) -> list[int]:
        place = self._places[key]
        return self.cells[place : place + FAMILIES[key[0]].width]

    def _new_place(self, family: Family, key: tuple[str, ...]) -> int:
        shown = tuple(one.encode("utf-8", "replace").decode("utf-8")[:_LABEL_MAX] for one in key)
        if shown != key:  # a provider's code may be anything: half a character would be a fault of all that is told
            return self.place(*shown)
        count = self._counts.get(family.name, 0)
        if count >= family.most and key[1:] != (OTHER,) * len(family.labels):
            return self.place(family.name, *(OTHER for _ in family.labels))
        line = json.dumps([family.width, *key]).encode("ascii") + b"\n"
        used = self.cells[_USED_AT]
        if self._next + family.width > _BIN or used + len(line) > _KEYS:
            return _BIN
        place, self._next = self._next, self._next + family.width
        self._counts[family.name] = count + 1
        memoryview(self._buffer)[_KEYS_AT + used : _KEYS_AT + used + len(line)] = line
        self.cells[_USED_AT] = used + len(line)
        self._places[key] = place
        return place


def bucket_of(family: Family, value: int) -> int:
    """Which of a histogram's buckets, the last one without a bound among them, a value falls into."""
    return next((number for number, bound in enumerate(family.buckets) if value <= bound), len(family.buckets))


class SheetFile:
    """A sheet's memory, to be handed to a process, and read: a file without a name, gone with its last reader.

    Args:
        fd: of another process's sheet; owned from here on. None makes a new one.

    Attributes:
        fd: its descriptor, which is not inheritable.

    Raises:
        ValueError, OSError: it is no sheet's.
    """

    def __init__(self, fd: int | None = None) -> None:
        self.fd = _unnamed_file() if fd is None else fd
        try:
            self._map = map_sheet(self.fd)
        except BaseException:
            os.close(self.fd)
            raise
        self._known: list[tuple[Family, tuple[str, ...], int]] = []
        self._read_to, self._next = 0, _FIRST

    def read(self) -> tuple[int, Series]:
        """When the database was read last for it, in milliseconds, 0 for never; and its series with their numbers.

        What another version of this code wrote and this one does not know is left out.
        """
        with memoryview(self._map) as whole, whole[:_KEYS_AT].cast("q") as cells:
            if cells[_FORM_AT] != _FORM:
                return 0, []
            used = max(self._read_to, min(cells[_USED_AT], _KEYS))
            self._learn(bytes(whole[_KEYS_AT + self._read_to : _KEYS_AT + used]))
            self._read_to = used
            found = [(one, labels, cells[place : place + one.width].tolist()) for one, labels, place in self._known]
            return cells[_READ_AT], found

    def close(self) -> None:
        """Forget it; the process may go on writing."""
        self._map.close()
        os.close(self.fd)

    def _learn(self, keys: bytes) -> None:
        for line in keys.splitlines():
            width, name, *labels = json.loads(line)
            family = FAMILIES.get(name)
            if family is not None and family.width == width and len(labels) == len(family.labels):
                self._known.append((family, tuple(labels), self._next))
            self._next += width


def map_sheet(fd: int) -> mmap.mmap:
    """The memory behind a descriptor.

    Raises:
        ValueError, OSError: it is no sheet's.
    """
    return mmap.mmap(fd, SHEET_BYTES)


def _unnamed_file() -> int:
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("router-metrics")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.set_inheritable(fd, False)
    os.ftruncate(fd, SHEET_BYTES)
    return fd
