"""The strategy ``price``: the cheapest target first, by the prices in force and for a call of this size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from router import PluginContext, TargetOption, TargetReason, hookimpl
from router.money import format_nano

__all__ = ["Price", "Settings", "plugin"]

_WHOLE = 100


@dataclass(frozen=True)
class Settings:
    """``[plugins.price]``.

    Attributes:
        by: whose money is compared: ``charge``, what the customer is charged, or ``cost``, what the provider charges
            you.
        within_percent: targets that are dearer than the cheapest by no more than so keep the order that they had.
    """

    by: str = field(default="charge", metadata={"one_of": ("charge", "cost")})
    within_percent: int = field(default=0, metadata={"min": 0, "max": 1000})


class Price:
    """Orders by amounts of the balance currency; what has none known comes last."""

    requires_hooks = "0.3"

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def route_targets(self, context: PluginContext, targets: Sequence[TargetOption]) -> Sequence[str]:
        return [one.id for one in _ordered(context.settings, targets)]

    @hookimpl
    def explain_targets(self, context: PluginContext, targets: Sequence[TargetOption]) -> Sequence[TargetReason]:
        what = "charged" if context.settings.by == "charge" else "our cost"
        reasons = []
        for one in _ordered(context.settings, targets):
            amount = _amount(context.settings, one)
            told = "unknown" if amount is None else f"{format_nano(amount)} {context.currency}"
            reasons.append(TargetReason(one.id, f"{what}: {told}"))
        return reasons


def _ordered(settings: Settings, targets: Sequence[TargetOption]) -> list[TargetOption]:
    known = [amount for one in targets if (amount := _amount(settings, one)) is not None]
    # Exact: whole numbers, and a share of the least in hundredths.
    enough = min(known, default=0) * (_WHOLE + settings.within_percent)

    def rank(target: TargetOption) -> tuple[int, int]:
        amount = _amount(settings, target)
        if amount is None:
            return 2, 0
        return (0, 0) if amount * _WHOLE <= enough else (1, amount)

    return sorted(targets, key=rank)


def _amount(settings: Settings, target: TargetOption) -> int | None:
    return target.charge_nano if settings.by == "charge" else target.cost_nano


plugin = Price()
