"""What the upstream is told to do with one request: an answer, a stream, or something that is no HTTP at all."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from router.testing.upstream.wire import chunks, error

__all__ = ["Answer", "Flag", "Piece", "Raw", "Script", "Stream", "sse", "stream"]


@runtime_checkable
class Flag(Protocol):
    """Whatever can be waited for: a ``threading.Event``, patched by gevent or not."""

    def is_set(self) -> bool: ...


Piece = bytes | float | Flag
"""Part of a body: bytes to write, seconds to wait, or a flag to wait for."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """How a response is delivered; what it says is up to ``Answer`` and ``Stream``.

    Attributes:
        status: HTTP status.
        headers: sent as given, in place of ours of the same name; pairs where a name comes more than once.
        interim: 1xx statuses that are sent first.
        framing: ``length`` (Content-Length), ``chunked``, or ``eof``: the closed connection ends the body.
        gzip: compress the body; a stream is flushed at each event.
        delay_s, hold: wait so long, then until the flag is set, before the head.
        body_delay_s, body_hold: the same between head and body.
        gap_s: wait so long before each part of the body but the first.
        write_size: write everything, the head too, in pieces of so many bytes.
        write_gap_s: wait so long after each of these pieces.
        split_at: offsets in the body at which a new write (and a new chunk) begins.
        cut_after_bytes: close the connection after so many bytes of the body.
        reset: cut with a RST instead of a FIN.
        close: say ``Connection: close``, and do so.
    """

    status: int = 200
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = field(default_factory=dict)
    interim: Sequence[int] = ()
    framing: Literal["length", "chunked", "eof"] = "length"
    gzip: bool = False
    delay_s: float = 0.0
    hold: Flag | None = None
    body_delay_s: float = 0.0
    body_hold: Flag | None = None
    gap_s: float = 0.0
    write_size: int | None = None
    write_gap_s: float = 0.0
    split_at: Sequence[int] = ()
    cut_after_bytes: int | None = None
    reset: bool = False
    close: bool = False

    content_type = "application/json"

    @property
    def cut(self) -> bool:
        """Whether the connection ends before the response does."""
        return self.cut_after_bytes is not None

    def parts(self) -> Iterator[Piece]:
        """The whole body before compression and cuts."""
        raise NotImplementedError

    def pieces(self) -> Iterator[Piece]:
        """The body as it is written: compressed, split, with the gaps, not yet cut."""
        parts = _compressed(self.parts()) if self.gzip else self.parts()
        pieces = _split(parts, self.split_at) if self.split_at else parts
        return _spaced(pieces, self.gap_s) if self.gap_s else pieces


@dataclass(frozen=True)
class Answer(Script):
    """One plain response. ``body`` is sent as it is if it is bytes or text, else as JSON."""

    body: Any = b""

    @classmethod
    def error(
        cls,
        status: int,
        message: str = "The scripted upstream says no.",
        *,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        **delivery: Any,
    ) -> Answer:
        """An answer with OpenAI's error body; ``delivery`` is any field of ``Script``."""
        return cls(error(status, message, type, code, param), status=status, **delivery)

    def parts(self) -> Iterator[Piece]:
        yield _encoded(self.body)


@dataclass(frozen=True)
class Stream(Script):
    """Server-sent events.

    Attributes:
        events: objects (one event each), bytes (sent as they are), numbers (seconds to wait), flags (to wait for).
            May be endless, unless ``framing`` is ``length``.
        done: whether ``[DONE]`` follows.
        cut_after: close the connection after so many events.
        joined: write all events that no wait separates at once, instead of one by one.
        newline: the end of a line: LF, CRLF or CR.
    """

    events: Iterable[Any] = ()
    framing: Literal["length", "chunked", "eof"] = field(default="chunked", kw_only=True)
    done: bool = field(default=True, kw_only=True)
    cut_after: int | None = field(default=None, kw_only=True)
    joined: bool = field(default=False, kw_only=True)
    newline: str = field(default="\n", kw_only=True)

    content_type = "text/event-stream"

    @property
    def cut(self) -> bool:
        return self.cut_after is not None or self.cut_after_bytes is not None

    def parts(self) -> Iterator[Piece]:
        return _joined(self._events()) if self.joined else self._events()

    def _events(self) -> Iterator[Piece]:
        written = 0
        for event in self.events:
            if written == self.cut_after:
                return
            if isinstance(event, int | float | Flag):
                yield event
                continue
            yield event if isinstance(event, bytes) else sse(event, self.newline)
            written += 1
        if self.done and written != self.cut_after:
            yield sse("[DONE]", self.newline)


@dataclass(frozen=True)
class Raw:
    """Bytes in place of an HTTP response, then the connection is closed. ``Raw()`` closes it without a word.

    Attributes:
        data: written as it is.
        delay_s, hold: wait so long, then until the flag is set, before the bytes.
        end_hold: wait until this flag is set between the bytes and the close.
        write_size: write in pieces of so many bytes.
        write_gap_s: wait so long after each of these pieces.
        reset: end with a RST instead of a FIN.
    """

    data: bytes = b""
    delay_s: float = field(default=0.0, kw_only=True)
    hold: Flag | None = field(default=None, kw_only=True)
    end_hold: Flag | None = field(default=None, kw_only=True)
    write_size: int | None = field(default=None, kw_only=True)
    write_gap_s: float = field(default=0.0, kw_only=True)
    reset: bool = field(default=False, kw_only=True)


def sse(event: Any, newline: str = "\n") -> bytes:
    """One server-sent event: an object as JSON, text as it is."""
    return b"data: " + _encoded(event) + newline.encode("ascii") * 2


def stream(*words: str, include_usage: bool = False, **delivery: Any) -> Stream:
    """The stream of these words, ended well; ``delivery`` is any field of ``Stream``."""
    return Stream(chunks(*words, include_usage=include_usage), **delivery)


def _encoded(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def _compressed(parts: Iterable[Piece]) -> Iterator[Piece]:
    deflate = zlib.compressobj(wbits=31)
    for part in parts:
        yield deflate.compress(part) + deflate.flush(zlib.Z_SYNC_FLUSH) if isinstance(part, bytes) else part
    yield deflate.flush()


def _joined(parts: Iterable[Piece]) -> Iterator[Piece]:
    waiting: list[bytes] = []
    for part in parts:
        if isinstance(part, bytes):
            waiting.append(part)
            continue
        yield b"".join(waiting)
        waiting.clear()
        yield part
    yield b"".join(waiting)


def _split(parts: Iterable[Piece], offsets: Sequence[int]) -> Iterator[Piece]:
    start = 0
    for part in parts:
        if not isinstance(part, bytes):
            yield part
            continue
        inside = [offset - start for offset in sorted(offsets) if start < offset < start + len(part)]
        for begin, end in zip([0, *inside], [*inside, len(part)], strict=True):
            yield part[begin:end]
        start += len(part)


def _spaced(parts: Iterable[Piece], gap_s: float) -> Iterator[Piece]:
    for number, part in enumerate(parts):
        if number:
            yield gap_s
        yield part
