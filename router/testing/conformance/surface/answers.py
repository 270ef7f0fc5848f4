"""What a surface makes of a chat's answers."""

from __future__ import annotations

import json
from typing import Any

from router.testing.conformance.base import expect
from router.testing.conformance.surface.bench import SURFACE, WORDS, SurfaceBench

__all__ = ["pieces", "plain", "quiet"]


@SURFACE.rule(
    "W20",
    "A plain answer is an object in JSON, and has all that the model said.",
    remedy="Return from the face's body() a dict of JSON values with the message's content in it.",
)
def plain(bench: SurfaceBench) -> None:
    for one in bench.translating():
        body = bench.translated(one, bench.example(one)).face.body(bench.answer())
        shown = json.loads(json.dumps(body, allow_nan=False))
        expect(isinstance(shown, dict), f"{one.name}: the answer is a {type(shown).__name__}")
        expect(_says("".join(WORDS), shown), f"{one.name}: the answer lacks what the model said: {shown!r}")


@SURFACE.rule(
    "W21",
    "A stream has all that the model said, however its chunks were cut into packets.",
    remedy="Keep what a stream needs in its face, and write each chunk's text as it comes.",
)
def pieces(bench: SurfaceBench) -> None:
    for one in bench.streaming():
        for together in (True, False):
            face = bench.translated(one, bench.example(one, stream=True)).face
            given = [bench.chunks()] if together else [[chunk] for chunk in bench.chunks()]
            raw = b"".join([*(face.frames(batch) for batch in given), face.end_frame()])
            text = raw.decode("utf-8")
            for word in WORDS:
                quoted = json.dumps(word)[1:-1]
                seen = word.casefold() in text.casefold() or quoted.casefold() in text.casefold()
                expect(seen, f"{one.name}: {word!r} is not in the stream: {text[:400]!r}")


@SURFACE.rule(
    "W22",
    "A heartbeat is whole, and may come before the first output.",
    remedy="Return from heartbeat() something that every reader of the wire skips, with its line ends.",
)
def quiet(bench: SurfaceBench) -> None:
    for one in bench.streaming():
        face = bench.translated(one, bench.example(one, stream=True)).face
        beat = face.heartbeat()
        expect(beat.endswith(b"\n"), f"{one.name}: the heartbeat {beat!r} ends no line")
        expect(face.frames(bench.chunks()) + face.end_frame(), f"{one.name}: nothing follows a heartbeat")


def _says(text: str, value: Any) -> bool:
    """Whether a text stands somewhere in a value, whatever its case."""
    if isinstance(value, str):
        return text.casefold() in value.casefold()
    if isinstance(value, dict):
        return any(_says(text, one) for one in value.values())
    return isinstance(value, list) and any(_says(text, one) for one in value)
