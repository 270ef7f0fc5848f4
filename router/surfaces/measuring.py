"""What a body holds, counted once whatever the model: bytes of text, messages, media, caps, choices.

Fields that nobody here knows count too: an upstream may read them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from router.money.image_prices import AskedImage
from router.money.usage import Units
from router.types.request_rules import CAPS

__all__ = [
    "CAP_SPELLINGS",
    "FREE_BYTES",
    "NO_PROMPT",
    "NUMBERS",
    "Measure",
    "add_message",
    "caps_in",
    "inputs_of",
    "json_bytes",
    "member_bytes",
    "text_bytes",
]

CAP_SPELLINGS = frozenset(
    {
        *CAPS,
        "maxOutputTokens",
        "max_new_tokens",
        "max_output_tokens",
        "max_tokens_to_sample",
        "n_predict",
        "num_predict",
    }
)
"""Every name that some server has for the output cap, at the top of a body or in its ``options``."""

_MEDIA = {
    "image_url": "images",
    "image": "images",
    "input_image": "images",
    "input_audio": "audios",
    "audio": "audios",
    "file": "files",
    "input_file": "files",
}
"""Type of a content part -> what it is counted under. One that is neither here nor text is of no known size."""
_TEXTS = frozenset({"text", "input_text", "output_text", "refusal", "thinking", "redacted_thinking"})
NO_PROMPT = frozenset(
    {
        *CAP_SPELLINGS,
        "dimensions",
        "encoding_format",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "metadata",
        "modalities",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning_effort",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
    }
)
"""Fields of a body that no prompt is made of, as long as they are short."""
FREE_BYTES = 64  # of a field that no prompt is made of, or beside a medium; what is longer counts whole
NUMBERS = frozenset({bool, int, float, type(None)})
_NUMBER_BYTES = 24
_KNOWN = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "refusal", "function_call", "audio"})
_DATA = frozenset({"type", "url", "data", "file_data", "file_url", *_MEDIA})
"""Members of a media part that hold, or name, what the card has a maximum for."""


class Measure(msgspec.Struct):
    """What a body holds, whatever the model.

    Attributes:
        text_bytes: of everything that a prompt can be made of.
        messages: how many.
        images, audios, files: parts of messages, by kind.
        unknown: parts whose size nobody can tell.
        inputs: of embeddings, the size of each input.
        tokenised: whether that is in tokens, not in bytes.
        caps: spelling -> tokens that the client allows each choice under it; empty where it names no cap.
        choices: how many answers it asks for.
        prompts: how many there are that have the context window each to itself, together in ``text_bytes``.
        predicted: bytes of a predicted output, which is charged where it is not met.
        plain: whether every message is a role and one text, and nothing else.
        image: what it asks of the images that are to be made; None where none are.
        units: the most that it asks for beside tokens, without the request itself; None where that is nothing.
    """

    text_bytes: int = 0
    messages: int = 0
    images: int = 0
    audios: int = 0
    files: int = 0
    unknown: int = 0
    inputs: tuple[int, ...] = ()
    tokenised: bool = False
    caps: dict[str, int] = msgspec.field(default_factory=dict)
    choices: int = 1
    prompts: int = 1
    predicted: int = 0
    plain: bool = True
    image: AskedImage | None = None
    units: Units | None = None

    def cap(self, dropped: Collection[str] = ()) -> int | None:
        """The largest of the client's caps, as an upstream may heed any; those that are dropped are none."""
        if not self.caps:
            return None
        if not dropped:
            return max(self.caps.values())
        return max((cap for name, cap in self.caps.items() if name not in dropped), default=None)


def caps_in(body: Mapping[str, Any]) -> dict[str, int]:
    """Spelling -> each output cap that a body names: null is none, and so is a negative number."""
    found = {}
    if not CAP_SPELLINGS.isdisjoint(body):
        found = {name: cap for name in CAP_SPELLINGS if type(cap := body.get(name)) is int and cap >= 0}
    options = body.get("options")
    if type(options) is dict and not CAP_SPELLINGS.isdisjoint(options):
        inside = {name: cap for name in CAP_SPELLINGS if type(cap := options.get(name)) is int and cap >= 0}
        found |= {f"options.{name}": cap for name, cap in inside.items()}
    return found


def add_message(message: Mapping[str, Any], found: Measure) -> None:
    """Count one message that was checked: its role is one of a few words, and what that comes to is in the card."""
    found.messages += 1
    size = 0
    for name, value in message.items():
        if name == "content":
            if type(value) is str:
                size += len(value) if value.isascii() else text_bytes(value)
            elif value is not None:
                for part in value:
                    _part(part, found)
        elif name not in _KNOWN:
            size += member_bytes(name, value)
        elif name != "role" and type(value) not in NUMBERS:
            if name != "audio":
                size += json_bytes(value)
            else:  # an earlier answer's, by its ID
                found.audios += 1
                size += long if (long := json_bytes(value)) > FREE_BYTES else 0
    found.text_bytes += size


def _part(part: Mapping[str, Any], found: Measure) -> None:
    kind = part["type"]
    media = _MEDIA.get(kind)
    if media is not None:
        setattr(found, media, getattr(found, media) + 1)
        found.text_bytes += _beside_data(part)
    elif kind not in _TEXTS:
        found.unknown += 1
    elif len(part) == 2 and type(text := part.get("text")) is str:
        found.text_bytes += len(text) if text.isascii() else text_bytes(text)
    else:
        found.text_bytes += json_bytes(part)


def _beside_data(part: Mapping[str, Any]) -> int:
    """What a media part holds besides the medium itself: names, hints, and whatever else somebody writes there."""
    size = 0
    for name, value in part.items():
        if name not in _DATA:
            size += member_bytes(name, value)
        elif type(value) is dict:
            size += sum(member_bytes(inner, one) for inner, one in value.items() if inner not in _DATA)
    return size if size > FREE_BYTES else 0


def inputs_of(value: Any) -> tuple[tuple[int, ...], bool]:
    """The size of each input, and whether these are tokens."""
    if type(value) is str:
        return (len(value) if value.isascii() else text_bytes(value),), False
    if type(value[0]) is int:
        return (len(value),), True
    if type(value[0]) is str:
        return tuple(map(text_bytes, value)), False
    return tuple(map(len, value)), True


def member_bytes(name: str, value: Any) -> int:
    """Bytes of a member that anybody may have made up."""
    return text_bytes(name) + (_NUMBER_BYTES if type(value) in NUMBERS and not _is_huge(value) else json_bytes(value))


def _is_huge(number: Any) -> bool:
    return type(number) is int and not -(2**63) <= number < 2**63


def json_bytes(value: Any) -> int:
    """Bytes of the JSON text, as templates write it into a prompt."""
    return text_bytes(value) if type(value) is str else text_bytes(json.dumps(value, ensure_ascii=False))


def text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
