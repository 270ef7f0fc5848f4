"""Any upstream that speaks OpenAI's wire, by configuration alone: a base URL and, where it wants one, a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from router import ProviderSettings, RequestRules, hookimpl
from router.upstream import (
    CompatibleProvider,
    CompletionsProvider,
    MediaProvider,
    ModerationsProvider,
    RerankProvider,
    ResponsesProvider,
)

__all__ = ["plugin"]

_SURFACES = frozenset({"responses"})


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """A section of ``kind = "compatible"``. Without an ``api_key`` no ``Authorization`` header is sent.

    Attributes:
        surfaces: which surfaces the upstream speaks besides chat and embeddings; ``["responses"]`` passes calls of
            ``/v1/responses`` on as they are. All others reach it as chat.
    """

    surfaces: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = sorted(set(self.surfaces) - _SURFACES)
        if unknown:
            raise ValueError(f"surfaces may hold {', '.join(sorted(_SURFACES))}, not {unknown[0]!r}")

    def lacks_hooks(self) -> frozenset[str]:
        return _SURFACES - set(self.surfaces)

    def missing(self) -> str | None:
        return super().missing() or (None if self.base_url else "set base_url in its section")


class Compatible(
    ResponsesProvider, MediaProvider, ModerationsProvider, RerankProvider, CompletionsProvider, CompatibleProvider
):
    """The base class, and no default to fall back on. Servers of this wire take a negative cap for none."""

    rules: ClassVar = RequestRules(endless=True)

    @hookimpl
    def settings(self) -> type:
        return Settings


plugin = Compatible()
