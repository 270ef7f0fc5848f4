"""Which plugins stand on calls' ways, and in which order: ``[routing]``, ``[cache]``, ``[authentication]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from router.money.amounts import NANO, parse_nano

__all__ = ["AuthenticationSettings", "CacheSettings", "RoutingSettings"]


@dataclass(frozen=True)
class RoutingSettings:
    """In which order the targets of a call are tried: its model, and the fallbacks of that.

    Attributes:
        strategy: the plugins that order them, one or several: each is given the order of the one before, and what it
            finds equal stays in that. Unset asks those that were written for hooks before 0.3, by name; an empty list
            asks none.
        strategy_for: model ID or alias, as clients write it, or the ID that it leads to -> the same for its calls
            alone.
    """

    strategy: tuple[str, ...] | None = field(default=None, metadata={"or_one": True})
    strategy_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_once("strategy", self.strategy or ())
        for model, names in self.strategy_for.items():
            _check_once(f"strategy_for.{model}", names)

    @property
    def named(self) -> frozenset[str]:
        """Every plugin that is named anywhere here."""
        return frozenset((*(self.strategy or ()), *(name for names in self.strategy_for.values() for name in names)))


@dataclass(frozen=True)
class CacheSettings:
    """Who keeps answers for calls that ask the same, and what an answer costs that was kept.

    Attributes:
        plugins: those that keep answers, one or several, asked in this order. Unset asks those that were written for
            hooks before 0.3, by name; an empty list asks none.
        price_share: what a kept answer is charged, as a share of what it would be charged if it were made anew: decimal
            text from 0 to 1. Answers of plugins that were written for hooks before 0.3 are free.
    """

    plugins: tuple[str, ...] | None = field(default=None, metadata={"or_one": True})
    price_share: str = "0"

    def __post_init__(self) -> None:
        _check_once("plugins", self.plugins or ())
        try:
            share = parse_nano(self.price_share)
        except ValueError as error:
            raise ValueError(f"price_share: {error}") from None
        if not 0 <= share <= NANO:
            raise ValueError(f"price_share must be from 0 to 1, not {self.price_share!r}")

    @property
    def share_nano(self) -> int:
        """The share in billionths."""
        return parse_nano(self.price_share)


@dataclass(frozen=True)
class AuthenticationSettings:
    """Who says whose a request is that shows no key of the gateway's.

    Attributes:
        plugins: those that are asked, one or several, in this order; the first that knows the caller counts. Unset asks
            those that were written for hooks before 0.3, by name; an empty list asks none.
    """

    plugins: tuple[str, ...] | None = field(default=None, metadata={"or_one": True})

    def __post_init__(self) -> None:
        _check_once("plugins", self.plugins or ())


def _check_once(key: str, names: tuple[str, ...]) -> None:
    """Raises ``ValueError``: a plugin is named twice."""
    if len(set(names)) < len(names):
        raise ValueError(f"{key} names a plugin twice")
