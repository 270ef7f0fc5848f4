"""The surface of images that are changed: ``POST /v1/images/edits``, a form with files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from router.surfaces.field_kinds import Integer, JsonField, OneOf, TextField
from router.surfaces.measuring import Measure
from router.surfaces.media.fields import FILES, NotStreamed, checked, described_form, prompt_bytes
from router.surfaces.media.images import IMAGES_MAX, IMAGES_SHAPE, asked_image, image_reader
from router.surfaces.media.multipart import files_of, read_form
from router.surfaces.surface import ServedCall, Surface, SurfaceSchema
from router.surfaces.text.paths import beside_chat
from router.surfaces.text.plain_reader import PlainReader
from router.types.dialect import Dialect
from router.types.records import Units

__all__ = ["ImageEditsSurface"]

_FIELDS: Mapping[str, JsonField] = {
    "prompt": TextField(least=1, required=True),
    "n": Integer(1, IMAGES_MAX),
    "size": TextField(),
    "quality": TextField(),
    "response_format": OneOf("url", "b64_json"),
    "stream": NotStreamed("Images", "false"),
    "user": TextField(),
}
_FILES = frozenset({"image", "image[]", "mask"})


class ImageEditsSurface(Surface):
    """OpenAI's edits: images, a prompt, and how many are wanted."""

    name = hook = "image_edits"
    modality = "images"
    reads_json = False

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        """See ``Surface``."""
        return beside_chat(dialect, "/images/edits")

    def read(self, raw: bytes, header: Callable[[str], str | None]) -> dict[str, Any]:
        """See ``Surface``."""
        return read_form(raw, header, ("n", "output_compression"))

    def look(self, body: Mapping[str, Any]) -> Measure:
        """See ``Surface``."""
        checked(body, _FIELDS)
        images = len(files_of(body, "image"))
        if "mask" in body:
            images += len(files_of(body, "mask"))
        count = body.get("n") or 1
        size = prompt_bytes(body, _FILES)
        asked, units = asked_image(body), Units(images=count)
        return Measure(size, messages=1, images=images, choices=count, image=asked, units=units)

    def reader(self, call: ServedCall) -> PlainReader:
        """See ``Surface``."""
        return image_reader(call)

    def schema(self) -> SurfaceSchema:
        """See ``Surface``."""
        request = described_form(_FIELDS, image=FILES, mask=FILES)
        answers = {"application/json": IMAGES_SHAPE}
        example = {"prompt": "Make it dusk", "image": ["the bytes of a file"]}
        return SurfaceSchema("editImage", "Images, changed.", request, answers, example, "multipart/form-data")
