"""The parts that plugins are given, and that ask them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from router.app.config_rules import guard_order, line_roles
from router.app.metric_parts import MetricParts
from router.app.plugin_contexts import PluginContexts, plugin_jobs
from router.calls.line_plugins import LinePlugins
from router.calls.recall.caches import AnswerCaches
from router.charging.cache_places import CachePlace, cache_places
from router.charging.strategies import Strategies
from router.guarding.guard_places import GuardPlace, guard_places
from router.guarding.guards import Guards
from router.jobs.leased import LeasedJob
from router.surfaces.collected import OWN, surfaces_of
from router.surfaces.responses.state import ResponseKeeper
from router.surfaces.responses.surface import ResponsesSurface
from router.surfaces.surface import Surface, SurfaceContext

__all__ = ["PluginParts"]


class PluginParts(MetricParts):
    """What plugins do besides providing, billing and limiting."""

    @cached_property
    def contexts(self) -> PluginContexts:
        """What each plugin is given besides calls."""
        active = [name for name, provider in self.providers.items() if provider.active]
        return PluginContexts(self.settings, self.plugin_settings, lambda: self.database, active)

    @cached_property
    def surfaces(self) -> tuple[Surface, ...]:
        """The wires that clients speak."""
        given, settings = self.plugin_settings, self.settings.responses
        responses = ResponsesSurface(settings, ResponseKeeper(settings, self.database))
        context = lambda name: SurfaceContext(given.get(name), self.dialect)  # noqa: E731 - one line, used once
        return surfaces_of(self.registry, self.dialect, context, (*OWN, responses))

    @cached_property
    def line_plugins(self) -> LinePlugins:
        """Who stands on calls' ways."""
        order = guard_order(self.settings, self.registry)
        guards = Guards(self.registry, order, self.settings.guarded, self.contexts.of)
        return LinePlugins(self.registry, self.contexts.of, guards, self.strategies, self.line_roles)

    def guard_places(self) -> Iterator[GuardPlace]:
        """Who guards calls, for those who ask before there is a call."""
        order = guard_order(self.settings, self.registry)
        return guard_places(self.registry, order, self.settings.guarded, self.contexts.of)

    def cache_places(self) -> Iterator[CachePlace]:
        """Who may answer calls from what was kept, in the same way."""
        return cache_places(self.registry, self.line_roles["cache"], self.settings.cache)

    @cached_property
    def line_roles(self) -> dict[str, list[str]]:
        """Role -> the plugins that are asked, in order."""
        return {role.name: role.asked(self.registry) for role in line_roles(self.settings)}

    @cached_property
    def answer_caches(self) -> AnswerCaches | None:
        """Who keeps answers; None where nobody does."""
        names = [name for name in self.line_roles["cache"] if self.registry.hook(name, "answer_get") is not None]
        if not names:
            return None
        told = None if self.metrics is None else self.metrics.answered_by_cache
        return AnswerCaches(self.registry, self.contexts.of, names, self.settings.cache.share_nano, told=told)

    @cached_property
    def strategies(self) -> Strategies:
        """Who says in which order targets are tried."""
        return Strategies(self.registry, self.contexts.of, self.settings.routing)

    def leased_jobs(self) -> Iterator[LeasedJob]:
        yield from super().leased_jobs()
        yield from plugin_jobs(self.registry, self.contexts)
