"""What a reply says of itself besides its tokens, where that may have cost us money which nobody is charged for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router.money.amounts import NANO
from router.types.records import Usage
from router.upstream.wire import object_at

__all__ = ["REMARKS", "STANDARD_TIERS", "remarks_of", "told_cost_nano"]

REMARKS: Mapping[str, str] = {
    "bad_usage": "the provider's plugin gave counts that are none; estimates stand in their place",
    "hour_cache": "the reply tells of writes to a one-hour cache, which have no rate of their own",
    "over_bound": "the provider told of more tokens than the call could use by its bounds, and they were charged",
    "service_tier": "the provider served it at another service tier than the standard one, whose prices were used",
    "unpriced_audio": "the reply tells of audio, which was charged as text",
    "unpriced_cost": "the provider says that the call cost more than it was charged",
    "unpriced_search": "the reply tells of a search that has no price",
    "unpriced_tool": "the reply tells of a tool of the provider's that has no price",
    "unpriced_unit": "the provider told of units beside tokens (images, audio, searches) that have no price",
    "usage_fell": "later counts were lower than earlier ones; the higher were charged",
}
"""A mark on a usage row -> what it means, for operators."""

STANDARD_TIERS = frozenset({"", "auto", "default", "on_demand", "standard", "standard_only"})
_SEARCHES = ("num_sources_used", "num_search_queries", "web_search_requests", "search_queries")
_TOOLS = ("server_tool_use", "server_side_tool_usage_details", "server_side_tool_usage", "num_server_side_tools_used")
_DETAILS = ("prompt_tokens_details", "completion_tokens_details")
_USUAL = frozenset({"prompt_tokens", "completion_tokens", "total_tokens", *_DETAILS})
_COSTS = frozenset({"cost", "total_cost", "estimated_cost"})
_COST_MAX = 10**6  # USD for one call: nobody asks more
_SEARCH = re.compile("search", re.IGNORECASE)


def remarks_of(value: Mapping[str, Any]) -> Sequence[str]:
    """The marks that a decoded body or chunk gives rise to. Runs for each call, so that what is usual costs little."""
    usage = value.get("usage")
    tier = value.get("service_tier")
    if not usage and not tier and not value.get("citations") and not value.get("choices"):
        return ()
    found: list[str] = []
    if isinstance(usage, dict) and usage:
        tier = tier or usage.get("service_tier")
        if not _USUAL.issuperset(usage):
            found += _beside(usage)
        for place in _DETAILS:
            details = usage.get(place)
            if details and isinstance(details, dict) and details.get("audio_tokens"):
                found.append("unpriced_audio")
    if isinstance(tier, str) and tier not in STANDARD_TIERS:
        found.append("service_tier")
    if value.get("citations") or value.get("search_results"):
        found.append("unpriced_search")
    choices = value.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        said = (choice.get("message") or choice.get("delta")) if isinstance(choice, dict) else None
        if isinstance(said, dict) and said.get("annotations"):
            found.append("unpriced_search")
    return found


def told_cost_nano(usage: Usage) -> int | None:
    """What the upstream says that the call costs us, in nano-USD, in whichever place; None where it does not say."""
    if usage.cost_nano is not None or usage.raw is None or _COSTS.isdisjoint(usage.raw):
        return usage.cost_nano
    places = [usage.raw, object_at(usage.raw, "cost")]
    amounts: list[Any] = [place.get(name) for place in places for name in _COSTS]
    told: list[float] = [one for one in amounts if type(one) in (int, float) and 0 < one <= _COST_MAX]
    return round(max(told) * NANO) if told else None


def _beside(usage: Mapping[str, Any]) -> Iterator[str]:
    """What the less usual members of a usage tell."""
    if any(_is_some(usage.get(name)) for name in _SEARCHES):
        yield "unpriced_search"
    for name in _TOOLS:
        yield from _tools(usage.get(name))
    if _is_some(usage.get("prompt_audio_seconds")):
        yield "unpriced_audio"
    if _is_some(object_at(usage, "cache_creation").get("ephemeral_1h_input_tokens")):
        yield "hour_cache"


def _tools(used: Any) -> Iterator[str]:
    """A count, or an object of counts by their names."""
    for name, count in used.items() if isinstance(used, Mapping) else [("", used)]:
        if _is_some(count):
            yield "unpriced_search" if _SEARCH.search(str(name)) else "unpriced_tool"


def _is_some(count: Any) -> bool:
    return type(count) in (int, float) and count > 0
