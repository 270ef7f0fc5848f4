"""The provider ``acme``. It speaks OpenAI's API; what differs there is edited here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from router import ProviderSettings, Secret, hookimpl
from router.upstream import CompatibleChatProvider, Failure, load_cards

__all__ = ["plugin"]

_KINDS: Mapping[str, str] = {"out_of_credit": "billing", "busy": "overloaded"}  # its codes that the status misjudges


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """``[providers.acme]``: a base URL, timeouts and all else that every provider has, and the key's place."""

    api_key: Secret = field(default=Secret("", "env:ACME_API_KEY"))


class Acme(CompatibleChatProvider):
    """``CompatibleProvider`` in place of the base class offers embeddings too."""

    default_base_url: ClassVar[str] = "https://api.acme.example/v1"
    cards: ClassVar = load_cards(Path(__file__).with_name("models.toml"), owned_by="acme")

    @hookimpl
    def settings(self) -> type:
        return Settings

    def kind(self, failure: Failure) -> str:
        """What a failure means (``router.errors.KINDS``), and with it whether another provider is tried."""
        return _KINDS.get(failure.code) or super().kind(failure)


plugin = Acme()
