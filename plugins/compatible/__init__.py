"""Any upstream that speaks OpenAI's wire, by configuration alone: a base URL and, where it wants one, a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from router import ProviderSettings, RequestRules, hookimpl
from router.upstream import CompatibleProvider

__all__ = ["plugin"]


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """A section of ``kind = "compatible"``. Without an ``api_key`` no ``Authorization`` header is sent."""

    def missing(self) -> str | None:
        return super().missing() or (None if self.base_url else "set base_url in its section")


class Compatible(CompatibleProvider):
    """The base class, and no default to fall back on. Servers of this wire take a negative cap for none."""

    rules: ClassVar = RequestRules(endless=True)

    @hookimpl
    def settings(self) -> type:
        return Settings


plugin = Compatible()
