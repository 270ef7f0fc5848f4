"""The most tokens that a call can use: its body is measured once, and each target's card makes bounds of that.

No tokeniser makes more tokens of a text than it has bytes in UTF-8. What is no text, and of no known size, counts as
the whole context window. Fields that nobody here knows count too: an upstream may read them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from router.prices import Rates
from router.rules import CAPS
from router.structs import record
from router.types import ModelCard, Usage

__all__ = [
    "CAP_SPELLINGS",
    "COUNT_MAX",
    "UNBOUNDED",
    "Bound",
    "Measure",
    "Obeyed",
    "bound_of",
    "caps_in",
    "measure",
    "text_tokens",
]

UNBOUNDED = 2**40
"""More tokens than any call has."""

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

COUNT_MAX = 2**24
"""Tokens: more than any window holds, so a count above it is none."""
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
_NO_PROMPT = frozenset(
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
_MEASURED = frozenset({"input", "messages", "model"})  # by rules of their own
_FREE_BYTES = 64  # of a field that no prompt is made of, or beside a medium; what is longer counts whole
_NUMBERS = frozenset({bool, int, float, type(None)})
_NUMBER_BYTES = 24
_KNOWN = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "refusal", "function_call", "audio"})
_DATA = frozenset({"type", "url", "data", "file_data", "file_url", *_MEDIA})
"""Members of a media part that hold, or name, what the card has a maximum for."""


class Obeyed(NamedTuple):
    """What a target makes of output caps.

    Attributes:
        names: those under which it is sent one; without any, nothing caps its output.
        dropped: fields that it does not see.
    """

    names: tuple[str, ...] = CAPS
    dropped: tuple[str, ...] = ()


OBEYED = Obeyed()


@dataclass(slots=True)
class Measure:
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
        predicted: bytes of a predicted output, which is charged where it is not met.
    """

    text_bytes: int = 0
    messages: int = 0
    images: int = 0
    audios: int = 0
    files: int = 0
    unknown: int = 0
    inputs: tuple[int, ...] = ()
    tokenised: bool = False
    caps: Mapping[str, int] = field(default_factory=dict)
    choices: int = 1
    predicted: int = 0

    def cap(self, dropped: Collection[str] = ()) -> int | None:
        """The largest of the client's caps, as an upstream may heed any; those that are dropped are none."""
        if not self.caps:
            return None
        return max((cap for name, cap in self.caps.items() if name not in dropped), default=None)


@record
@dataclass(frozen=True, slots=True)
class Bound:
    """The most that a call can use at one target. What nothing bounds is ``UNBOUNDED``.

    Attributes:
        prompt_tokens: all input.
        each_tokens: output of one choice.
        predicted: output besides, of each choice: a prediction that was not met.
        choices: how many answers.
        window: tokens of prompt and one choice together; None where that is not known.
        capped: whether an output cap sent upstream limits ``each_tokens``.
        sent: the one cap that is sent upstream; None for none.
        ours: whether that is not the client's word.
    """

    prompt_tokens: int
    each_tokens: int
    predicted: int = 0
    choices: int = 1
    window: int | None = None
    capped: bool = False
    sent: int | None = None
    ours: bool = False

    @property
    def completion_tokens(self) -> int:
        """All output of all choices."""
        return min(UNBOUNDED, self.choices * (self.each_tokens + self.predicted))

    @property
    def known(self) -> bool:
        """Whether there is a bound at all."""
        return self.prompt_tokens < UNBOUNDED and self.each_tokens < UNBOUNDED

    @property
    def max_tokens(self) -> int | None:
        """The cap that is sent, where it is ours."""
        return self.sent if self.ours else None

    def lowered(self, cap: int) -> Bound:
        """The same with an output cap of ours, where that makes it smaller."""
        if not self.capped or cap >= self.each_tokens:
            return self
        return replace(self, each_tokens=cap, sent=cap, ours=True)

    def open_ended(self) -> Bound:
        """The same without a cap of ours that nothing but a hold needs: with a window, the window is its end."""
        if not self.ours or self.window is not None:
            return self
        return replace(self, each_tokens=UNBOUNDED, sent=None, ours=False)

    def exceeded_by(self, usage: Usage) -> bool:
        """Whether a usage is more than it allows."""
        return usage.prompt_tokens > self.prompt_tokens or usage.completion_tokens > self.completion_tokens

    def most_nano(self, rates: Rates) -> int:
        """What it can be charged at most: prompt and each choice share the window."""
        prompt, each = self.prompt_tokens, self.each_tokens + self.predicted
        if self.window is None or prompt + each <= self.window:
            return rates.most_nano(prompt, self.choices * each)
        beside_prompt = self.choices * min(each, max(0, self.window - prompt))
        beside_output = min(prompt, max(0, self.window - each))
        longest = rates.most_nano(prompt, beside_prompt)
        return max(longest, rates.most_nano(beside_output, self.choices * min(each, self.window)))


def measure(body: Mapping[str, Any], kind: str) -> Measure:
    """Measure the body of a call that was checked.

    Args:
        kind: ``chat`` or ``embeddings``.
    """
    found = Measure()
    size = 0
    for name, value in body.items():
        if name in _NO_PROMPT:
            if type(value) not in _NUMBERS and (long := _size(value)) > _FREE_BYTES:
                size += long
        elif name not in _MEASURED:
            size += _named(name, value)
    found.text_bytes = size
    if kind == "embeddings":
        found.inputs, found.tokenised = _inputs(body["input"])
        return found
    for message in body["messages"]:
        _message(message, found)
    found.caps = caps_in(body)
    found.choices = body.get("n") or 1
    if body.get("prediction") is not None:
        found.predicted = _size(body["prediction"])
    return found


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


def bound_of(found: Measure, card: ModelCard, own_cap: int | None, obeyed: Obeyed = OBEYED) -> Bound:
    """The bound at a target.

    Args:
        own_cap: the cap on each choice that we send where neither client nor card names one, and where it fits the
            window beside the prompt; None sends none.
        obeyed: the names under which the target is sent a cap, and those that it does not see.
    """
    if found.inputs:
        return _embeddings_bound(found, card)
    window = card.context_window
    most = UNBOUNDED if window is None else window
    prompt = min(_prompt(found, card), most)
    covered = bool(obeyed.names) and (card.cap_covers_reasoning or not card.reasoning)
    each, ours = card.max_output, False
    sent = found.cap(obeyed.dropped) if obeyed.names else None
    if sent is not None:
        each = sent if covered else each
    elif covered and each is None and own_cap is not None and (window is None or prompt + own_cap <= window):
        each = sent = own_cap
        ours = True
    each = most if each is None else min(each, most)
    return Bound(prompt, each, found.predicted, found.choices, window, covered, sent, ours)


def text_tokens(found: Measure, card: ModelCard) -> int:
    """What the prompt's text alone can come to."""
    return found.text_bytes * card.tokens_per_byte + card.prompt_overhead * (found.messages + 1)


def _prompt(found: Measure, card: ModelCard) -> int:
    prompt = text_tokens(found, card)
    if found.unknown:
        return UNBOUNDED
    for count, most in (
        (found.images, card.image_tokens),
        (found.audios, card.audio_tokens),
        (found.files, card.file_tokens),
    ):
        if count:
            if most is None:
                return UNBOUNDED
            prompt += count * most
    return prompt


def _embeddings_bound(found: Measure, card: ModelCard) -> Bound:
    """The window holds for each input by itself."""
    overhead, window = card.prompt_overhead, card.context_window
    factor = 1 if found.tokenised else card.tokens_per_byte
    most = UNBOUNDED if window is None else window
    inputs = sum(min(size * factor + overhead, most) for size in found.inputs)
    return Bound(overhead + found.text_bytes * card.tokens_per_byte + inputs, 0)


def _message(message: Mapping[str, Any], found: Measure) -> None:
    """The role is one of a few words, and what it comes to is in the card's overhead."""
    found.messages += 1
    size = 0
    for name, value in message.items():
        if name == "content":
            if type(value) is str:
                size += len(value) if value.isascii() else _utf8(value)
            elif value is not None:
                for part in value:
                    _part(part, found)
        elif name not in _KNOWN:
            size += _named(name, value)
        elif name != "role" and type(value) not in _NUMBERS:
            if name != "audio":
                size += _size(value)
            else:  # an earlier answer's, by its ID
                found.audios += 1
                size += long if (long := _size(value)) > _FREE_BYTES else 0
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
        found.text_bytes += len(text) if text.isascii() else _utf8(text)
    else:
        found.text_bytes += _size(part)


def _beside_data(part: Mapping[str, Any]) -> int:
    """What a media part holds besides the medium itself: names, hints, and whatever else somebody writes there."""
    size = 0
    for name, value in part.items():
        if name not in _DATA:
            size += _named(name, value)
        elif type(value) is dict:
            size += sum(_named(inner, one) for inner, one in value.items() if inner not in _DATA)
    return size if size > _FREE_BYTES else 0


def _inputs(value: Any) -> tuple[tuple[int, ...], bool]:
    """The size of each input, and whether these are tokens."""
    if type(value) is str:
        return (_utf8(value),), False
    if type(value[0]) is int:
        return (len(value),), True
    if type(value[0]) is str:
        return tuple(map(_utf8, value)), False
    return tuple(map(len, value)), True


def _named(name: str, value: Any) -> int:
    """Bytes of a member that anybody may have made up."""
    return _utf8(name) + (_NUMBER_BYTES if type(value) in _NUMBERS and not _is_huge(value) else _size(value))


def _is_huge(number: Any) -> bool:
    return type(number) is int and not -(2**63) <= number < 2**63


def _size(value: Any) -> int:
    """Bytes of the JSON text, as templates write it into a prompt."""
    return _utf8(value) if type(value) is str else _utf8(json.dumps(value, ensure_ascii=False))


def _utf8(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
