"""The surface of images that are made of a text: ``POST /v1/images/generations``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.surfaces.field_kinds import Integer, JsonField, OneOf, Text
from router.surfaces.measuring import Measure
from router.surfaces.media.fields import NotStreamed, checked, described, prompt_bytes
from router.surfaces.surface import ServedCall, Surface, SurfaceSchema
from router.surfaces.text.paths import beside_chat
from router.surfaces.text.plain_reader import PlainReader
from router.types.dialect import Dialect
from router.types.records import Units, Usage

__all__ = ["IMAGES_MAX", "IMAGES_SHAPE", "ImagesSurface", "image_reader"]

IMAGES_MAX = 10
"""Of one call."""
_FIELDS: Mapping[str, JsonField] = {
    "prompt": Text(least=1, required=True),
    "n": Integer(1, IMAGES_MAX),
    "size": Text(),
    "quality": Text(),
    "response_format": OneOf("url", "b64_json"),
    "stream": NotStreamed("Images"),
    "user": Text(),
}
_IMAGE = {"type": "object", "properties": {"url": {"type": "string"}, "b64_json": {"type": "string"}}}
IMAGES_SHAPE: Mapping[str, Any] = {
    "type": "object",
    "required": ["data"],
    "properties": {"created": {"type": "integer"}, "data": {"type": "array", "items": _IMAGE}},
}
"""An answer, as JSON Schema."""


def image_reader(call: ServedCall) -> PlainReader:
    """What reads images: as many as were asked for, where their provider does not say."""
    return PlainReader(call, "data", Usage(0, units=Units(images=call.body.get("n") or 1)))


class ImagesSurface(Surface):
    """OpenAI's images: a prompt, and how many."""

    name = hook = modality = "images"

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        """See ``Surface``."""
        return beside_chat(dialect, "/images/generations")

    def look(self, body: Mapping[str, Any]) -> Measure:
        """See ``Surface``."""
        checked(body, _FIELDS)
        count = body.get("n") or 1
        return Measure(prompt_bytes(body), messages=1, choices=count, units=Units(images=count))

    def reader(self, call: ServedCall) -> PlainReader:
        """See ``Surface``."""
        return image_reader(call)

    def schema(self) -> SurfaceSchema:
        """See ``Surface``."""
        example = {"prompt": "A lighthouse at dusk", "n": 1}
        return SurfaceSchema(
            "createImage", "Images of a text.", described(_FIELDS), {"application/json": IMAGES_SHAPE}, example
        )
