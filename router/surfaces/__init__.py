"""What clients speak: bodies read, checked and measured, answers relayed. What a plugin with a surface imports."""

from __future__ import annotations

from router.surfaces.face import Face, StreamEnds, TranslatingFace
from router.surfaces.further import further_surfaces
from router.surfaces.measuring import Measure
from router.surfaces.reader import NativeReader, Reader
from router.surfaces.surface import (
    ServedCall,
    Surface,
    SurfaceAnswer,
    SurfaceContext,
    SurfaceRequest,
    SurfaceRoute,
    SurfaceSchema,
)
from router.surfaces.translated import Translated, TranslatedSurface, TranslationRequest

__all__ = [
    "Face",
    "Measure",
    "NativeReader",
    "Reader",
    "ServedCall",
    "StreamEnds",
    "Surface",
    "SurfaceAnswer",
    "SurfaceContext",
    "SurfaceRequest",
    "SurfaceRoute",
    "SurfaceSchema",
    "Translated",
    "TranslatedSurface",
    "TranslatingFace",
    "TranslationRequest",
    "further_surfaces",
]
