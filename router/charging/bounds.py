"""The most tokens and units that a call can use: each target's card makes bounds of what its body was measured to hold.

No tokeniser makes more tokens of a text than it has bytes in UTF-8. What is no text, and of no known size, counts as
the whole context window.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from router.money.prices import Rates
from router.money.usage import UNITS, Units
from router.structs import record
from router.surfaces.measuring import Measure
from router.types.records import ModelCard, Usage
from router.types.request_rules import CAPS

__all__ = [
    "COUNT_MAX",
    "UNBOUNDED",
    "Bound",
    "Obeyed",
    "bound_of",
    "text_tokens",
]

UNBOUNDED = 2**40
"""More tokens than any call has."""

COUNT_MAX = 2**24
"""Tokens: more than any window holds, so a count above it is none."""


class Obeyed(NamedTuple):
    """How a target obeys output caps.

    Attributes:
        names: those under which it is sent one; without any, nothing caps its output.
        dropped: fields that it does not see.
    """

    names: tuple[str, ...] = CAPS
    dropped: tuple[str, ...] = ()


OBEYED = Obeyed()


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
        units: what it can use beside tokens; None where that is nothing.
    """

    prompt_tokens: int
    each_tokens: int
    predicted: int = 0
    choices: int = 1
    window: int | None = None
    capped: bool = False
    sent: int | None = None
    ours: bool = False
    units: Units | None = None

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
        most = min(UNBOUNDED, self.choices * (self.each_tokens + self.predicted))
        if usage.prompt_tokens > self.prompt_tokens or usage.completion_tokens > most:
            return True
        used, allowed = usage.units, self.units
        if used is None or allowed is None:
            return False
        return any(getattr(used, name) > getattr(allowed, name) for name in UNITS)

    def most_nano(self, rates: Rates) -> int:
        """The highest charge within the bound; prompt and each choice share the window."""
        prompt, each = self.prompt_tokens, self.each_tokens + self.predicted
        if self.window is None or prompt + each <= self.window:
            return rates.most_nano(prompt, self.choices * each, self.units)
        beside_prompt = self.choices * min(each, max(0, self.window - prompt))
        beside_output = min(prompt, max(0, self.window - each))
        longest = rates.most_nano(prompt, beside_prompt, self.units)
        return max(longest, rates.most_nano(beside_output, self.choices * min(each, self.window), self.units))


def bound_of(
    found: Measure, card: ModelCard, own_cap: int | None, obeyed: Obeyed = OBEYED, request: Units | None = None
) -> Bound:
    """The bound at a target.

    Args:
        own_cap: the cap on each choice that we send where neither client nor card names one, and where it fits the
            window beside the prompt; None sends none.
        obeyed: the names under which the target is sent a cap, and those that it does not see.
        request: what the call itself counts as there, whatever its body holds: see ``router.money.prices.request_of``.
    """
    units = request if found.units is None else _units(found.units, request)
    if found.inputs:
        return _embeddings_bound(found, card, units)
    window = card.context_window
    most = UNBOUNDED if window is None else window
    prompt = min(_prompt(found, card), most * found.prompts)
    window = window if found.prompts == 1 else None
    covered = bool(obeyed.names) and (card.cap_covers_reasoning or not card.reasoning)
    each, ours = card.max_output, False
    sent = found.cap(obeyed.dropped) if obeyed.names else None
    if sent is not None:
        each = sent if covered else each
    elif covered and each is None and own_cap is not None and (window is None or prompt + own_cap <= window):
        each = sent = own_cap
        ours = True
    each = most if each is None else min(each, most)
    return Bound(prompt, each, found.predicted, found.choices, window, covered, sent, ours, units)


def _units(asked: Units, request: Units | None) -> Units:
    """What a body asks for beside tokens, and the call itself where a request has a price."""
    return asked if request is None else replace(asked, requests=request.requests)


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


def _embeddings_bound(found: Measure, card: ModelCard, units: Units | None) -> Bound:
    """The bound of embeddings: the context window holds for each input by itself."""
    overhead, window = card.prompt_overhead, card.context_window
    factor = 1 if found.tokenised else card.tokens_per_byte
    most = UNBOUNDED if window is None else window
    inputs = sum([min(size * factor + overhead, most) for size in found.inputs])
    return Bound(overhead + found.text_bytes * card.tokens_per_byte + inputs, 0, units=units)
