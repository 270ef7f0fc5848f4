"""The strategy ``weighted``: calls are shared among a model's targets by weights that the operator sets."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router import CallRequest, PluginContext, TargetOption, TargetReason, hookimpl

__all__ = ["Settings", "Weighted", "plugin"]

_LEAST = 1e-12


@dataclass(frozen=True)
class Settings:
    """``[plugins.weighted]``.

    Attributes:
        weights: target (``openai/gpt-4o``) or provider (``openai``) -> its share of the calls; what is not named has 1.
            One with 0 is tried after all others.
        sticky: whether calls of one account with the same ``prompt_cache_key``, or else the same ``user``, are given
            the same order, so that the provider's cache stays warm.
    """

    weights: Mapping[str, int] = field(default_factory=dict)
    sticky: bool = True

    def __post_init__(self) -> None:
        for name, weight in self.weights.items():
            if not 0 <= weight <= 1_000_000:
                raise ValueError(f"weights.{name} must be from 0 to 1000000, not {weight}")

    def of(self, target: TargetOption) -> int:
        """A target's weight: its own, else its provider's."""
        return self.weights.get(target.id, self.weights.get(target.provider, 1))


class Weighted:
    """Draws an order by lot for each call; each target is the first for its share of them.

    Args:
        chance: a random number in [0, 1).
    """

    requires_hooks = "0.3"

    def __init__(self, chance: random.Random | None = None) -> None:
        self._chance = chance or random.Random()  # noqa: S311 - no secret hangs on it

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def route_targets(
        self, context: PluginContext, targets: Sequence[TargetOption], call: CallRequest
    ) -> Sequence[str]:
        settings: Settings = context.settings
        sticky = _sticky(call) if settings.sticky else None
        scores = {one.id: self._score(settings.of(one), sticky, one.id) for one in targets}
        return sorted(scores, key=lambda target_id: scores[target_id], reverse=True)  # equal ones stay as they are

    @hookimpl
    def explain_targets(self, context: PluginContext, targets: Sequence[TargetOption]) -> Sequence[TargetReason]:
        weights = {one.id: context.settings.of(one) for one in targets}
        whole = sum(weights.values())
        ordered = sorted(weights, key=lambda target_id: weights[target_id], reverse=True)
        return [TargetReason(one, _share(weights[one], whole)) for one in ordered]

    def _score(self, weight: int, sticky: str | None, target_id: str) -> float:
        """Weighted rendezvous hashing: the highest is the first."""
        if not weight:
            return -math.inf
        share = self._chance.random() if sticky is None else _fraction(f"{sticky}\0{target_id}")
        return -weight / math.log(min(max(share, _LEAST), 1 - _LEAST))


def _share(weight: int, whole: int) -> str:
    if not weight:
        return "weight 0: after all others"
    return f"weight {weight} of {whole}: the first of {100 * weight / whole:.3g} % of the calls"


def _sticky(call: CallRequest) -> str | None:
    for name in ("prompt_cache_key", "user"):
        value = call.body.get(name)
        if isinstance(value, str) and value:
            return f"{call.account}\0{value}"
    return None


def _fraction(text: str) -> float:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


plugin = Weighted()
