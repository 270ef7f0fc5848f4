"""What every part of an assembly stands on: one configuration, checked and opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.charging.limit_rules import LimitRules
from router.charging.policies import Policy
from router.config.file import Settings
from router.db.database import Database
from router.jobs.leased import LeasedJob
from router.plugin_host.registry import Registry
from router.providers.configured import ConfiguredProvider
from router.types.dialect import Dialect

__all__ = ["AssemblyParts"]


@dataclass(frozen=True)
class AssemblyParts:
    """One configuration, opened.

    A part of the assembly is a class on this one: what it has is made on first use, so that a command stays quick; what
    it made, it closes; and it names its own leased jobs.
    """

    settings: Settings
    registry: Registry
    dialect: Dialect
    providers: Mapping[str, ConfiguredProvider]
    database: Database
    plugin_settings: Mapping[str, Any]
    policies: Sequence[Policy]
    limits: LimitRules

    def leased_jobs(self) -> Iterator[LeasedJob]:
        """What one of all workers does from time to time, for this part and those below it."""
        return iter(())

    def close(self) -> None:
        """Close what was opened; each part before those that it stands on."""
        for provider in self.providers.values():
            provider.transport.close()
        self.database.close()

    def made(self, name: str) -> bool:
        """Whether somebody has asked for a thing of this name."""
        return name in self.__dict__

    @property
    def bills(self) -> bool:
        """Whether calls are charged for."""
        return self.settings.gateway.bills
