"""A request's body: read within limits, decompressed within limits, decoded within limits.

Decoding JSON holds the event loop, so its cost is bounded before it starts (``_refuse_if_costly``), and between the
steps of a large body the others get their turn (``sleep(0)``).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NoReturn, Protocol

import msgspec
from gevent import sleep

from router.errors import BadRequest, RouterError, TooLarge
from router.surfaces.coding import coding_of, undone

__all__ = ["Readable", "decode_json", "has_long_number", "read_body"]

_PIECE = 64 * 1024
_LARGE = 256 * 1024
_VALUES_MAX = 320_000  # OpenAI takes 300,000 tokens in one embeddings call
_FLOATS_MAX = 50_000  # writing one again takes up to 1.3 µs
_ESCAPES_MAX = 6_000_000
_DEPTH_MAX = 128
_DIGITS_MAX = 100  # converting takes the square of them
_PLACES_MAX = 1000
_STRIDE = _DIGITS_MAX // 4
_SAMPLED = 4 * 1024
_RARE = 64
_LONG = re.compile(rb"(?<![0-9])[0-9]{%d}" % _DIGITS_MAX)
_DIGITS = re.compile(rb"[0-9]{4,}")
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_STRICT = msgspec.json.Decoder()


class Readable(Protocol):
    """``wsgi.input``."""

    def read(self, size: int, /) -> bytes: ...


def read_body(
    source: Readable,
    length: int | None,
    encoding: str,
    max_bytes: int,
    note: Callable[[int], None] | None = None,
) -> bytes:
    """The whole body, decompressed.

    Args:
        length: ``Content-Length``; None for a chunked body.
        encoding: ``Content-Encoding``; empty for none.
        max_bytes: limit on the body as sent, and again once decompressed.
        note: told of bytes as they arrive, and of those that they decompress to; may raise to refuse them.

    Raises:
        TooLarge: above the limit, or far longer than it was sent.
        UnsupportedCoding: an encoding that is not taken.
        BadRequest: a broken one.
    """
    if length is not None and length > max_bytes:
        raise _too_large(max_bytes)
    coding = coding_of(encoding) if encoding else ""
    raw = _limited(_pieces(source, length), max_bytes, note)
    if not coding:
        return raw
    data = undone(raw, coding, max_bytes)
    if note is not None:
        note(len(data))
    return data


def decode_json(raw: bytes) -> dict[str, Any]:
    """The body as a dict.

    msgspec decodes what json would decode to the same; anything else is json's, which also words what is wrong.

    Raises:
        BadRequest: not UTF-8, not JSON, not an object, nested more than 128 deep, or with a number that is not finite
            or longer than 100 digits.
        TooLarge: more values than the event loop should spend time on.
    """
    large = len(raw) > _LARGE
    count = _count if large else bytes.count
    opened = count(raw, b"[") + count(raw, b"{")
    if large:
        _refuse_if_costly(raw, opened)
    try:
        strict = not has_long_number(raw)
        body = (msgspec.json.Decoder(float_hook=_CountedFloats()) if large else _STRICT).decode(raw) if strict else None
    except (ValueError, RecursionError, RouterError):  # in which order json finds faults is json's business
        strict = False
    if not strict:
        body = _decoded_by_json(raw, large)
    if not isinstance(body, dict):
        raise BadRequest("The request body must be a JSON object.", code="invalid_json")
    if large:
        sleep(0)
    if opened > _DEPTH_MAX:
        _refuse_if_deep(body)
    return body


def has_long_number(raw: bytes) -> bool:
    """Whether so many digits stand in a row as no number may have; they may be part of a text, or nearly as many.

    Of a long text every 25th byte is looked at: of 100 digits in a row those are four. Where that is so in many places
    it is taken for true, since json looks sooner than this would.
    """
    if len(raw) <= _SAMPLED:
        return _LONG.search(raw) is not None
    if b"0000" not in raw[::_STRIDE].translate(_DIGITS_ALIKE):
        return False
    places = list(islice(_DIGITS.finditer(raw[::_STRIDE]), _PLACES_MAX))
    if len(places) == _PLACES_MAX or sum(found.end() - found.start() for found in places) > _PLACES_MAX:
        return True
    return any(
        _LONG.search(raw, max(0, found.start() - 1) * _STRIDE, found.end() * _STRIDE + _DIGITS_MAX) is not None
        for found in places
    )


def _decoded_by_json(raw: bytes, large: bool) -> Any:
    try:
        text = raw.decode("utf-8")
        if large:
            sleep(0)
        return (_decoder(_CountedFloats()) if large else _DECODER).decode(text)
    except RecursionError:
        raise _too_deep() from None
    except UnicodeDecodeError:
        raise _invalid("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _invalid(str(error) if text.strip() else "it is empty") from None


def _invalid(reason: str) -> BadRequest:
    return BadRequest(f"The request body is not valid JSON: {reason}.", code="invalid_json")


def _too_deep() -> BadRequest:
    return BadRequest(f"The request body is nested more than {_DEPTH_MAX} levels deep.", code="invalid_json")


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The request body is larger than this gateway takes ({max_bytes} bytes).")


def _pieces(source: Readable, length: int | None) -> Iterator[bytes]:
    left = math.inf if length is None else length
    while left > 0 and (piece := source.read(int(min(_PIECE, left)))):
        left -= len(piece)
        yield piece


def _limited(pieces: Iterator[bytes], max_bytes: int, note: Callable[[int], None] | None) -> bytes:
    taken, size = [], 0
    for piece in pieces:
        size += len(piece)
        if note is not None:
            note(len(piece))
        if size > max_bytes:
            raise _too_large(max_bytes)
        taken.append(piece)
    return taken[0] if len(taken) == 1 else b"".join(taken)


def _count(raw: bytes, byte: bytes) -> int:
    """``raw.count(byte)``, which looks at byte after byte; the search for a rare one is several times as fast."""
    place = -1
    for found in range(_RARE):
        place = raw.find(byte, place + 1)
        if place < 0:
            return found
    return _RARE + raw.count(byte, place + 1)


def _refuse_if_costly(raw: bytes, opened: int) -> None:
    """Count what the decoder would make: as many values as there are commas and opening brackets, or fewer.

    Text of any length is cheap; commas and brackets in it do not count.
    """
    escapes = _count(raw, b"\\") if len(raw) > _ESCAPES_MAX else 0
    values = opened + _count(raw, b",")
    sleep(0)
    if escapes > _ESCAPES_MAX:
        raise TooLarge(f"The request body holds more than {_ESCAPES_MAX} escapes; split the request.")
    if values <= _VALUES_MAX:
        return
    outside = raw.replace(b"\\\\", b"")
    sleep(0)
    outside = outside.replace(b'\\"', b"")
    sleep(0)
    if outside.count(b'"') <= 2 * _VALUES_MAX:
        outside = b"".join(outside.split(b'"')[::2])
        values = outside.count(b",") + outside.count(b"[") + outside.count(b"{")
        sleep(0)
        if values <= _VALUES_MAX:
            return
    raise TooLarge(f"The request body holds more than {_VALUES_MAX} JSON values; split the request.")


def _refuse_if_deep(body: dict[str, Any]) -> None:
    """Whatever copies or writes the body again may need several stack frames for each level."""
    level: list[Any] = [body]
    for _ in range(_DEPTH_MAX):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return
    raise _too_deep()


def _whole(text: str) -> int:
    if len(text) > _DIGITS_MAX:
        raise _invalid(f"a whole number has more than {_DIGITS_MAX} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _invalid("a number is too large")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise _invalid(f"{name} is not a JSON number")


class _CountedFloats:
    """``_finite`` for one body, up to so many."""

    def __init__(self) -> None:
        self._left = _FLOATS_MAX

    def __call__(self, text: str) -> float:
        self._left -= 1
        if self._left < 0:
            raise TooLarge(f"The request body holds more than {_FLOATS_MAX} numbers with fractions; split the request.")
        return _finite(text)


def _decoder(parse_float: Callable[[str], float]) -> json.JSONDecoder:
    return json.JSONDecoder(parse_float=parse_float, parse_int=_whole, parse_constant=_refuse_constant)


_DECODER = _decoder(_finite)
