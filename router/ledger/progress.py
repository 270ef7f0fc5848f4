"""The progress of a call under way, as the table ``holds`` has it: how it would have been settled when it was noted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from router.ledger.operations import Statement
from router.money.usage import Units, Usage
from router.types.records import CallRecord

__all__ = ["Told", "progress_of"]

_UPDATE = "UPDATE holds SET progress = ? WHERE id = ?"


class Told(NamedTuple):
    """A note that was read.

    Attributes:
        charge_nano: what the call would have been charged.
        amounts: the final amounts of its claims, in the order of ``Hold.taken``.
        counts: tokens: prompt, completion, cached, written to the cache, reasoning.
        served: the provider's name, and its model.
        units: counts beside tokens, by name.
    """

    charge_nano: int
    amounts: list[int]
    counts: list[int]
    served: list[str]
    units: Mapping[str, int] = {}

    @classmethod
    def of(cls, noted: str) -> Told | None:
        """From the column; None where nothing was noted."""
        return cls(*json.loads(noted)) if noted else None

    def over(self, record: CallRecord) -> CallRecord:
        """A record with what was noted of the call."""
        prompt, completion, cached, written, reasoning = self.counts
        provider, model = self.served
        return replace(
            record,
            provider=provider,
            upstream_model=model,
            prompt_tokens=prompt,
            completion_tokens=completion,
            cached_tokens=cached,
            cache_write_tokens=written,
            reasoning_tokens=reasoning,
            estimated=True,
            units=Units(**self.units) if self.units else None,
        )


def progress_of(id: str, usage: Usage, charge_nano: int, amounts: Sequence[int], served: tuple[str, str]) -> Statement:
    """What notes a call's progress, as long as it is held.

    Args:
        id: the request's.
        served: the provider's name, and its model.
    """
    told = (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
    counts = (*told, usage.cache_write_tokens, usage.reasoning_tokens)
    beside = [usage.units.counts()] if usage.units is not None else []
    return _UPDATE, (json.dumps([charge_nano, list(amounts), counts, served, *beside]), id)
