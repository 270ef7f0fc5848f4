"""What a call used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.structs import record

__all__ = ["UNITS", "Units", "Usage"]

UNITS = ("images", "milliseconds", "characters", "searches", "requests")
"""What calls use beside tokens, by the names of the fields of ``Units``."""


@record
@dataclass(frozen=True, slots=True)
class Units:
    """What one call used beside tokens: whole numbers, 0 where it used none.

    Attributes:
        images: that were made.
        milliseconds: of audio, a second being 1,000. What a provider tells more finely is rounded up to the next.
        characters: of text that was spoken: code points, as providers of speech count them.
        searches: of the web, or of documents that were ranked.
        requests: calls that are paid for as such. The gateway counts them itself: 1 for a call that is charged and
            whose price or cost has a part per request, else 0. What a plugin says of them is not read.
    """

    images: int = 0
    milliseconds: int = 0
    characters: int = 0
    searches: int = 0
    requests: int = 0

    def counts(self) -> dict[str, int]:
        """Name -> count, of those that are not 0."""
        return {name: count for name in UNITS if (count := getattr(self, name))}


@record
@dataclass(frozen=True, slots=True)
class Usage:
    """What one call used, in one meaning for all providers: tokens, and units beside them.

    Attributes:
        prompt_tokens: all input, cached and cache-written tokens included.
        completion_tokens: all output, reasoning included.
        cached_tokens: the part of the prompt that was read from the provider's cache.
        cache_write_tokens: the part of the prompt that was written to it.
        reasoning_tokens: the part of the output that was reasoning.
        doubtful: names of the counts above that the provider gave, but not as whole numbers of tokens, or left out
            beside others that it gave: they are 0 here.
        raw: the provider's own object, unchanged.
        cost_nano: what the provider says that the call costs us, in nano-USD; None where it does not say. It goes
            before what its list price comes to.
        units: what it used beside tokens; None where that is nothing.
    """

    prompt_tokens: int
    completion_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    doubtful: tuple[str, ...] = ()
    raw: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)
    cost_nano: int | None = field(default=None, compare=False)
    units: Units | None = None
