"""The surface of texts that are spoken: ``POST /v1/audio/speech``, whose answer is audio, passed on as it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.errors import RouterError, UpstreamError
from router.surfaces.field_kinds import JsonField, Number, OneOf, TextField, Typed
from router.surfaces.measuring import Measure
from router.surfaces.media.fields import checked, described, prompt_bytes
from router.surfaces.reader import NativeReader
from router.surfaces.surface import ServedCall, Surface, SurfaceSchema
from router.surfaces.text.paths import beside_chat
from router.types.dialect import Dialect
from router.types.records import Item, Reply, Units, Usage

__all__ = ["SpeechReader", "SpeechSurface"]

_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_FIELDS: Mapping[str, JsonField] = {
    "input": TextField(least=1, required=True),
    "voice": Typed("a string or an object", str, dict, required=True),
    "response_format": OneOf(*_TYPES),
    "speed": Number(0.25, 4),
    "instructions": TextField(),
    "stream_format": OneOf("audio"),
}


class SpeechReader(NativeReader):
    """The pieces of one answer's audio. What is used is known beforehand: the characters of the text."""

    def __init__(self, call: ServedCall) -> None:
        body = call.body
        self._usage = Usage(0, units=Units(characters=len(body["input"])))
        self._type = _TYPES[body.get("response_format") or "mp3"]
        self.begin(None)

    def begin(self, reply: Reply | None, plugin: str = "") -> None:
        """See ``Reader``."""
        self.usage: Usage | None = None
        self.output = self.finished = False
        self.marks: set[str] = set()
        self.reported_model = ""
        self.failure: UpstreamError | None = None
        told = "" if reply is None else reply.headers.get("content-type", "")
        self.headers = {"Content-Type": told if told.startswith("audio/") else self._type, "Cache-Control": "no-store"}

    def frames(self, batch: Sequence[Item]) -> bytes:
        """See ``Reader``: the pieces as they came."""
        data = b"".join([item.data for item in batch])
        if data and not self.output:
            self.output, self.usage = True, self._usage
        return data

    def end(self) -> None:
        """See ``Reader``."""
        if not self.output:
            raise UpstreamError("malformed", "The provider sent no audio.")
        self.finished = True

    def body(self, item: Item) -> bytes:
        """See ``Reader``."""
        data = self.frames([item])
        self.end()
        return data

    def estimate(self, unseen_bytes: int = 0) -> Usage:
        """See ``Reader``."""
        return self._usage

    def end_frame(self) -> bytes:
        """See ``NativeReader``: audio ends where it ends."""
        return b""

    def error_frame(self, error: RouterError, /) -> bytes:
        """See ``NativeReader``: nothing can be said inside of audio."""
        return b""

    def heartbeat(self) -> bytes:
        """See ``NativeReader``."""
        return b""


class SpeechSurface(Surface):
    """OpenAI's speech: a text and a voice."""

    name = hook = modality = "speech"
    streams = always_streams = own_ends = True
    unpaid_fields = frozenset({"speed"})

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        """See ``Surface``."""
        return beside_chat(dialect, "/audio/speech")

    def look(self, body: Mapping[str, Any]) -> Measure:
        """See ``Surface``."""
        checked(body, _FIELDS)
        return Measure(prompt_bytes(body), messages=1, units=Units(characters=len(body["input"])))

    def reader(self, call: ServedCall) -> SpeechReader:
        """See ``Surface``."""
        return SpeechReader(call)

    def schema(self) -> SurfaceSchema:
        """See ``Surface``."""
        audio = {kind: {"type": "string", "format": "binary"} for kind in _TYPES.values()}
        example = {"input": "Good evening.", "voice": "alloy"}
        return SurfaceSchema("createSpeech", "A text, spoken.", described(_FIELDS), audio, example)
