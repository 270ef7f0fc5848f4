"""Server-sent events: bytes in, the data of whole events out."""

from __future__ import annotations

from router.http_client.exceptions import AnswerTooLong

__all__ = ["BETWEEN", "EventParser"]

BETWEEN = b"\n\ndata: "
"""What stands between the data of two events in the plainest form."""
_BOM = b"\xef\xbb\xbf"


class EventParser:
    """Cuts a byte stream into events and gives the data of each.

    Works on bytes, so it does not matter where a piece ends. ``event``, ``id`` and ``retry`` fields, comments, and
    events without data are dropped; several data lines of one event are joined by a line feed.

    Args:
        limit_bytes: the largest event.
    """

    __slots__ = ("_after_cr", "_begun", "_limit_bytes", "_parts", "_size")

    def __init__(self, limit_bytes: int = 32 * 1024 * 1024) -> None:
        self._limit_bytes = limit_bytes
        self._parts: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._begun = False

    def feed(self, data: bytes) -> list[bytes]:
        """The data of every event that ``data`` completes, in order.

        Raises:
            AnswerTooLong: an event is larger than the limit.
        """
        if not self._begun:
            data = self._without_bom(data)
        if b"\r" in data or self._after_cr:
            data = self._with_line_feeds(data)
        # Joined only when an event ends in this piece: a long event in many pieces is not copied again for each.
        ends = b"\n\n" in data or (data[:1] == b"\n" and self._parts and self._parts[-1][-1:] == b"\n")
        if not ends:
            self._keep(data)
            return []
        if self._parts:
            data = b"".join((*self._parts, data))
            self._parts.clear()
            self._size = 0
        end = data.rfind(b"\n\n") + 2
        if end < len(data):
            self._keep(data[end:])
            data = data[:end]
        if len(data) > self._limit_bytes:
            self._check_sizes(data)
        return _payloads(data)

    def plain(self, data: bytes) -> bytes | None:
        """The data of the events that ``data`` is, with ``BETWEEN`` between them; None where it is not whole events in
        the plainest form, or a part of one is kept: ``feed`` it.
        """
        if data[:6] != b"data: " or data[-2:] != b"\n\n" or self._parts or self._after_cr or b"\r" in data:
            return None
        if len(data) > self._limit_bytes or b"data: \n" in data or data.count(b"\n") != 2 * data.count(BETWEEN) + 2:
            return None
        self._begun = True
        return data[6:-2]

    def close(self) -> list[bytes]:
        """The stream has ended: the data of an event that no blank line ended, as a list of one; else an empty list.

        Such an event may be whole, where an upstream leaves out the last blank line, or cut off anywhere. Take it as
        whole only if it is ``[DONE]`` or complete JSON; anything else means that the stream was cut.
        """
        rest = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return _payloads(rest + b"\n\n")

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        self._parts.append(data)
        self._size += len(data)
        if self._size > self._limit_bytes:
            raise self._too_large()

    def _without_bom(self, data: bytes) -> bytes:
        data = b"".join((*self._parts, data))
        self._parts.clear()
        self._size = 0
        if data.startswith(_BOM):
            self._begun = True
            return data[len(_BOM) :]
        if _BOM.startswith(data):  # too short to tell; also when empty
            self._keep(data)
            return b""
        self._begun = True
        return data

    def _with_line_feeds(self, data: bytes) -> bytes:
        """Every line end as LF. A CR ends its line at once; an LF that follows in the next piece belongs to it."""
        if not data:
            return data
        if self._after_cr and data[:1] == b"\n":
            data = data[1:]
            self._after_cr = False
            if not data:
                return data
        self._after_cr = data[-1:] == b"\r"
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _check_sizes(self, data: bytes) -> None:
        if max(map(len, data.split(b"\n\n"))) > self._limit_bytes:
            raise self._too_large()

    def _too_large(self) -> AnswerTooLong:
        return AnswerTooLong("An event of the provider's stream", self._limit_bytes)


def _payloads(block: bytes) -> list[bytes]:
    """The data of whole events; ``block`` ends with a blank line and has LF line ends only."""
    if block.startswith(b"data: "):
        # Every event is one canonical data line exactly if no line feeds are left over: one split does them all.
        payloads = block[6:-2].split(b"\n\ndata: ")
        if block.count(b"\n") == 2 * len(payloads) and b"" not in payloads:
            return payloads
    found = (_event_data(event) for event in block.split(b"\n\n"))
    return [data for data in found if data]


def _event_data(event: bytes) -> bytes:
    """The data lines of one event, joined; empty if all are."""
    lines = []
    for line in event.split(b"\n"):
        if line.startswith(b"data:"):
            lines.append(line[6:] if line[5:6] == b" " else line[5:])
        elif line == b"data":
            lines.append(b"")
    return b"\n".join(lines) if any(lines) else b""
