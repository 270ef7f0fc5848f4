"""Bodies made to break the gateway: each gets the one error, quickly, while others are served."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import brotli
import pytest
from errors import assert_error_shape
from gateway_wire import CHAT, EMBEDDINGS, STALL_MAX, USER, Prober, post, send, worst_stall
from hypothesis import given, settings
from hypothesis import strategies as st

from router.surfaces.known_fields import ChatSchema, EmbeddingsSchema
from router.testing import Answer, Gateway, Result, ScriptedUpstream, completion

MIB = 2**20
ECHO = {"model": "echo/echo", "messages": USER}
SMALL = b'{"model":"echo/echo","messages":[{"role":"user","content":"hi"}]'


def with_field(text: bytes) -> bytes:
    """A good body with one more field of this text."""
    return SMALL + b',"x":' + text + b"}"


def repeated(piece: bytes, count: int) -> bytes:
    return b"[" + (piece + b",") * (count - 1) + piece + b"]"


def nested(depth: int) -> bytes:
    return with_field(b"[" * (depth - 1) + b"]" * (depth - 1))


INVALID: dict[str, bytes] = {
    "nothing": b"",
    "blank": b"  \n",
    "null": b"null",
    "list": b"[]",
    "text": b'"x"',
    "number": b"1",
    "cut": SMALL,
    "two documents": SMALL + b"}{}",
    "trailing comma": SMALL + b",}",
    "single quotes": b"{'model':1}",
    "no quotes": b"{model:1}",
    "raw line feed in a string": with_field(b'"a\nb"'),
    "raw NUL": with_field(b'"a\0b"'),
    "NUL alone": b"\0" * 100,
    "unknown escape": with_field(b'"\\x41"'),
    "cut escape": with_field(b'"\\u00'),
    "bad utf-8": with_field(b'"\xff\xfe"'),
    "cut utf-8": with_field(b'"\xe2\x82"'),
    "overlong utf-8": with_field(b'"\xc0\xaf"'),
    "surrogate in utf-8": with_field(b'"\xed\xa0\x80"'),
    "utf-16": (SMALL + b"}").decode().encode("utf-16"),
    "utf-32": (SMALL + b"}").decode().encode("utf-32-le"),
    "byte order mark": b"\xef\xbb\xbf" + SMALL + b"}",
    "form": b"model=echo/echo&messages=x",
    "NaN": with_field(b"NaN"),
    "Infinity": with_field(b"Infinity"),
    "-Infinity": with_field(b"[-Infinity]"),
    "1e400": with_field(b"1e400"),
    "-1e400": with_field(b'{"deep":[-1e400]}'),
    "1e99999999999": with_field(b"1e99999999999"),
    "number of 5,000 digits": with_field(b"9" * 5000),
    "number of 101 digits": with_field(b"9" * 101),
    "temperature of 5,000 digits": SMALL + b',"temperature":' + b"1" * 5000 + b"}",
    "leading zero": with_field(b"01"),
    "plus": with_field(b"+1"),
    "hexadecimal": with_field(b"0x10"),
    "129 deep": nested(129),
    "900 deep": nested(900),
    "990 deep": nested(990),
    "100,000 deep": nested(100_000),
    "100,000 objects deep": with_field(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "100,000 opened": b"[" * 100_000,
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_json(gateway: Gateway, name: str) -> None:
    for path in (CHAT, EMBEDDINGS):
        assert_error_shape(post(gateway, path, INVALID[name]), 400, "invalid_json")


HARMLESS: dict[str, bytes] = {
    "minus zero": with_field(b"-0"),
    "100 digits": with_field(b"9" * 100),
    "tiny": with_field(b"1e-400"),
    "1e308": with_field(b"1e308"),
    "128 deep": nested(128),
    "escaped surrogates": with_field(b'"\\ud800 \\udc00"'),
    "escaped NUL": with_field(b'"\\u0000"'),
    "empty names": with_field(b'{"":{"":""}}'),
    "a field named like a method": SMALL + b',"__class__":{"__init__":1},"constructor":1}',
    "brackets in text": with_field(b'"' + b'[{\\"\\\\,' * 200_000 + b'"'),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_odd_but_good_json(gateway: Gateway, name: str) -> None:
    answer = post(gateway, CHAT, HARMLESS[name])
    assert answer.status == 200, answer.body
    assert answer.json()["choices"][0]["message"]["content"] == "hi"


def test_of_a_repeated_name_the_last_counts_here_and_upstream(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    body = b'{"model":"echo/echo","model":"openai/gpt-4o","messages":[],"messages":[{"role":"user","content":"b"}]}'
    assert post(gateway, CHAT, body).status == 200
    assert upstream.last.body.count(b'"model"') == upstream.last.body.count(b'"messages"') == 1
    assert upstream.last.json()["messages"][0]["content"] == "b"


def test_lone_surrogates_reach_the_upstream_as_they_are(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    text = "a\ud800b\udfff \U0001f600 é"
    body = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": text}], text: {text: [text]}}
    assert post(gateway, CHAT, body).status == 200
    assert upstream.last.json() == {**body, "model": "gpt-4o"}


HEAVY: dict[str, tuple[str, Callable[[], bytes], int]] = {
    "16 MiB of [": (CHAT, lambda: b"[" * (16 * MIB), 413),
    "16 MiB of {": (CHAT, lambda: b'{"a":' * (3 * MIB), 413),
    "31 MiB of commas": (CHAT, lambda: b"," * (31 * MIB), 413),
    "31 MiB of quotes": (CHAT, lambda: b'"' * (31 * MIB), 400),
    "a million messages": (
        CHAT,
        lambda: b'{"model":"echo/echo","messages":' + repeated(b'{"role":"user","content":"x"}', 10**6) + b"}",
        413,
    ),
    "100,000 messages": (
        CHAT,
        lambda: b'{"model":"echo/echo","messages":' + repeated(b'{"role":"user","content":"x"}', 10**5) + b"}",
        200,
    ),
    "16 million tokens": (
        EMBEDDINGS,
        lambda: b'{"model":"echo/embed","input":' + repeated(b"1", 15 * MIB) + b"}",
        413,
    ),
    "300,000 tokens": (
        EMBEDDINGS,
        lambda: b'{"model":"echo/embed","input":' + repeated(b"12345", 300_000) + b"}",
        200,
    ),
    "300,000 names": (
        CHAT,
        lambda: with_field(b"{" + b",".join(b'"%d":0' % number for number in range(300_000)) + b"}"),
        200,
    ),
    "a list of 290,000 lists": (CHAT, lambda: with_field(repeated(b"[]", 145_000)), 200),
    "a million fractions": (CHAT, lambda: with_field(repeated(b"1.2345678901234567e-300", 10**6)), 413),
    "many fractions": (CHAT, lambda: with_field(repeated(b"1.2345678901234567e-300", 300_000)), 413),
    "300,000 long numbers": (CHAT, lambda: with_field(repeated(b"9" * 99, 300_000)), 200),
    "numbers of 4,000 digits": (CHAT, lambda: with_field(repeated(b"9" * 4000, 7000)), 400),
    "one number of 30 MiB": (CHAT, lambda: with_field(b"1." + b"7" * (30 * MIB)), 200),
    "text of 31 MiB": (CHAT, lambda: with_field(b'"' + b"x" * (31 * MIB) + b'"'), 200),
    "text with commas": (CHAT, lambda: with_field(b'"' + b"x," * (15 * MIB) + b'"'), 200),
    "text of escapes": (CHAT, lambda: with_field(b'"' + b'\\\\\\",' * 1_900_000 + b'"'), 200),
    "text of 18 million escapes": (CHAT, lambda: with_field(b'"' + b'\\\\\\",' * (6 * MIB) + b'"'), 413),
    "text of surrogates": (CHAT, lambda: with_field(b'"' + b"\\ud800" * (5 * MIB) + b'"'), 200),
    "a message of 31 MiB": (
        CHAT,
        lambda: b'{"model":"openai/gpt-4o","messages":[{"role":"user","content":"' + b"x" * (31 * MIB) + b'"}]}',
        200,
    ),
    "a model of 31 MiB": (CHAT, lambda: b'{"model":"' + b"x" * (31 * MIB) + b'","messages":[{}]}', 400),
    "a format of 31 MiB": (
        EMBEDDINGS,
        lambda: b'{"model":"echo/embed","input":"x","encoding_format":"' + b"x" * (31 * MIB) + b'"}',
        400,
    ),
}


@pytest.fixture(scope="module")
def prober(gateway: Gateway) -> Iterator[Prober]:
    with Prober(gateway) as running:
        yield running


@pytest.mark.parametrize("name", HEAVY)
def test_heavy_bodies_hold_nobody_up(gateway: Gateway, upstream: ScriptedUpstream, prober: Prober, name: str) -> None:
    upstream.on(CHAT, Answer(body=completion("fine")))
    path, build, status = HEAVY[name]
    body = build()

    def call() -> None:
        answer = post(gateway, path, body)
        if status == 200:
            assert answer.status == 200, answer.body[:300]
        else:
            assert_error_shape(answer, status, answer.json()["error"]["code"])

    assert worst_stall(prober, call) < STALL_MAX


def compressed(kind: str, data: bytes) -> bytes:
    if kind == "br":
        return brotli.compress(data, quality=5)
    return gzip.compress(data, 6) if kind == "gzip" else zlib.compress(data, 6)


@pytest.mark.parametrize("kind", ["gzip", "deflate", "br"])
def test_compressed_bodies(gateway: Gateway, kind: str) -> None:
    body = json.dumps({**ECHO, "x": list(range(100_000))}).encode("ascii")
    assert post(gateway, CHAT, compressed(kind, body), {"Content-Encoding": kind.upper()}).status == 200


@pytest.mark.parametrize("kind", ["gzip", "deflate", "br"])
def test_bombs(gateway: Gateway, prober: Prober, kind: str) -> None:
    bomb = compressed(kind, SMALL + b" " * (200 * MIB))
    assert len(bomb) < MIB

    def call() -> None:
        answer = post(gateway, CHAT, bomb, {"Content-Encoding": kind})
        assert_error_shape(answer, 413, "request_too_large")

    assert worst_stall(prober, call) < STALL_MAX


GOOD = json.dumps(ECHO).encode("ascii")
BROKEN_CODINGS: dict[str, tuple[str, bytes]] = {
    "garbage": ("gzip", b"\x1f\x8b" + b"garbage" * 100),
    "not compressed": ("gzip", GOOD),
    "not brotli": ("br", b"\xff" * 100),
    "nothing": ("gzip", b""),
    "no brotli": ("br", b""),
    "cut gzip": ("gzip", gzip.compress(GOOD)[:-4]),
    "cut deflate": ("deflate", zlib.compress(GOOD)[:-6]),
    "cut brotli": ("br", brotli.compress(GOOD * 99)[:-4]),
    "wrong checksum": ("gzip", gzip.compress(GOOD)[:-8] + b"\0" * 8),
    "something after gzip": ("gzip", gzip.compress(GOOD) + b"more"),
    "a thousand members more": ("gzip", gzip.compress(GOOD) + gzip.compress(b" ") * 1000),
    "something after brotli": ("br", brotli.compress(GOOD) + b"more"),
    "gzip as deflate": ("deflate", gzip.compress(GOOD)),
}


@pytest.mark.parametrize("name", BROKEN_CODINGS)
def test_broken_compression(gateway: Gateway, name: str) -> None:
    kind, body = BROKEN_CODINGS[name]
    assert_error_shape(post(gateway, CHAT, body, {"Content-Encoding": kind}), 400, "invalid_encoding")


@pytest.mark.parametrize("kind", ["zstd", "compress", "gzip, br", "gzip,gzip", "x" * 5000, "\xff\xe9", "chunked"])
def test_unknown_compression(gateway: Gateway, kind: str) -> None:
    answer = post(gateway, CHAT, GOOD, {"Content-Encoding": kind})
    assert "gzip, deflate, br" in assert_error_shape(answer, 415, "unsupported_encoding")["message"]
    assert answer.headers["accept-encoding"] == "gzip, deflate, br"


@pytest.mark.parametrize("kind", ["gzip", "identity, gzip", "x-gzip,"])
def test_gzip_of_several_members(gateway: Gateway, kind: str) -> None:
    body = b"".join(gzip.compress(GOOD[start : start + 20]) for start in range(0, len(GOOD), 20))
    assert post(gateway, CHAT, body, {"Content-Encoding": kind}).status == 200


def test_what_grows_beyond_measure_is_refused_below_the_limit_on_bodies(gateway: Gateway) -> None:
    body = gzip.compress(SMALL + b" " * (8 * MIB))
    detail = assert_error_shape(post(gateway, CHAT, body, {"Content-Encoding": "gzip"}), 413, "request_too_large")
    assert "200 times" in detail["message"]


@pytest.mark.parametrize("kind", ["", "identity", " Identity "])
def test_no_compression(gateway: Gateway, kind: str) -> None:
    assert post(gateway, CHAT, GOOD, {"Content-Encoding": kind}).status == 200


def head(gateway: Gateway, *fields: str) -> bytes:
    lines = [f"POST {CHAT} HTTP/1.1", "Host: test", f"Authorization: Bearer {gateway.api_key}", *fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def test_a_body_above_the_limit_is_refused_by_its_length_alone(gateway: Gateway) -> None:
    answer = send(gateway.port, head(gateway, f"Content-Length: {32 * MIB + 1}"))
    assert_error_shape(answer, 413, "request_too_large")


def test_a_chunked_body_above_the_limit_is_refused_when_it_gets_there(gateway: Gateway, prober: Prober) -> None:
    def call() -> None:
        answer = post(gateway, CHAT, b"", chunked=(b" " * MIB for _ in range(34)))
        assert_error_shape(answer, 413, "request_too_large")

    assert worst_stall(prober, call) < STALL_MAX


def test_a_body_in_tiny_chunks(gateway: Gateway, prober: Prober) -> None:
    body = json.dumps({**ECHO, "x": "y" * 200_000}).encode("ascii")
    raw = head(gateway, "Transfer-Encoding: chunked") + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"

    def call() -> None:
        assert send(gateway.port, raw).status == 200

    assert worst_stall(prober, call) < STALL_MAX


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_come_is_not_waited_for(gateway: Gateway, framing: str) -> None:
    assert_error_shape(send(gateway.port, head(gateway, framing)), 408, "request_timeout")


BROKEN_FRAMING: dict[str, tuple[list[str], bytes, int]] = {
    "chunk size": (["Transfer-Encoding: chunked"], b"zz\r\nx\r\n0\r\n\r\n", 400),
    "chunk size too large": (["Transfer-Encoding: chunked"], b"ffffffffffffffffff\r\nx", 400),
    "negative chunk": (["Transfer-Encoding: chunked"], b"-1\r\nx\r\n0\r\n\r\n", 400),
    "chunk without its end": (["Transfer-Encoding: chunked"], b"2\r\n{}XX0\r\n\r\n", 400),
    "both framings": (["Content-Length: 2", "Transfer-Encoding: chunked"], b"0\r\n\r\n", 400),
    "two lengths": (["Content-Length: 2", "Content-Length: 3"], b"{}", 400),
    "length of -1": (["Content-Length: -1"], b"", 400),
    "length in words": (["Content-Length: two"], b"{}", 400),
    "length of 5,000 digits": (["Content-Length: " + "9" * 5000], b"", 400),
    "gzip as transfer": (["Transfer-Encoding: gzip"], b"", 501),
}


@pytest.mark.parametrize("name", BROKEN_FRAMING)
def test_broken_framing(gateway: Gateway, name: str) -> None:
    fields, body, status = BROKEN_FRAMING[name]
    answer = send(gateway.port, head(gateway, *fields) + body)
    assert_error_shape(answer, status, "not_supported" if status == 501 else "invalid_request")


# Hypothesis: whatever is in the body, the answer is a good one or the one error.

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
CHAT_FIELDS = sorted(ChatSchema().fields)
EMBEDDINGS_FIELDS = sorted(EmbeddingsSchema().fields)


def assert_answered(answer: Result) -> None:
    """A 200, or an error of the client's in the one shape."""
    if answer.status != 200:
        assert 400 <= answer.status < 500, (answer.status, answer.body)
        assert_error_shape(answer, answer.status, answer.json()["error"]["code"])


@settings(max_examples=150, deadline=None)
@given(fields=st.dictionaries(st.sampled_from(CHAT_FIELDS), values, min_size=1, max_size=3))
def test_any_value_in_any_chat_field(gateway: Gateway, fields: dict[str, Any]) -> None:
    assert_answered(post(gateway, CHAT, {**ECHO, **fields}))


@settings(max_examples=80, deadline=None)
@given(fields=st.dictionaries(st.sampled_from(EMBEDDINGS_FIELDS), values, min_size=1, max_size=3))
def test_any_value_in_any_embeddings_field(gateway: Gateway, fields: dict[str, Any]) -> None:
    assert_answered(post(gateway, EMBEDDINGS, {"model": "echo/embed", "input": "x", **fields}))


@settings(max_examples=80, deadline=None)
@given(messages=st.lists(st.dictionaries(st.sampled_from(["role", "content", "name", "tool_calls"]), values)))
def test_any_messages(gateway: Gateway, messages: list[Any]) -> None:
    assert_answered(post(gateway, CHAT, {"model": "echo/echo", "messages": messages}))


@settings(max_examples=60, deadline=None)
@given(echo=st.dictionaries(st.sampled_from(["fail", "fail_after", "word_delay_s", "more"]), values, max_size=2))
def test_any_directions_to_echo(gateway: Gateway, echo: dict[str, Any]) -> None:
    delays = echo.get("word_delay_s")
    if isinstance(delays, int | float) and not isinstance(delays, bool) and 0 < delays <= 120:
        echo["word_delay_s"] = 0.001
    assert_answered(post(gateway, CHAT, {**ECHO, "echo": echo}))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_bodies(gateway: Gateway, data: st.DataObject) -> None:
    body = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body)))
        body[place : place + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    assert_answered(post(gateway, CHAT, bytes(body)))


@settings(max_examples=80, deadline=None)
@given(body=st.binary(max_size=200), kind=st.sampled_from(["", "gzip", "deflate", "br", "x"]))
def test_any_bytes_in_any_encoding(gateway: Gateway, body: bytes, kind: str) -> None:
    answer = post(gateway, CHAT, body, {"Content-Encoding": kind})
    assert answer.status == (415 if kind == "x" else 400)
    assert_answered(answer)
