"""Bytes to events: any way to cut the bytes and to end the lines gives the same events."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import UpstreamError
from router.upstream.sse import EventParser


def events(*pieces: bytes) -> list[bytes]:
    """All events of a stream that arrives in these pieces and then ends."""
    parser = EventParser()
    found = [data for piece in pieces for data in parser.feed(piece)]
    return found + parser.close()


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"", []),
        (b'data: {"a":1}\n\ndata: [DONE]\n\n', [b'{"a":1}', b"[DONE]"]),
        (b"data:{}\n\ndata:  {}\n\n", [b"{}", b" {}"]),
        (b"data: {\ndata: }\n\n", [b"{\n}"]),
        (b"data: a\ndata:\ndata: b\n\n", [b"a\n\nb"]),
        (b"data: a\ndata\n\n", [b"a\n"]),
        (b": ping\n\n: ping\n: ping\ndata: x\n\n", [b"x"]),
        (b"event: e\nid: 7\nretry: 9\ndata: x\ndatum: y\n\n", [b"x"]),
        (b"data:\n\ndata: \n\ndata\n\nevent: e\n\n", []),
        (b"data: a\n\ndata: \n\ndata: b\n\n", [b"a", b"b"]),
        (b"\n\n\n\ndata: x\n\n\n\n\n", [b"x"]),
        (b"\xef\xbb\xbfdata: x\n\n", [b"x"]),
        (b"data: \xef\xbb\xbf\n\n", [b"\xef\xbb\xbf"]),
        (b"data: x\r\n\r\ndata: y\r\n\r\n", [b"x", b"y"]),
        (b"data: x\r\rdata: y\r\r", [b"x", b"y"]),
        (b"data: x\n\r\ndata: y\r\n\rdata: z\r\n\n", [b"x", b"y", b"z"]),
        (b" data: x\n\n", []),
    ],
)
def test_streams(stream: bytes, expected: list[bytes]) -> None:
    assert events(stream) == expected
    assert events(*(stream[i : i + 1] for i in range(len(stream)))) == expected


@pytest.mark.parametrize("rest", [b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r", b"data: [DONE]\r\n"])
def test_an_unterminated_event_is_left_to_the_caller(rest: bytes) -> None:
    parser = EventParser()
    assert parser.feed(b"data: x\n\n" + rest) == [b"x"]
    assert parser.close() == [b"[DONE]"]
    assert parser.close() == []


@pytest.mark.parametrize("rest", [b"", b": ping\n", b"event: x\n", b"dat", b"data:", b"\xef\xbb"])
def test_a_rest_without_data_is_nothing(rest: bytes) -> None:
    assert events(b"data: x\n\n", rest) == [b"x"]


def test_an_event_is_given_as_soon_as_its_blank_line_is_there() -> None:
    parser = EventParser()
    assert parser.feed(b"data: x\r") == []
    assert parser.feed(b"\n\r") == [b"x"]  # without waiting for the LF that may follow
    assert parser.feed(b"\ndata: y\n") == []
    assert parser.feed(b"\n") == [b"y"]


def test_size_limit() -> None:
    parser = EventParser(limit_bytes=1000)
    parser.feed(b"data: " + b"x" * 980 + b"\n\n" + b"data: " + b"x" * 980 + b"\n\n")
    parser.feed(b"data: ")
    with pytest.raises(UpstreamError) as caught:
        for _ in range(20):
            parser.feed(b"x" * 100)
    assert (caught.value.kind, caught.value.code) == ("bad_request", "answer_too_long")
    with pytest.raises(UpstreamError):
        EventParser(limit_bytes=1000).feed(b"data: " + b"x" * 1000 + b"\n\n")


def test_a_long_event_in_many_pieces_takes_linear_time() -> None:
    parser = EventParser()
    parser.feed(b"data: ")
    for _ in range(30_000):  # quadratic copying would take minutes
        assert parser.feed(b"x" * 1000) == []
    assert [len(data) for data in parser.feed(b"\n\n")] == [30_000_000]


PAYLOADS = st.lists(
    st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner, max_size=3), max_leaves=4), max_size=6
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """``stream`` in pieces, cut at these places."""
    marks = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(marks)]


@given(PAYLOADS, ENDS, st.lists(st.integers(0, 10_000), max_size=12))
def test_any_cut_and_any_line_end(payloads: list[object], end: bytes, places: list[int]) -> None:
    lines = [json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass") for payload in payloads]
    stream = b"".join(b"data: " + line + end + end for line in lines)
    assert events(*cut(stream, places)) == lines


@given(
    st.lists(st.sampled_from([b"data:", b" ", b"x", b"\n", b"\r", b"\r\n", b":", b"\xef\xbb\xbf", b"data: y\n\n"])),
    st.data(),
)
def test_any_bytes_in_any_cut(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    assert events(*cut(stream, places)) == events(stream)
