"""OpenAI. Its wire is the gateway's own; what is edited is the name of the output cap, and how long to wait."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from router import CallContext, ProviderSettings, RequestRules, Secret, hookimpl
from router.upstream import (
    CompatibleProvider,
    CompletionsProvider,
    Failure,
    MediaProvider,
    ModerationsProvider,
    ResponsesProvider,
    load_cards,
)

__all__ = ["plugin"]

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?", re.ASCII)


@dataclass(frozen=True)
class Settings(ProviderSettings):
    """``[providers.openai]``.

    Attributes:
        organization, project: sent as ``OpenAI-Organization`` and ``OpenAI-Project``.
    """

    api_key: Secret = field(default=Secret("", "env:OPENAI_API_KEY"))
    organization: str = ""
    project: str = ""


class OpenAI(ResponsesProvider, MediaProvider, ModerationsProvider, CompletionsProvider, CompatibleProvider):
    """The provider ``openai``."""

    default_base_url: ClassVar[str] = "https://api.openai.com/v1"
    cards: ClassVar = load_cards(Path(__file__).with_name("models.toml"), owned_by="openai")
    rules: ClassVar = RequestRules(caps=("max_completion_tokens",), stops_max=4, own_members=frozenset())
    renames: ClassVar[Mapping[str, str]] = {
        "max_tokens": "max_completion_tokens"
    }  # reasoning models refuse the old name

    @hookimpl
    def settings(self) -> type:
        return Settings

    def headers(self, context: CallContext) -> dict[str, str]:
        headers = super().headers(context)
        if context.settings.organization:
            headers["OpenAI-Organization"] = context.settings.organization
        if context.settings.project:
            headers["OpenAI-Project"] = context.settings.project
        return headers

    def wait_s(self, failure: Failure, headers: Mapping[str, str]) -> float | None:
        """``Retry-After``; without one, the time until the exhausted limit is full again (``x-ratelimit-reset-*``)."""
        hint = super().wait_s(failure, headers)
        if hint is not None:
            return hint
        waits = [
            _seconds(headers.get(f"x-ratelimit-reset-{what}", ""))
            for what in ("requests", "tokens")
            if headers.get(f"x-ratelimit-remaining-{what}") == "0"
        ]
        return max((wait for wait in waits if wait is not None), default=None)


def _seconds(duration: str) -> float | None:
    """A duration as Go writes it (``6m0s``, ``12ms``, ``1h2m3.5s``) in seconds; None when it is none."""
    match = _DURATION.fullmatch(duration)
    if match is None or not duration:
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


plugin = OpenAI()
