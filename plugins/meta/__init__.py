"""Meta's Model API (Muse); with a base URL of its own, Llama models from any host that speaks OpenAI's wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from router import CallContext, ModelCard, ProviderSettings, RequestRules, Secret, hookimpl
from router.upstream import CompatibleChatProvider, Failure, load_cards

__all__ = ["plugin"]

_BASE_URL = "https://api.meta.ai/v1"
_KEY = "env:MODEL_API_KEY|META_API_KEY"
_KINDS: Mapping[str, str] = {
    "backend_unavailable": "overloaded",
    "invalid_api_key": "auth",
    "rate_limit_exceeded": "rate_limit",
    "server_shutting_down": "overloaded",
    "service_overloaded": "overloaded",
}


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """``[providers.meta]``. With a ``base_url`` the models are that host's, and so is the key: Meta's own, from the
    environment, is not sent there.
    """

    api_key: Secret = field(default=Secret("", _KEY))

    def __post_init__(self) -> None:
        if self.own_host and self.api_key.source == _KEY:
            object.__setattr__(self, "api_key", Secret())

    @property
    def own_host(self) -> bool:
        """Whether another host than Meta's serves."""
        urls = (self.base_url, *(endpoint.base_url for endpoint in self.endpoints))
        return any(url.rstrip("/") not in ("", _BASE_URL) for url in urls)


class Meta(CompatibleChatProvider):
    """The provider ``meta``."""

    default_base_url: ClassVar[str] = _BASE_URL
    cards: ClassVar = load_cards(Path(__file__).with_name("models.toml"), owned_by="meta")
    rules: ClassVar = RequestRules(caps=("max_completion_tokens",), own_members=frozenset({"reasoning_content"}))
    renames: ClassVar[Mapping[str, str]] = {"max_tokens": "max_completion_tokens"}

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def models(self, context: CallContext) -> Iterable[ModelCard]:
        return () if context.settings.own_host else self.cards

    def kind(self, failure: Failure) -> str:
        """By ``code`` where there is one of Meta's: an error inside a stream may have nothing else."""
        return _KINDS.get(failure.code) or super().kind(failure)


plugin = Meta()
