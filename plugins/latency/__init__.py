"""The strategy ``latency``: the target that gives its first output soonest comes first.

What is measured is what observers are told of finished calls, so no call waits for it. Workers tell each other what
they measured by a table, at most once in ``share_s`` each and off every call's way.
"""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from router_plugins.latency.measures import Measure, Measures, Place

from router import (
    CallRecord,
    CallRequest,
    Job,
    Migration,
    PluginConnection,
    PluginContext,
    TargetOption,
    TargetReason,
    hookimpl,
)

__all__ = ["Latency", "Settings", "plugin"]

_TABLE = """CREATE TABLE latency_measures (
    worker TEXT NOT NULL, target TEXT NOT NULL, streamed BIGINT NOT NULL,
    ms BIGINT NOT NULL, samples BIGINT NOT NULL, at BIGINT NOT NULL,
    PRIMARY KEY (worker, target, streamed)
)"""
_TELL = (
    "INSERT INTO latency_measures (worker, target, streamed, ms, samples, at) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (worker, target, streamed) "
    "DO UPDATE SET ms = excluded.ms, samples = excluded.samples, at = excluded.at"
)
_HEAR = "SELECT target, streamed, ms, samples, at FROM latency_measures WHERE worker <> ? AND at >= ?"
_FORGET = "DELETE FROM latency_measures WHERE at < ?"
_OURS = frozenset({"bad_request", "not_found", "context_length", "content", "auth", "billing"})
"""Kinds of failure that say nothing of how fast a provider is."""


@dataclass(frozen=True)
class Settings:
    """``[plugins.latency]``.

    Attributes:
        share: of a new sample in the moving average, from 0 to 1.
        explore: of how many calls another target than the fastest is tried first, from 0 to 1, so that one which has
            become fast is found, and one that nobody has measured is measured.
        within_percent: targets that are slower than the fastest by no more than so keep the order that they had.
        failure_ms: what a failed attempt counts as, where that took less.
        keep_s: how long a measure holds without a new sample.
        share_s: how often a worker tells the others what it measured, and hears what they did.
    """

    share: float = field(default=0.2, metadata={"min": 0.001, "max": 1})
    explore: float = field(default=0.05, metadata={"min": 0, "max": 1})
    within_percent: int = field(default=10, metadata={"min": 0, "max": 1000})
    failure_ms: int = field(default=10_000, metadata={"min": 0, "max": 3_600_000})
    keep_s: float = field(default=600.0, metadata={"min": 1, "max": 86_400})
    share_s: float = field(default=10.0, metadata={"min": 1, "max": 3600})


class Latency:
    """The plugin.

    Args:
        clock: Unix seconds.
        chance: draws who explores.
        worker: a name that no other worker has.
    """

    requires_hooks = "0.3"

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        chance: random.Random | None = None,
        worker: str = "",
    ) -> None:
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 - no secret hangs on it
        self._worker = worker or f"{socket.gethostname()}:{os.getpid()}:{time.monotonic_ns()}"
        self._context: PluginContext | None = None
        self._measures: Measures | None = None
        self._shared_at = 0.0

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def storage_migrations(self) -> Sequence[Migration]:
        return [Migration(1, "measures", _TABLE)]

    @hookimpl
    def startup(self, context: PluginContext) -> None:
        self._context = context
        self._known(context)
        self._share(context)

    @hookimpl
    def jobs(self, context: PluginContext) -> Sequence[Job]:
        def forget() -> None:
            before = int(self._clock() - context.settings.keep_s)
            context.database.write(lambda connection: connection.execute(_FORGET, (before,)))

        return [Job("forget", 3600, forget)]

    @hookimpl
    def call_finished(self, record: CallRecord) -> None:
        context = self._context
        if context is None or not record.attempts:
            return
        measures, now = self._known(context), self._clock()
        before_ms = 0
        for attempt in record.attempts:
            place = Place(f"{attempt.provider}/{attempt.model}", record.streamed)
            if attempt.kind == "ok":
                first = attempt.latency_ms if record.first_token_ms is None else record.first_token_ms - before_ms
                measures.add(place, max(first, 0), now)
            elif attempt.kind not in _OURS:
                measures.add(place, max(attempt.latency_ms, context.settings.failure_ms), now)
            before_ms += attempt.latency_ms
        if now - self._shared_at >= context.settings.share_s:
            self._share(context)

    @hookimpl
    def route_targets(
        self, context: PluginContext, targets: Sequence[TargetOption], call: CallRequest
    ) -> Sequence[str]:
        ordered = self._ordered(context, targets, call)
        if self._chance.random() < context.settings.explore:
            others = [one for one in ordered[1:] if one.ready]
            if others:
                chosen = self._chance.choice(others)
                ordered = [chosen, *(one for one in ordered if one is not chosen)]
        return [one.id for one in ordered]

    @hookimpl
    def explain_targets(
        self, context: PluginContext, targets: Sequence[TargetOption], call: CallRequest
    ) -> Sequence[TargetReason]:
        if self._context is None:  # a process that serves no calls knows what those that do have told
            self._hear(context)
        reasons = []
        for one in self._ordered(context, targets, call):
            measure = self._measure(context, one, call)
            told = "not measured yet" if measure is None else f"{measure.ms:.0f} ms to the first output"
            reasons.append(TargetReason(one.id, told))
        return reasons

    def _ordered(
        self, context: PluginContext, targets: Sequence[TargetOption], call: CallRequest
    ) -> list[TargetOption]:
        """Those that are known, the fastest first; then the others as they were."""
        found = {one.id: self._measure(context, one, call) for one in targets}
        fastest = min((one.ms for one in found.values() if one is not None), default=0.0)
        enough = fastest * (1 + context.settings.within_percent / 100)

        def rank(target: TargetOption) -> tuple[int, float]:
            measure = found[target.id]
            if measure is None:
                return 2, 0.0
            return (0, 0.0) if measure.ms <= enough else (1, measure.ms)

        return sorted(targets, key=rank)

    def _measure(self, context: PluginContext, target: TargetOption, call: CallRequest) -> Measure | None:
        measures, now = self._known(context), self._clock()
        name = f"{target.provider}/{target.model}"
        return measures.of(Place(name, call.stream), now) or measures.of(Place(name, not call.stream), now)

    def _known(self, context: PluginContext) -> Measures:
        if self._measures is None:
            self._measures = Measures(context.settings.share, context.settings.keep_s)
        return self._measures

    def _share(self, context: PluginContext) -> None:
        """Tell the others what is measured here, and hear what they measured."""
        self._shared_at = self._clock()
        own = self._known(context).own()
        rows = [
            (self._worker, place.target, int(place.streamed), round(one.ms), one.samples, int(one.at))
            for place, one in own.items()
        ]

        def tell(connection: PluginConnection) -> None:
            for row in rows:
                connection.execute(_TELL, row)

        if rows:
            context.database.write(tell)
        self._hear(context)

    def _hear(self, context: PluginContext) -> None:
        since = int(self._clock() - context.settings.keep_s)
        rows: list[dict[str, Any]] = context.database.read(lambda one: one.rows(_HEAR, (self._worker, since)))
        told = ((Place(row["target"], bool(row["streamed"])), _measure_of(row)) for row in rows)
        self._known(context).hear(told)


def _measure_of(row: dict[str, Any]) -> Measure:
    return Measure(float(row["ms"]), row["samples"], float(row["at"]))


plugin = Latency()
