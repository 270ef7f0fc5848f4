"""An answer that a cache had, in the form that one call wants, and what is charged for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from router.charging.charge import ChargeResult
from router.charging.terms import CallPricing
from router.money.amounts import NANO, format_nano
from router.surfaces.canonical.chat_forms import answer_of, chunks_of
from router.types.line_hooks import CachedAnswer
from router.types.records import Item, Usage
from router.upstream.wire import dump_json

__all__ = ["Recalled", "items_of"]


class Recalled:
    """What one call is answered with.

    Args:
        items: as a provider would have given them.
        share_nano: of what the answer would be charged if it were made anew, in billionths.

    Attributes:
        cache: the plugin that had it; ``target``: the ID of the target that gave it.
        usage: what is charged, before the share.
    """

    __slots__ = ("_share_nano", "cache", "items", "target", "usage")

    def __init__(self, cache: str, answer: CachedAnswer, items: Sequence[Item], share_nano: int) -> None:
        self.cache, self.target, self.items = cache, answer.target, items
        self.usage = answer.usage
        self._share_nano = share_nano

    def fits(self, terms: CallPricing) -> bool:
        """Whether a call on these terms may be answered so: it may go to the target, and has a price there."""
        return self.target in terms.sales and any(one.id == self.target and not one.lacks for one in terms.targets)

    def terms(self, terms: CallPricing) -> CallPricing:
        """The terms on which the call is admitted: no more is held than can be charged."""
        return replace(terms, quote=replace(terms.quote, charge_nano=self._share(terms.quote.charge_nano)))

    def charged(self, result: ChargeResult) -> ChargeResult:
        """What the call comes to, of what it would have come to: nobody charges us for it."""
        prices = (
            {**result.prices, "cache_share": format_nano(self._share_nano)} if result.charge_nano else result.prices
        )
        return replace(result, charge_nano=self._share(result.charge_nano), cost_nano=0, prices=prices)

    def _share(self, amount_nano: int) -> int:
        return -(-amount_nano * self._share_nano // NANO)


def items_of(answer: CachedAnswer, *, stream: bool) -> list[Item] | None:
    """The items of an answer; None where it cannot be given in the form that is wanted, or is no answer at all."""
    try:
        if not answer.stream:
            whole = json.loads(answer.body)
            if whole.get("error") or not isinstance(whole.get("choices", whole.get("data")), list):
                return None
            return _streamed(answer.usage, chunks_of(whole)) if stream else [Item(answer.body)]
        chunks = [json.loads(line) for line in answer.body.split(b"\n")]
        if not all(isinstance(chunk["choices"], list) and not chunk.get("error") for chunk in chunks):
            return None
        if stream:
            items = [Item(line) for line in answer.body.split(b"\n")]
            told = any(isinstance(chunk.get("usage"), dict) for chunk in chunks)
            return items if told else [*items, Item.of(_usage_chunk(chunks[-1], answer.usage))]
        made = answer_of(chunks)
        return None if made is None else [Item(dump_json({**made, "usage": _shown(answer.usage)}))]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _streamed(usage: Usage, chunks: list[dict[str, Any]] | None) -> list[Item] | None:
    if chunks is None:
        return None
    return [Item.of(chunk) for chunk in (*chunks, _usage_chunk(chunks[-1], usage))]


def _usage_chunk(last: dict[str, Any], usage: Usage) -> dict[str, Any]:
    return {**last, "choices": [], "usage": _shown(usage)}


def _shown(usage: Usage) -> dict[str, Any]:
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
