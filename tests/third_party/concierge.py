"""A third party's plugin for hooks 0.3: who is let in, in which order targets are tried, what is kept of answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import gevent

from router import (
    CachedAnswer,
    CallRequest,
    Credentials,
    PluginContext,
    Secret,
    TargetOption,
    TargetReason,
    Unauthorized,
    hookimpl,
)


@dataclass(frozen=True)
class Settings:
    """Attributes:
    word: by which guests are known; ``guest``: the key as which they are served.
    """

    word: Secret = field(default=Secret(""))
    guest: str = ""


class Concierge:
    requires_hooks = "0.3"

    def __init__(self) -> None:
        self._kept: dict[str, CachedAnswer] = {}

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def authenticate(self, context: PluginContext, request: Credentials) -> str | None:
        shown = (request.authorization or "").partition(" ")[2]
        if shown == "banned":
            raise Unauthorized("Guests are not let in again.", code="banned")
        return context.settings.guest if shown and shown == context.settings.word.reveal() else None

    @hookimpl
    def route_targets(self, targets: Sequence[TargetOption], call: CallRequest) -> Sequence[str]:
        if "strategy breaks" in json.dumps(call.body):
            raise ValueError("strategy")
        return [one.id for one in sorted(targets, key=lambda one: one.charge_nano or 0, reverse=True)]

    @hookimpl
    def explain_targets(self, targets: Sequence[TargetOption]) -> Sequence[TargetReason]:
        ordered = sorted(targets, key=lambda one: one.charge_nano or 0, reverse=True)
        return [TargetReason(one.id, f"the best is never cheap: {one.charge_nano} nano-units") for one in ordered]

    @hookimpl
    def answer_get(self, call: CallRequest) -> CachedAnswer | None:
        text = json.dumps(call.body)
        if "cache breaks" in text:
            raise ValueError("cache")
        if "cache dawdles" in text:
            with gevent.Timeout(0.001):
                gevent.sleep(60)
        if "cache lies" in text:
            return b"no answer"  # type: ignore[return-value]
        return self._kept.get(_question(call))

    @hookimpl
    def answer_put(self, call: CallRequest, answer: CachedAnswer) -> None:
        packed = CachedAnswer.unpacked(answer.packed())
        if packed is not None and "remember" in json.dumps(call.body):
            self._kept[_question(call)] = packed


def _question(call: CallRequest) -> str:
    asked = [{name: value for name, value in one.items() if name != "stream"} for one in (call.body, call.source)]
    return json.dumps([call.account, call.surface, call.model, call.variant, asked], sort_keys=True)


plugin = Concierge()
