"""What the many plain replies tell, read without decoding the rest: model and usage, and that they are replies.

What is taken here is a strict part of what the relay takes. A reply with anything that has to be looked at (a mark, a
count that is none or that does not add up, usage of another shape) is left to it: ``told_of`` gives None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from router.surfaces.remarks import STANDARD_TIERS
from router.types.records import Usage

__all__ = ["ID_MAX", "NAME_MAX", "REASON_MAX", "RelayedCall", "ReplyFacts", "shown_name", "told_of"]

NAME_MAX = 200
"""Characters of a model's name that are kept."""
ID_MAX = 128
"""Characters of the longest ID of an answer that is kept."""
REASON_MAX = 40
"""Characters of why an answer ended that are kept."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")
_COUNT_MAX = 2**40
_LONG = 4300  # digits: so many the standard library refuses in one number
_DIGITS = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
_LONG_NUMBER = b"0" * _LONG


class RelayedCall(Protocol):
    """What the relay needs of a call."""

    @property
    def model(self) -> str: ...
    @property
    def body(self) -> Mapping[str, Any]: ...
    @property
    def include_usage(self) -> bool: ...


def shown_name(name: str) -> str:
    """A model's name as it can stand in a row."""
    return _UNPRINTABLE.sub(" ", name[:NAME_MAX])


class _PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None


class _OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class _Usage(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    prompt_tokens: int
    completion_tokens: int = 0
    total_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class _Message(msgspec.Struct, gc=False):
    annotations: list[msgspec.Raw] | None = None


class _Choice(msgspec.Struct, gc=False):
    message: _Message | None = None
    delta: None = None
    usage: None = None
    finish_reason: str | None = None


class _Chat(msgspec.Struct, gc=False):
    choices: list[_Choice]
    model: str
    id: str | None = None
    usage: _Usage | None = None
    service_tier: str | None = None
    citations: None = None
    search_results: None = None


class _Embeddings(msgspec.Struct, gc=False):
    data: list[msgspec.Raw]
    model: str
    id: str | None = None
    usage: _Usage | None = None
    service_tier: str | None = None
    citations: None = None
    search_results: None = None
    choices: None = None


class ReplyFacts(msgspec.Struct, gc=False, frozen=True):
    """What a reply tells.

    Attributes:
        model: that has answered, as the upstream calls it.
        usage: None where it gives none.
        id: of the answer, as the upstream has it; empty where it gives none.
        finish: why each choice ended, in their order; those that say it not are left out.
    """

    model: str
    usage: Usage | None
    id: str
    finish: tuple[str, ...] = ()


_DECODE: dict[str, Any] = {
    "choices": msgspec.json.Decoder(_Chat).decode,
    "data": msgspec.json.Decoder(_Embeddings).decode,
}


def told_of(data: bytes, holds: str) -> ReplyFacts | None:
    """What a plain reply tells; None where it has to be looked at.

    Args:
        holds: the member that a good one has, ``choices`` or ``data``.
    """
    try:
        value = _DECODE[holds](data)
        if not data.isascii():
            data.decode("utf-8")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if value.service_tier is not None and value.service_tier not in STANDARD_TIERS:
        return None
    finish: tuple[str, ...] = ()
    if value.choices:
        for choice in value.choices:
            if choice.message is not None and choice.message.annotations:
                return None
            if choice.finish_reason:
                finish = (*finish, choice.finish_reason[:REASON_MAX])
    if len(data) > _LONG and _LONG_NUMBER in data.translate(_DIGITS):
        return None
    told = value.usage
    if told is None:
        return ReplyFacts(value.model, None, value.id or "", finish)
    prompt, completion = told.prompt_tokens, told.completion_tokens
    cached = written = reasoning = 0
    details, spoken = told.prompt_tokens_details, told.completion_tokens_details
    if details is not None:
        if details.audio_tokens:
            return None
        cached, written = details.cached_tokens or 0, details.cache_write_tokens or 0
    if spoken is not None:
        if spoken.audio_tokens:
            return None
        reasoning = spoken.reasoning_tokens or 0
    sums_up = told.total_tokens is None or told.total_tokens == prompt + completion
    parts_fit = min(cached, written, reasoning) >= 0 and cached + written <= prompt and reasoning <= completion
    if not sums_up or not parts_fit or prompt > _COUNT_MAX or completion > _COUNT_MAX:
        return None
    return ReplyFacts(value.model, Usage(prompt, completion, cached, written, reasoning), value.id or "", finish)
