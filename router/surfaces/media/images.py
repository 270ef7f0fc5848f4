"""The surface of images that are made of a text: ``POST /v1/images/generations``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.money.image_prices import AskedImage
from router.surfaces.field_kinds import Integer, JsonField, OneOf, TextField
from router.surfaces.measuring import Measure
from router.surfaces.media.fields import NotStreamed, checked, described, prompt_bytes
from router.surfaces.surface import ServedCall, Surface, SurfaceSchema
from router.surfaces.text.paths import beside_chat
from router.surfaces.text.plain_reader import PlainReader
from router.types.dialect import Dialect
from router.types.records import Units, Usage

__all__ = ["IMAGES_MAX", "IMAGES_SHAPE", "ImagesSurface", "asked_image", "image_reader"]

IMAGES_MAX = 10
"""Of one call."""
_FIELDS: Mapping[str, JsonField] = {
    "prompt": TextField(least=1, required=True),
    "n": Integer(1, IMAGES_MAX),
    "size": TextField(),
    "quality": TextField(),
    "response_format": OneOf("url", "b64_json"),
    "stream": NotStreamed("Images"),
    "user": TextField(),
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


def asked_image(body: Mapping[str, Any]) -> AskedImage:
    """What a body that was checked asks of its images, by the names that providers have for it."""
    width, height = body.get("width"), body.get("height")
    named = [body.get("size"), body.get("resolution"), f"{width}x{height}" if width or height else None]
    sizes = dict.fromkeys(str(size).strip().lower() for size in named if size is not None)
    return AskedImage(tuple(sizes), (body.get("quality") or "").strip().lower())


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
        units, image = Units(images=count), asked_image(body)
        return Measure(prompt_bytes(body), messages=1, choices=count, image=image, units=units)

    def reader(self, call: ServedCall) -> PlainReader:
        """See ``Surface``."""
        return image_reader(call)

    def schema(self) -> SurfaceSchema:
        """See ``Surface``."""
        example = {"prompt": "A lighthouse at dusk", "n": 1}
        return SurfaceSchema(
            "createImage", "Images of a text.", described(_FIELDS), {"application/json": IMAGES_SHAPE}, example
        )
