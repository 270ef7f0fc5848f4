"""Reading, decompressing and decoding a body, without a socket."""

from __future__ import annotations

import gzip
import io
import json
import time
import zlib

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machine import known_work_s

from router.errors import BadRequest, RouterError, TooLarge
from router.surfaces.body import decode_json, read_body

LIMIT = 2**20


def read(raw: bytes, encoding: str = "", *, chunked: bool = False, limit: int = LIMIT) -> bytes:
    return read_body(io.BytesIO(raw), None if chunked else len(raw), encoding, limit)


@pytest.mark.parametrize("chunked", [True, False])
def test_the_limit_is_exact(chunked: bool) -> None:
    assert read(b"x" * 1000, chunked=chunked, limit=1000) == b"x" * 1000
    with pytest.raises(TooLarge, match="999 bytes"):
        read(b"x" * 1000, chunked=chunked, limit=999)


def test_a_body_too_long_by_its_length_is_not_read() -> None:
    source = io.BytesIO(b"x" * 100)
    with pytest.raises(TooLarge):
        read_body(source, 100, "", 99)
    assert source.tell() == 0


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=2000), times=st.sampled_from([1, 300]), chunked=st.booleans())
def test_every_encoding_gives_the_same_back(data: bytes, times: int, chunked: bool) -> None:
    data = data * times
    for encoding, raw in (
        ("gzip", gzip.compress(data)),
        ("deflate", zlib.compress(data)),
        ("br", brotli.compress(data)),
    ):
        assert read(raw, encoding, chunked=chunked) == data
        assert read(raw, f" {encoding.upper()} ", chunked=chunked) == data


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_the_limit_holds_after_decompression_too(encoding: str) -> None:
    make = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}[encoding]
    assert len(read(make(b"x" * LIMIT), encoding)) == LIMIT
    with pytest.raises(TooLarge):
        read(make(b"x" * (LIMIT + 1)), encoding)


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=300), encoding=st.sampled_from(["gzip", "deflate"]))
def test_garbage_is_refused_in_our_words(raw: bytes, encoding: str) -> None:
    with pytest.raises(BadRequest, match=f"not valid {encoding}"):
        read(raw, encoding)


@pytest.mark.parametrize(("raw", "reason"), [(b"", "it is empty"), (b" \n", "it is empty"), (b"{", "Expecting")])
def test_what_is_no_json_is_told(raw: bytes, reason: str) -> None:
    with pytest.raises(BadRequest, match=f"not valid JSON: {reason}"):
        decode_json(raw)


def test_an_incompressible_body_costs_no_square() -> None:
    raw = zlib.compress(bytes(range(256)) * 4096 * 8, 0)
    started = time.process_time()
    assert len(read(raw, "deflate", limit=2**24)) == 2**23
    assert time.process_time() - started < 300 * known_work_s()


@pytest.mark.parametrize("depth", [1, 127, 128])
def test_depth_within_the_limit(depth: int) -> None:
    inner = b"[" * (depth - 1) + b"]" * (depth - 1) or b"1"
    assert decode_json(b'{"x":' + inner + b"}")


@pytest.mark.parametrize("depth", [129, 500, 960, 5000, 100_000])
def test_depth_above_the_limit(depth: int) -> None:
    for opened, closed in ((b"[", b"]"), (b'{"a":', b"}")):
        with pytest.raises(BadRequest, match="128 levels"):
            decode_json(b'{"x":' + opened * (depth - 1) + b"1" + closed * (depth - 1) + b"}")


def test_brackets_in_text_are_no_depth() -> None:
    assert decode_json(json.dumps({"x": "[{" * 10**5}).encode())["x"] == "[{" * 10**5


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "-1e999", "9" * 101, "-" + "9" * 101])
def test_numbers_that_json_does_not_hold(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decode_json(b'{"x":%s}' % text.encode())
    assert caught.value.code == "invalid_json"
    assert len(caught.value.message) < 120


def test_what_stands_in_text_does_not_count() -> None:
    body = {"x": '",[{\\' * 400_000, "y": [1, 2, 3]}
    assert decode_json(json.dumps(body).encode()) == body


@pytest.mark.parametrize("piece", [b"[]", b"{}", b"1", b'""', b'"\\""', b'"\\\\"', b'"\\\\\\","'])
def test_too_many_values_of_any_kind(piece: bytes) -> None:
    def body(count: int) -> bytes:
        return b'{"x":[' + b",".join([piece] * count) + b"]}"

    assert len(decode_json(body(150_000))["x"]) == 150_000
    with pytest.raises(TooLarge, match="split the request"):
        decode_json(body(330_000))


def test_too_many_fractions() -> None:
    assert decode_json(b'{"x":[' + b",".join([b"1.5678901"] * 50_000) + b"]}")
    with pytest.raises(TooLarge, match="fractions"):
        decode_json(b'{"x":[' + b",".join([b"1.5678901"] * 50_001) + b"]}")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
)


@settings(max_examples=100, deadline=None)
@given(body=st.dictionaries(st.text(max_size=5), values), ascii_only=st.booleans())
def test_json_comes_through(body: dict[str, object], ascii_only: bool) -> None:
    assert decode_json(json.dumps(body, ensure_ascii=ascii_only).encode("utf-8")) == body


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=60))
def test_any_bytes_are_a_dict_or_refused(raw: bytes) -> None:
    try:
        assert isinstance(decode_json(raw), dict)
    except RouterError as error:
        assert error.status == 400
