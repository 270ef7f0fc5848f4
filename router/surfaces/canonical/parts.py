"""A conversation in parts, whatever wire it came on: what one wire has and another lacks has its place here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "AudioPart",
    "CallPart",
    "FilePart",
    "ImagePart",
    "OpaquePart",
    "Part",
    "ReasoningPart",
    "RefusalPart",
    "ResultPart",
    "TextPart",
    "Turn",
]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text.

    Attributes:
        extra: members that stand beside it on the wire, such as ``cache_control``.
    """

    text: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefusalPart:
    """What a model said instead of an answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningPart:
    """What a model thought before it went on.

    Attributes:
        text: what of it is shown; may be empty.
        proof: what the provider wants back untouched: members of a chat message (``thinking_blocks``,
            ``reasoning_details``, ``content_blocks``, ``extra_content``); None where there is nothing.
        provider: who gave the proof, in words of whoever made this part; empty where nobody says.
    """

    text: str = ""
    proof: Mapping[str, Any] | None = None
    provider: str = ""


@dataclass(frozen=True, slots=True)
class CallPart:
    """A model's call of a tool.

    Attributes:
        id: what pairs it with its result.
        name: as the tool's definition has it, without its namespace.
        arguments: JSON text of a ``function``, raw text of a ``custom`` tool.
        kind: ``function`` or ``custom``.
        extra: members beside it that the provider wants back (``extra_content``).
    """

    id: str
    name: str
    arguments: str
    namespace: str = ""
    kind: str = "function"
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResultPart:
    """What a tool gave.

    Attributes:
        call_id: the ``id`` of its call.
        parts: text, images, files.
        is_error: whether the tool failed.
    """

    call_id: str
    parts: tuple[Part, ...] = ()
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image.

    Attributes:
        url: a link or a data URL.
        detail: how closely it is to be looked at; empty where nothing is said.
        extra: as in ``TextPart``.
    """

    url: str
    detail: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FilePart:
    """A document.

    Attributes:
        data: a data URL.
        filename: empty where it has none.
        extra: as in ``TextPart``.
    """

    data: str
    filename: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AudioPart:
    """Sound: base64, and its format such as ``wav``."""

    data: str
    format: str


@dataclass(frozen=True, slots=True)
class OpaquePart:
    """A part of a chat message that nobody here knows; it goes on as it came."""

    value: Mapping[str, Any]


Part = TextPart | RefusalPart | ReasoningPart | CallPart | ResultPart | ImagePart | FilePart | AudioPart | OpaquePart
"""Any part."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation.

    Attributes:
        role: ``system``, ``developer``, ``user``, ``assistant``, or ``tool``, whose parts are results alone.
        name: of the participant; empty for none.
        extra: members of a chat message that have no part, as they came.
    """

    role: str
    parts: tuple[Part, ...] = ()
    name: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
