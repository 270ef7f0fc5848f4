"""A dialect's stream events, cut by sseclient, which shares no code with the gateway."""

from __future__ import annotations

import json
from typing import Any

import sseclient

from router.errors import UpstreamError
from router.testing.conformance.base import expect
from router.testing.conformance.dialect.bench import DIALECT, DialectBench

__all__ = ["end", "error", "frames", "heartbeat"]

_CHUNKS = [
    json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "model": "acme/model",
            "choices": [{"index": 0, "delta": {"content": text, "x_unheard_of": [None, 1.5]}, "finish_reason": None}],
        }
    ).encode()
    for text in ("Forty", "-two", " \u2603", "line\nbreak", "data: [DONE]\n\n")
]
_UNPARSED = "An event ends with a blank line, and its data is on lines that begin with 'data: '."


@DIALECT.rule("D20", "Chunks become events, each in its order and unchanged, alone or many at once.", remedy=_UNPARSED)
def frames(bench: DialectBench) -> None:
    together = bench.dialect.frames(_CHUNKS)
    alone = b"".join(bench.dialect.frames([chunk]) for chunk in _CHUNKS)
    for name, raw in (("one by one", alone), ("many at once", together)):
        _expect_whole(raw, f"chunks {name}")
        shown = [_decoded(text) for text in _events(raw)]
        expect(len(shown) == len(_CHUNKS), f"{name}: {len(_CHUNKS)} chunks became {len(shown)} events")
        for text, chunk in zip(shown, _CHUNKS, strict=True):
            wanted = json.loads(chunk)["choices"]
            expect(isinstance(text, dict) and text.get("choices") == wanted, f"{name}: {chunk!r} became {text!r}")


@DIALECT.rule("D21", "A stream ends with end_frame(): an event of its own, whole.", remedy=_UNPARSED)
def end(bench: DialectBench) -> None:
    raw = bench.dialect.frames(_CHUNKS[:1]) + bench.dialect.end_frame()
    _expect_whole(raw, "the end")
    expect(len(_events(raw)) == 2, f"the chunk and the end are {len(_events(raw))} events, not 2")


@DIALECT.rule(
    "D22",
    "A stream that fails ends with one event: the body of the error, with a top-level error; no chunk and no end.",
    remedy="Leave error_frame to the base class, or build it from frames([...]) of error_body(error) and an error.",
)
def error(bench: DialectBench) -> None:
    failure = UpstreamError("connection", 'The provider\'s "line"\nbroke \u2603.')
    raw = bench.dialect.frames(_CHUNKS[:1]) + bench.dialect.error_frame(failure)
    _expect_whole(raw, "the error")
    events = _events(raw)
    expect(len(events) == 2, f"a chunk and the error are {len(events)} events, not 2")
    shown = _decoded(events[1])
    expect(isinstance(shown, dict) and "choices" not in shown, f"the error's event is {events[1]!r}")
    body = json.loads(json.dumps(bench.dialect.error_body(failure)))
    expect(bool(shown.get("error")), f"the error's event has no top-level error, so clients miss it: {events[1]!r}")
    said = {name: shown.get(name) for name in body}
    expect(said == body, f"the event says {shown!r}, and a plain reply {body!r}")
    expect(bench.dialect.error_frame(failure) != bench.dialect.end_frame(), "an error looks like a good end")


@DIALECT.rule(
    "D23",
    "A heartbeat is a comment that one newline ends, and makes no event wherever it stands.",
    remedy='Return a line that begins with a colon, such as b": keep-alive\\n".',
)
def heartbeat(bench: DialectBench) -> None:
    beat = bench.dialect.heartbeat()
    expect(beat.startswith(b":") and beat.endswith(b"\n"), f"the heartbeat is {beat!r}")
    expect(beat.count(b"\n") == 1 and b"\r" not in beat, f"the heartbeat is more than one line: {beat!r}")
    chunk = bench.dialect.frames(_CHUNKS[:1])
    raw = beat + beat + chunk + beat + chunk + beat + bench.dialect.end_frame()
    expect(len(_events(raw)) == 3, f"with heartbeats between, 3 events became {len(_events(raw))}")


def _events(raw: bytes) -> list[str]:
    return [event.data for event in sseclient.SSEClient(iter([raw])).events()]


def _expect_whole(raw: bytes, what: str) -> None:
    """sseclient hands a cut-off last event over as if it were whole."""
    lines = raw.replace(b"\r\n", b"\n")
    expect(lines.endswith(b"\n\n"), f"{what} does not end with a blank line: {raw[-80:]!r}")


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
