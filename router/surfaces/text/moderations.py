"""The surface of judgements on texts and images: ``POST /v1/moderations``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.surfaces.field_kinds import Either, JsonField, ListOf, Members, TextField
from router.surfaces.measuring import Measure, json_bytes
from router.surfaces.media.fields import NotStreamed, checked, described, prompt_bytes
from router.surfaces.surface import ServedCall, Surface, SurfaceSchema
from router.surfaces.text.paths import beside_chat
from router.surfaces.text.plain_reader import PlainReader
from router.types.dialect import Dialect
from router.types.records import Usage

__all__ = ["ModerationsSurface"]

_BYTES_PER_TOKEN = 4
_INPUT = "a string, or a list of strings or of parts"
_FIELDS: Mapping[str, JsonField] = {
    "input": Either(_INPUT, TextField(), ListOf(TextField(), 1), ListOf(Members(), 1), required=True),
    "stream": NotStreamed("Moderations"),
}
_ANSWER = {"type": "object", "required": ["results"], "properties": {"results": {"type": "array"}}}


class ModerationsSurface(Surface):
    """OpenAI's moderations: what is to be judged."""

    name = hook = modality = "moderations"
    speaks = False

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        """See ``Surface``."""
        return beside_chat(dialect, "/moderations")

    def look(self, body: Mapping[str, Any]) -> Measure:
        """See ``Surface``."""
        checked(body, _FIELDS)
        given = body["input"]
        parts = given if isinstance(given, list) else [given]
        images = sum(type(one) is dict and one.get("type") != "text" for one in parts)
        texts = tuple(json_bytes(one) for one in parts if type(one) is str or one.get("type") == "text")
        if images:
            size = prompt_bytes(body, frozenset({"input"})) + sum(texts)
            return Measure(size, messages=len(parts), images=images)
        return Measure(prompt_bytes(body, frozenset({"input"})), inputs=texts)

    def reader(self, call: ServedCall) -> PlainReader:
        """See ``Surface``."""
        return PlainReader(call, "results", Usage(json_bytes(call.body["input"]) // _BYTES_PER_TOKEN))

    def schema(self) -> SurfaceSchema:
        """See ``Surface``."""
        answers = {"application/json": _ANSWER}
        return SurfaceSchema("createModeration", "Judgements.", described(_FIELDS), answers, {"input": "Text"})
