"""Which tier follows which, and what an account needs for it: ``after``, ``days``, ``paid`` of ``[limits.tiers]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from router.config.file import Settings
from router.config.schema import TierSettings
from router.errors import ConfigError
from router.money.amounts import parse_nano
from router.plugin_host.validate import nearest
from router.types.keys import AMOUNT_MAX

__all__ = ["TierStep", "tier_ladder"]

_NO_TIER = "none"


@dataclass(frozen=True, slots=True)
class TierStep:
    """A step from a tier into the one that follows it.

    Attributes:
        tier: the one that follows.
        days: how old an account is at least, in whole days.
        paid_nano: what it has paid in at least, in nano-units.
    """

    tier: str
    days: int
    paid_nano: int


def tier_ladder(settings: Settings) -> dict[str, TierStep]:
    """The tier that an account is in, empty for none -> the step out of it; tiers that nothing follows are not in it.

    Raises:
        ConfigError: a tier that follows none that there is, a second one that follows the same, tiers that follow each
            other in a circle, or conditions that are none; names the place.
    """
    tiers = settings.limits.tiers
    ladder: dict[str, TierStep] = {}
    for name, tier in tiers.items():
        step = _step(settings, name, tier)
        if step is None:
            continue
        before = "" if tier.after == _NO_TIER else tier.after
        where = settings.where(f"limits.tiers.{name}.after")
        if before and before not in tiers:
            raise ConfigError(
                f"{where}: there is no tier {before!r}{nearest(before, tiers)}: write [limits.tiers.{before}], "
                f'empty if need be, or after = "{_NO_TIER}" for accounts in no tier'
            )
        if before in ladder:
            raise ConfigError(f"{where}: {ladder[before].tier!r} follows {tier.after!r} already; one tier alone can")
        ladder[before] = step
    _check_no_circle(settings, ladder)
    return ladder


def _step(settings: Settings, name: str, tier: TierSettings) -> TierStep | None:
    """How accounts come into a tier by themselves; None where they do not."""
    place = f"limits.tiers.{name}"
    try:
        paid_nano = parse_nano(tier.paid)
    except ValueError as error:
        raise ConfigError(f"{settings.where(f'{place}.paid')}: {error}") from None
    if paid_nano > AMOUNT_MAX:
        raise ConfigError(f"{settings.where(f'{place}.paid')}: {tier.paid} is more than an account can have")
    if bool(tier.after) != bool(tier.days or paid_nano):
        raise ConfigError(
            f"{settings.where(f'{place}.after')}: after goes with days, paid or both: the tier that accounts come "
            "from, and what they need for this one"
        )
    return TierStep(name, tier.days, paid_nano) if tier.after else None


def _check_no_circle(settings: Settings, ladder: Mapping[str, TierStep]) -> None:
    for first in ladder:
        path = [first]
        while path[-1] in ladder:
            path.append(ladder[path[-1]].tier)
            if path[-1] == first:
                where = settings.where(f"limits.tiers.{first}.after")
                raise ConfigError(f"{where}: the tiers follow each other in a circle: {' -> '.join(path)}")
            if len(path) > len(ladder) + 1:  # a circle that begins further on is found from there
                break
