"""The caches of one worker: which calls they are asked about, and which answers they are offered."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from router.calls.call import ActiveCall
from router.calls.line_plugins import request_of
from router.calls.observers import Observer
from router.calls.recall.recalled import Recalled, items_of
from router.calls.request import Incoming
from router.charging.plan import Plan
from router.errors import RouterError, faults
from router.plugin_host.registry import Registry
from router.surfaces.chat.relay import Relay
from router.surfaces.chat.surface import CHAT
from router.surfaces.embeddings import EMBEDDINGS
from router.surfaces.surface import Surface
from router.surfaces.translated import TranslatedSurface
from router.types.keys import Key
from router.types.line_hooks import CachedAnswer
from router.types.plugin_context import PluginContext
from router.types.records import CallRecord, Usage
from router.upstream.wire import choices_of, object_at

__all__ = ["AnswerCaches", "PlanOf"]

PlanOf = Callable[[Key, Surface, str], Plan]
_log = logging.getLogger("router.calls")
_WAITING_MAX = 256
_AGE = re.compile(r"max-age\s*=\s*\"?(\d{1,9})\"?", re.ASCII)
_UNPAID = frozenset({"requests"})
"""The unit that the gateway counts by itself."""


class AnswerCaches:
    """The plugins that keep answers, each asked in the configured order; the first that has one gives it.

    Args:
        context_of: gives a plugin's context.
        names: of the plugins.
        share_nano: of what an answer would be charged if it were made anew, in billionths.
        clock: Unix seconds.
        told: is called with the name of each cache whose answer was given.
    """

    def __init__(
        self,
        registry: Registry,
        context_of: Callable[[str], PluginContext],
        names: Sequence[str],
        share_nano: int,
        clock: Callable[[], float] = time.time,
        told: Callable[[str], None] | None = None,
    ) -> None:
        self._registry = registry
        self._context_of = context_of
        self._names = tuple(names)
        self._share_nano = share_nano
        self._clock = clock
        self._told = told
        self._keepers = {name: Observer(registry, name, _WAITING_MAX) for name in names}

    def look(self, active: ActiveCall, incoming: Incoming, plan_of: PlanOf) -> None:
        """Find the call an answer, or see to it that the one which it is given can be kept.

        A call that cannot be served at all is left to whoever refuses it.
        """
        if not _can_be_kept(active):
            return
        asked = (incoming.header("cache-control") or "").lower()
        if "no-store" in asked:
            return
        if "no-cache" not in asked:
            age = _AGE.search(asked)
            try:
                plan = plan_of(active.key, active.surface, active.model)
            except RouterError:
                return
            active.recalled = self._found(active, plan, None if age is None else int(age[1]))
        if active.recalled is None and isinstance(active.relay, Relay):
            active.relay.record()

    def keep(self, active: ActiveCall, record: CallRecord) -> None:
        """Offer what a finished call was answered with, or tell which cache has answered it; returns at once. Never
        raises: the call is over, and booked.
        """
        try:
            self._offer(active, record)
        except faults():
            _log.exception("what call %s was answered with could not be offered to caches", record.request_id)

    def drain(self, timeout_s: float) -> None:
        """Wait until all has been offered, for ``timeout_s`` at most."""
        for keeper in self._keepers.values():
            keeper.drain(timeout_s)

    def _offer(self, active: ActiveCall, record: CallRecord) -> None:
        if active.recalled is not None:
            if self._told is not None:
                self._told(active.recalled.cache)
            return
        if record.ending != "ok" or record.estimated or active.target is None:
            return
        units = record.units
        if record.clamped or (units is not None and not _UNPAID.issuperset(units.counts())):
            return  # what was searched, drawn or spoken is done once for each call
        body = active.relay.recorded() if isinstance(active.relay, Relay) else None
        if body is None:
            return
        usage = Usage(
            record.prompt_tokens,
            record.completion_tokens,
            record.cached_tokens,
            record.cache_write_tokens,
            record.reasoning_tokens,
        )
        finish, calls_tools = _said(body, stream=active.stream)
        answer = CachedAnswer(body, active.stream, active.target.id, usage, self._clock(), finish, calls_tools)
        call = request_of(active)
        for name, keeper in self._keepers.items():
            keeper.tell("answer_put", context=self._context_of(name), call=call, answer=answer)

    def _found(self, active: ActiveCall, plan: Plan, age_s: int | None) -> Recalled | None:
        call = request_of(active)
        for name in self._names:
            try:
                hook = self._registry.hook(name, "answer_get")
                answer: Any = None if hook is None else hook(context=self._context_of(name), call=call)
            except faults():
                _log.exception("plugin %s failed in hook answer_get", name)
                continue
            if answer is None:
                continue
            if not isinstance(answer, CachedAnswer):
                told = "plugin %s: its hook answer_get gave %s, and no router.CachedAnswer"
                _log.error(told, name, type(answer).__name__)
                continue
            if age_s is not None and self._clock() - answer.made_at > age_s:
                continue
            items = items_of(answer, stream=active.stream)
            if items is not None and any(target.id == answer.target for target in plan.targets):
                return Recalled(name, answer, items, self._share_nano)
        return None


def _can_be_kept(active: ActiveCall) -> bool:
    """Chat and embeddings, and what is served through them; not what a guard has put masks into."""
    if active.guarding is not None and active.guarding.changed:
        return False
    surface = active.surface
    through = surface.through if isinstance(surface, TranslatedSurface) else surface
    return through is CHAT or through is EMBEDDINGS


def _said(body: bytes, *, stream: bool) -> tuple[str, bool]:
    """How the answer's one choice ended, and whether it calls tools."""
    finish: list[str] = []
    calls = False
    for text in body.split(b"\n") if stream else [body]:
        value: Mapping[str, Any] = json.loads(text)
        for choice in choices_of(value):
            said = object_at(choice, "delta") or object_at(choice, "message")
            calls = calls or bool(said.get("tool_calls") or said.get("function_call"))
            if choice.get("finish_reason"):
                finish.append(str(choice["finish_reason"]))
    return (finish[0] if len(finish) == 1 else ""), calls
