"""What a call used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.structs import record

__all__ = ["Usage"]


@record
@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one call, in one meaning for all providers.

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
    """

    prompt_tokens: int
    completion_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    doubtful: tuple[str, ...] = ()
    raw: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)
    cost_nano: int | None = field(default=None, compare=False)
