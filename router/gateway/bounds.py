"""The most tokens that a call can use: its body is measured once, and each target's card makes bounds of that.

No tokeniser makes more tokens of a text than it has bytes in UTF-8. What is no text, and of no known size, counts as
the whole context window. Fields that nobody here knows count too: an upstream may read them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from router.prices import Rates
from router.types import ModelCard

__all__ = ["UNBOUNDED", "Bound", "Measure", "bound_of", "measure", "text_tokens"]

UNBOUNDED = 2**40
"""More tokens than any call has."""

_CAPS = ("max_completion_tokens", "max_tokens")
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
        *_CAPS,
        "dimensions",
        "encoding_format",
        "frequency_penalty",
        "input",
        "logit_bias",
        "logprobs",
        "messages",
        "metadata",
        "modalities",
        "model",
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
"""Fields of a body that no prompt is made of; ``messages`` and ``input`` are measured by their own rules."""
_SHORT = frozenset({bool, int, float, type(None)})


@dataclass(slots=True)
class Measure:
    """What a body holds, whatever the model.

    Attributes:
        text_bytes: of everything that a prompt can be made of.
        messages: how many.
        images, audios, files: parts of messages, by kind.
        unknown: parts whose size nobody can tell.
        inputs: of embeddings, the size of each input.
        cap: tokens that the client allows each choice; None where it names no cap.
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
    cap: int | None = None
    choices: int = 1
    predicted: int = 0


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
        max_tokens: such a cap, where one of ours must be sent.
    """

    prompt_tokens: int
    each_tokens: int
    predicted: int = 0
    choices: int = 1
    window: int | None = None
    capped: bool = False
    max_tokens: int | None = None

    @property
    def completion_tokens(self) -> int:
        """All output of all choices."""
        return min(UNBOUNDED, self.choices * (self.each_tokens + self.predicted))

    @property
    def known(self) -> bool:
        """Whether there is a bound at all."""
        return self.prompt_tokens < UNBOUNDED and self.each_tokens < UNBOUNDED

    def lowered(self, cap: int) -> Bound:
        """The same with an output cap of ours, where that makes it smaller."""
        if not self.capped or cap >= self.each_tokens:
            return self
        return replace(self, each_tokens=cap, max_tokens=cap)

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
    for name, value in body.items():
        if name not in _NO_PROMPT and type(value) not in _SHORT:
            found.text_bytes += _size(value)
    if kind == "embeddings":
        found.inputs = _inputs(body["input"])
        return found
    for message in body["messages"]:
        _message(message, found)
    caps = [cap for name in _CAPS if (cap := body.get(name)) is not None]
    if caps:
        found.cap = max(caps)  # an upstream may heed either
    found.choices = body.get("n") or 1
    if body.get("prediction") is not None:
        found.predicted = _size(body["prediction"])
    return found


def bound_of(found: Measure, card: ModelCard, own_cap: int | None) -> Bound:
    """The bound at a target.

    Args:
        own_cap: the cap on each choice that we send where neither client nor card names one; None sends none.
    """
    if found.inputs:
        return _embeddings_bound(found, card)
    window = card.context_window
    most = UNBOUNDED if window is None else window
    covered = card.cap_covers_reasoning or not card.reasoning
    each, max_tokens = card.max_output, None
    if covered and found.cap is not None:
        each = found.cap
    elif covered and each is None and own_cap is not None:
        each = own_cap
        max_tokens = own_cap if own_cap < most else None
    each = most if each is None else min(each, most)
    return Bound(min(_prompt(found, card), most), each, found.predicted, found.choices, window, covered, max_tokens)


def text_tokens(found: Measure, card: ModelCard) -> int:
    """What the prompt's text alone can come to."""
    return found.text_bytes + card.prompt_overhead * (found.messages + 1)


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
    sizes = (size + overhead for size in found.inputs)
    prompt = overhead + found.text_bytes + sum(sizes if window is None else (min(size, window) for size in sizes))
    return Bound(prompt, 0)


def _message(message: Mapping[str, Any], found: Measure) -> None:
    found.messages += 1
    for name, value in message.items():
        if name == "role":
            continue
        if type(value) is str:
            found.text_bytes += len(value) if value.isascii() else _utf8(value)
        elif name == "content" and value is not None:
            for part in value:
                _part(part, found)
        elif name == "audio" and value is not None:
            found.audios += 1
        elif type(value) not in _SHORT:
            found.text_bytes += _size(value)


def _part(part: Mapping[str, Any], found: Measure) -> None:
    kind = part["type"]
    media = _MEDIA.get(kind)
    if media is not None:
        setattr(found, media, getattr(found, media) + 1)
    elif kind not in _TEXTS:
        found.unknown += 1
    elif len(part) == 2 and type(text := part.get("text")) is str:
        found.text_bytes += len(text) if text.isascii() else _utf8(text)
    else:
        found.text_bytes += _size(part)


def _inputs(value: Any) -> tuple[int, ...]:
    if type(value) is str:
        return (_utf8(value),)
    if type(value[0]) is int:
        return (len(value),)
    return tuple(_utf8(one) if type(one) is str else len(one) for one in value)


def _size(value: Any) -> int:
    """Bytes of the JSON text, as templates write it into a prompt."""
    return _utf8(value) if type(value) is str else _utf8(json.dumps(value, ensure_ascii=False))


def _utf8(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
