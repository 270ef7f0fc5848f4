"""A request's body: read within limits, decompressed within limits, decoded within limits.

Decoding JSON holds the event loop, so its cost is bounded before it starts: see ``_refuse_if_costly``.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import brotli

from router.errors import BadRequest, TooLarge

__all__ = ["Readable", "decode_json", "read_body"]

_PIECE = 256 * 1024
_CHECKED_ABOVE = 2**20
_VALUES_MAX = 400_000


class Readable(Protocol):
    """``wsgi.input``."""

    def read(self, size: int, /) -> bytes: ...


def read_body(source: Readable, length: int | None, encoding: str, max_bytes: int) -> bytes:
    """The whole body, decompressed.

    Args:
        length: ``Content-Length``; None for a chunked body.
        encoding: ``Content-Encoding``; empty for none.
        max_bytes: limit on the body as sent, and again once decompressed.

    Raises:
        TooLarge: above the limit. BadRequest: an unknown or broken encoding.
    """
    if length is not None and length > max_bytes:
        raise _too_large(max_bytes)
    raw = _limited(_pieces(source, length), max_bytes)
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return raw
    return _limited(_decompressed(raw, encoding), max_bytes)


def decode_json(raw: bytes) -> dict[str, Any]:
    """The body as a dict.

    Raises:
        BadRequest: not UTF-8, not JSON, not an object, nested too deeply, or with a number that JSON cannot hold.
        TooLarge: more values than the event loop should spend time on.
    """
    if len(raw) > _CHECKED_ABOVE:
        _refuse_if_costly(raw)
    try:
        body = json.loads(raw, parse_float=_finite, parse_constant=_refuse_constant)
    except RecursionError:
        raise BadRequest("The request body is nested too deeply.", code="invalid_json") from None
    except UnicodeDecodeError:
        raise BadRequest("The request body is not valid UTF-8.", code="invalid_json") from None
    except ValueError as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "a number is too large"
        raise BadRequest(f"The request body is not valid JSON: {reason}.", code="invalid_json") from None
    if not isinstance(body, dict):
        raise BadRequest("The request body must be a JSON object.", code="invalid_json")
    return body


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The request body is larger than this gateway takes ({max_bytes} bytes).")


def _pieces(source: Readable, length: int | None) -> Iterator[bytes]:
    left = math.inf if length is None else length
    while left > 0 and (piece := source.read(int(min(_PIECE, left)))):
        left -= len(piece)
        yield piece


def _limited(pieces: Iterator[bytes], max_bytes: int) -> bytes:
    taken, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > max_bytes:
            raise _too_large(max_bytes)
        taken.append(piece)
    return taken[0] if len(taken) == 1 else b"".join(taken)


def _decompressed(raw: bytes, encoding: str) -> Iterator[bytes]:
    try:
        if encoding == "br":
            yield from _brotli(raw)
        elif encoding in ("gzip", "x-gzip", "deflate"):
            yield from _zlib(raw, 31 if "gzip" in encoding else 15)
        else:
            raise BadRequest(
                f"Content-Encoding {encoding[:32]!r} is not supported; send gzip, deflate, br or none.",
                code="unsupported_encoding",
            )
    except (zlib.error, brotli.error):
        raise BadRequest(f"The request body is not valid {encoding}.", code="invalid_encoding") from None


def _zlib(raw: bytes, window: int) -> Iterator[bytes]:
    decoder = zlib.decompressobj(window)
    piece = decoder.decompress(raw, _PIECE)
    while piece:
        yield piece
        piece = decoder.decompress(decoder.unconsumed_tail, _PIECE)
    if not decoder.eof:
        raise zlib.error("truncated")


def _brotli(raw: bytes) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    piece = decoder.process(raw, output_buffer_limit=_PIECE)
    while piece or not decoder.can_accept_more_data():
        yield piece
        piece = decoder.process(b"", output_buffer_limit=_PIECE)
    if not decoder.is_finished():
        raise brotli.error("truncated")


def _refuse_if_costly(raw: bytes) -> None:
    """Count what the decoder would make: 16 MiB of ``[`` would hold the loop for seconds, a long text does not."""
    values = raw.count(b"[") + raw.count(b"{") + raw.count(b",") // 10
    if values > _VALUES_MAX:
        raise TooLarge("The request body holds more JSON values than this gateway takes; split the request.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _refuse_constant(name: str) -> Mapping[str, Any]:
    raise BadRequest(f"The request body is not valid JSON: {name} is not a JSON number.", code="invalid_json")
