"""The surface of audio that is written down: ``POST /v1/audio/transcriptions``, a form with one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from router.errors import BadRequest
from router.surfaces.field_kinds import JsonField, OneOf, TextField
from router.surfaces.measuring import Measure
from router.surfaces.media.durations import audio_length
from router.surfaces.media.fields import FILE, NotStreamed, NumberText, checked, described_form, prompt_bytes
from router.surfaces.media.multipart import files_of, read_form
from router.surfaces.reader import Reader
from router.surfaces.surface import ServedCall, Surface, SurfaceSchema
from router.surfaces.text.paths import beside_chat
from router.surfaces.text.plain_reader import PlainReader
from router.types.dialect import Dialect
from router.types.records import Item, Reply, Units, Usage

__all__ = ["HOURS_MAX", "TranscriptionsSurface"]

HOURS_MAX = 12
"""Of audio in one call."""
_MOST_MS = HOURS_MAX * 3_600_000
_PLAIN = ("text", "srt", "vtt")
_FIELDS: Mapping[str, JsonField] = {
    "language": TextField(),
    "prompt": TextField(),
    "response_format": OneOf("json", "verbose_json", "diarized_json", *_PLAIN),
    "stream": NotStreamed("Transcriptions", "false"),
    "temperature": NumberText(0, 2),
}
_TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}


def _length_of(body: Mapping[str, Any]) -> tuple[int, bool]:
    """Milliseconds of the body's file, and whether the file says so itself."""
    length = audio_length(files_of(body, "file")[0].data)
    return (length.milliseconds, True) if length.exact else (min(length.milliseconds, _MOST_MS), False)


class _TranscriptReader(PlainReader):
    """A transcript, as JSON or as the text that the client wants."""

    def __init__(self, call: ServedCall) -> None:
        milliseconds, _ = _length_of(call.body)
        self._is_text = call.body.get("response_format") in _PLAIN
        super().__init__(call, "text", Usage(0, units=Units(milliseconds=milliseconds)))

    def begin(self, reply: Reply | None, plugin: str = "") -> None:
        """See ``Reader``."""
        super().begin(reply, plugin)
        told = "" if reply is None else reply.headers.get("content-type", "")
        plain = told if told.startswith("text/") and "html" not in told else "text/plain; charset=utf-8"
        self.headers = {"Content-Type": plain} if self._is_text else None

    def body(self, item: Item) -> bytes:
        """See ``Reader``."""
        if not self._is_text or item.data.startswith(b'{"error"'):
            return super().body(item)
        self.output = self.finished = True
        return item.data


class TranscriptionsSurface(Surface):
    """OpenAI's transcriptions: one file of audio."""

    name = hook = modality = "transcriptions"
    reads_json = False

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        """See ``Surface``."""
        return beside_chat(dialect, "/audio/transcriptions")

    def read(self, raw: bytes, header: Callable[[str], str | None]) -> dict[str, Any]:
        """See ``Surface``."""
        return read_form(raw, header)

    def look(self, body: Mapping[str, Any]) -> Measure:
        """See ``Surface``."""
        checked(body, _FIELDS)
        if len(files_of(body, "file")) > 1:
            message = "'file' must be one file: send a request for each."
            raise BadRequest(message, code="invalid_value", param="file")
        milliseconds, exact = _length_of(body)
        if exact and milliseconds > _MOST_MS:
            hours = milliseconds // 3_600_000
            message = f"'file' is {hours} hours long, and at most {HOURS_MAX} are taken: split it, and send the parts."
            raise BadRequest(message, code="audio_too_long", param="file")
        size = prompt_bytes(body, frozenset({"file"}))
        return Measure(size, messages=1, audios=1, units=Units(milliseconds=milliseconds))

    def reader(self, call: ServedCall) -> Reader:
        """See ``Surface``."""
        return _TranscriptReader(call)

    def schema(self) -> SurfaceSchema:
        """See ``Surface``."""
        answers: dict[str, Any] = {"application/json": _TEXT, "text/plain": {"type": "string"}}
        request = described_form(_FIELDS, file=FILE)
        summary = "What is said in a file of audio."
        example = {"file": "the bytes of a file"}
        return SurfaceSchema("createTranscription", summary, request, answers, example, "multipart/form-data")
