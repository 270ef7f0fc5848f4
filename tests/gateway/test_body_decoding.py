"""Bodies decode to what json makes of them, whoever decodes: the same value, or a refusal."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.errors import BadRequest
from router.surfaces.body import decode_json, has_long_number
from router.upstream.wire import dump_json

LARGE = b" " * 300_000
PIECES = [
    *(b"{", b"}", b"[", b"]", b",", b":", b" ", b"\t", b"\n", b"\r", b"\x0b", b"\x0c", b"\xef\xbb\xbf", b"\x00"),
    *(b'"', b'""', b'"a"', b'"a":', b'"\\u0041":1', b'"b":', b"\\", b'"\\', b'"\\n"', b'"\\x"', b'"\x01"', b'"\x7f"'),
    *(b'"\\ud83d\\ude00"', b'"\\ud83d"', b'"\\ud83dx"', b'"\\ude00"', b'"\\ud83d\\u0041"', b'"\\u12"', b'"\\uD83D\\n"'),
    *('"ä"'.encode(), '"😀"'.encode(), b'"\xc3"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xc0\x80"', b"\xff"),
    *(b"true", b"false", b"null", b"nul", b"NaN", b"Infinity", b"-Infinity", b"-", b"+1", b"01", b"-01", b"1.", b".5"),
    *(b"0", b"-0", b"-0.0", b"1", b"-1", b"0.1", b"1e5", b"1E+5", b"1e-5", b"1e", b"1e999", b"-1e999", b"1e-999"),
    *(b"2.2250738585072011e-308", b"9007199254740993.0", b"1.7976931348623157e308", b"0.1000000000000000055511151231"),
    *(b"9223372036854775807", b"9223372036854775808", b"18446744073709551616", b"-9223372036854775809", b"1" * 40),
    *(b"1" * 99, b"1" * 100, b"-" + b"1" * 99, b"-" + b"1" * 100, b"1" * 101, b"7" * 4301, b"0." + b"3" * 150),
    *(b'"' + b"1" * 150 + b'"', b"[" * 130, b"]" * 130),
]


def by_json(raw: bytes) -> Any:
    """The dict, or None for a refusal."""

    def whole(text: str) -> int:
        if len(text) > 100:
            raise ValueError
        return int(text)

    def finite(text: str) -> float:
        if not math.isfinite(float(text)):
            raise ValueError
        return float(text)

    def refuse(text: str) -> None:
        raise ValueError

    try:
        value = json.loads(raw.decode(), parse_int=whole, parse_float=finite, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None
    return value if type(value) is dict and depth(value) <= 128 else None


def depth(value: Any) -> int:
    inner = value.values() if type(value) is dict else value if type(value) is list else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def agree(raw: bytes) -> None:
    expected = by_json(raw)
    try:
        found = decode_json(raw)
    except BadRequest as error:
        assert expected is None, raw
        assert error.code == "invalid_json"
    else:
        assert repr(found) == repr(expected), raw  # the types as well, the order, and the sign of zero


@pytest.mark.parametrize("pad", [b"", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("piece", PIECES, ids=range(len(PIECES)))
def test_each_piece_as_a_value_and_as_a_key(piece: bytes, pad: bytes) -> None:
    for raw in (piece, b'{"a":%b}' % piece, b'{"a":[0.5,%b,1]}' % piece, b"{%b:1}" % piece, b'{"a":1,"a":%b}' % piece):
        agree(pad + raw)


@given(st.lists(st.sampled_from(PIECES), max_size=8))
@example([b'"a":', b"1", b",", b'"a":', b"2"])
@settings(max_examples=400)
def test_any_row_of_pieces(pieces: list[bytes]) -> None:
    for raw in (b"".join(pieces), b"{%b}" % b"".join(pieces), b'{"a":[%b]}' % b",".join(pieces)):
        agree(raw)


@given(st.integers(0, 300), st.integers(80, 130), st.sampled_from([b"x", b"1x", b"1" * 60 + b",", b"0" * 99 + b" "]))
def test_a_hundred_digits_in_a_row_are_seen_wherever_they_stand(start: int, digits: int, filler: bytes) -> None:
    around = filler * 200
    raw = around[:start] + b"z" + b"5" * digits + b"z" + around * 3
    nearly_everywhere = len(filler) > 60  # then json is asked
    assert has_long_number(raw) == (digits >= 100) or (nearly_everywhere and digits < 100)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from([10**30, b"x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
@example({"a": None, "b": math.nan})
@example({"a": "\ud800"})
@example({"a": (1, 2), 3: None})
def test_what_is_written_reads_as_what_json_would_have_written(value: Any) -> None:
    try:
        expected = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        with pytest.raises(type(error)):
            dump_json(value)
    else:
        assert repr(json.loads(dump_json(value))) == repr(json.loads(expected))


@pytest.mark.parametrize("value", [math.nan, math.inf, b"x"])
def test_a_large_body_holds_no_number_and_no_object_that_json_does_not_have(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        dump_json({"messages": [{"role": "user", "content": "x" * 100_000}], "temperature": value})
