"""A third party's guard, whose behaviour each call asks for in words: it fails, hangs, dawdles, changes, refuses."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from router import Guard, GuardedCall, GuardRefused, PluginContext, TextFilter, hookimpl


@dataclass(frozen=True)
class Settings:
    """Attributes:
    replies: its mode.
    threaded: whether it runs in a thread.
    heard: a file for what it observes.
    """

    replies: str = "buffer"
    threaded: bool = False
    heard: str = ""


class Watchman:
    requires_hooks = "0.2"

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def guard(self, context: PluginContext) -> Guard | None:
        return Watch(context.settings)


class Watch(Guard):
    def __init__(self, settings: Settings) -> None:
        self.replies, self.threaded = settings.replies, settings.threaded
        self._heard = settings.heard

    def request(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str] | None:
        said = " ".join(texts)
        if "break it" in said:
            raise KeyError("watchman")
        if "hang" in said:
            time.sleep(3600)
        if "dawdle" in said:
            time.sleep(0.2)
        if "give nonsense" in said:
            return ["one too many", *texts]
        if "stop me" in said:
            raise GuardRefused("no-stopping", "Say something else.")
        return [text.replace("London", "Paris") for text in texts] if "London" in said else None

    def reply(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str] | None:
        said = " ".join(texts)
        if self._heard:
            with Path(self._heard).open("a", encoding="utf-8") as file:
                file.write(f"{call.account} {call.key_name} {call.surface}: {said}\n")
        if "rude" in said:
            raise GuardRefused("manners", "Ask again.")
        if "faulty" in said:
            raise KeyError("reply")
        return [text.replace("Berlin", "Rome") for text in texts]

    def filter(self, call: GuardedCall) -> TextFilter | None:
        return Louder()


class Louder:
    """Keeps the last letter back, and writes all in capitals; a full stop after 'rude' is too much for it."""

    def __init__(self) -> None:
        self._kept = ""

    def feed(self, text: str) -> str:
        text = self._kept + text
        if "rude" in text:
            raise GuardRefused("manners", "Ask again.")
        self._kept = text[-3:]
        return text[:-3].upper()

    def flush(self) -> str:
        kept, self._kept = self._kept, ""
        return kept.upper()


plugin = Watchman()
