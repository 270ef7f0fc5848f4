"""What clients speak: bodies read, checked and measured, answers relayed. What a plugin with a surface imports."""

from __future__ import annotations

from router.surfaces.body import decode_json
from router.surfaces.canonical.chat_events import ChatEvents, answer_events
from router.surfaces.canonical.events import (
    AnnotationSeen,
    CallDelta,
    CallStart,
    Event,
    Finish,
    PartEnd,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    UsageSeen,
)
from router.surfaces.canonical.folding import FoldedAnswer, fold
from router.surfaces.canonical.keepsakes import keepsake_of, with_keepsakes
from router.surfaces.canonical.ladder import FieldRung, check_ladder, dropped_by, ladder_schema
from router.surfaces.canonical.pairing import CallPairing
from router.surfaces.canonical.parts import (
    AudioPart,
    CallPart,
    FilePart,
    ImagePart,
    Part,
    ReasoningPart,
    RefusalPart,
    ResultPart,
    TextPart,
    Turn,
)
from router.surfaces.canonical.prompt import Prompt
from router.surfaces.canonical.to_chat import to_chat
from router.surfaces.canonical.tools import Tool, ToolChoice
from router.surfaces.face import Face, PlainFace, StreamEnds, TranslatingFace
from router.surfaces.field_kinds import (
    DEPENDS,
    Either,
    Integer,
    JsonField,
    ListOf,
    Members,
    Number,
    OneOf,
    Tagged,
    TextField,
    Typed,
)
from router.surfaces.further import further_surfaces
from router.surfaces.known_fields import CHAT_FIELDS, check_part
from router.surfaces.measuring import Measure
from router.surfaces.reader import NativeReader, Reader
from router.surfaces.surface import (
    STREAM_HEADERS,
    ServedCall,
    Surface,
    SurfaceAnswer,
    SurfaceContext,
    SurfaceRequest,
    SurfaceRoute,
    SurfaceSchema,
)
from router.surfaces.translated import Translated, TranslatedEmbeddings, TranslatedSurface, TranslationRequest

__all__ = [
    "CHAT_FIELDS",
    "DEPENDS",
    "STREAM_HEADERS",
    "AnnotationSeen",
    "AudioPart",
    "CallDelta",
    "CallPairing",
    "CallPart",
    "CallStart",
    "ChatEvents",
    "Either",
    "Event",
    "Face",
    "FieldRung",
    "FilePart",
    "Finish",
    "FoldedAnswer",
    "ImagePart",
    "Integer",
    "JsonField",
    "ListOf",
    "Measure",
    "Members",
    "NativeReader",
    "Number",
    "OneOf",
    "Part",
    "PartEnd",
    "PlainFace",
    "Prompt",
    "Reader",
    "ReasoningDelta",
    "ReasoningPart",
    "RefusalDelta",
    "RefusalPart",
    "ResultPart",
    "ServedCall",
    "StreamEnds",
    "Surface",
    "SurfaceAnswer",
    "SurfaceContext",
    "SurfaceRequest",
    "SurfaceRoute",
    "SurfaceSchema",
    "Tagged",
    "TextDelta",
    "TextField",
    "TextPart",
    "Tool",
    "ToolChoice",
    "Translated",
    "TranslatedEmbeddings",
    "TranslatedSurface",
    "TranslatingFace",
    "TranslationRequest",
    "Turn",
    "Typed",
    "UsageSeen",
    "answer_events",
    "check_ladder",
    "check_part",
    "decode_json",
    "dropped_by",
    "fold",
    "further_surfaces",
    "keepsake_of",
    "ladder_schema",
    "to_chat",
    "with_keepsakes",
]
