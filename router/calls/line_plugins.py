"""Plugins on a call's way: who may call, what is asked, where it goes, what is known already."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from router.calls.call import ActiveCall
from router.calls.observers import Observer
from router.calls.request import Incoming
from router.charging.strategies import Strategies
from router.charging.targets import TargetPlan
from router.errors import Forbidden, RouterError, faults
from router.guarding.guards import Guards
from router.plugin_host.registry import Registry
from router.surfaces.surface import Surface
from router.surfaces.translated import TranslatedSurface
from router.types.keys import Key
from router.types.line_hooks import CallRequest, Credentials
from router.types.plugin_context import PluginContext

__all__ = ["LinePlugins", "request_of"]

_log = logging.getLogger("router.calls")
_KEPT_BYTES_MAX = 2**20
_KEEPING_MAX = 256


class LinePlugins:
    """The plugins of one worker that stand on calls' ways; guards in an order of theirs.

    Args:
        context_of: gives a plugin's context.
        guarding: the guards of texts, whose order is that of ``request_guard`` as well.
        strategies: who orders targets.
        asked: role -> the plugins that are asked, in order.

    Attributes:
        authenticates, guards, orders, caches: whether there is any that does so.
    """

    def __init__(
        self,
        registry: Registry,
        context_of: Callable[[str], PluginContext],
        guarding: Guards,
        strategies: Strategies,
        asked: Mapping[str, Sequence[str]],
    ) -> None:
        self._strategies = strategies
        self._registry = registry
        self._context_of = context_of
        self.guarding = guarding
        self._named = {
            "authenticate": list(asked["authentication"]),
            **{
                hook: [one for one in asked["cache"] if registry.hook(one, hook)] for hook in ("cache_get", "cache_put")
            },
        }
        having = {plugin.name for plugin in registry.having("request_guard")}
        self._named["request_guard"] = [name for name in guarding.order if name in having]
        self.authenticates = bool(self._named["authenticate"])
        self.guards = bool(self._named["request_guard"])
        self.orders = strategies.any
        self.caches = bool(self._named["cache_get"] or self._named["cache_put"])
        self._keepers = {name: Observer(registry, name, _KEEPING_MAX) for name in self._named["cache_put"]}

    def authenticated(self, authorization: str | None, x_api_key: str | None) -> str | None:
        """The ID of the key as which somebody is to be served who has shown none of ours.

        Raises:
            RouterError: a plugin's own refusal; also for one that fails.
        """
        request = Credentials(authorization, x_api_key)
        for name in self._named["authenticate"]:
            key_id = self._asked(name, "authenticate", "authentication_failed", request=request)
            if key_id is not None:
                return key_id if isinstance(key_id, str) else None
        return None

    def guarded(self, surface: str, key: Key, body: Mapping[str, Any], incoming: Incoming) -> dict[str, Any]:
        """The body as it is to be served.

        Raises:
            RouterError: a guard's refusal; also for one that fails.
        """
        kept = dict(body)
        for name in self._named["request_guard"]:
            call = _request(incoming.request_id, surface, key, kept, incoming.peer.address)
            given = self._asked(name, "request_guard", "guard_failed", call=call)
            if given is None:
                continue
            if not isinstance(given, Mapping):
                _log.error("plugin %s: its hook request_guard gave %s, and no body", name, type(given).__name__)
                raise RouterError(f"The plugin {name!r} failed.", code="guard_failed")
            kept = dict(given)
        return kept

    def ordered(self, active: ActiveCall) -> Sequence[TargetPlan]:
        """The call's targets in the order in which they are to be tried. Never raises."""
        return self._strategies.ordered(active.terms, active.found, request_of(active))

    def known(self, active: ActiveCall, plan_of: Callable[[Key, Surface, str], object]) -> tuple[str, bytes] | None:
        """Whose answer to the call is there already, and the answer.

        Args:
            plan_of: of a key, a kind and a model; raises where the key cannot call the model.

        Raises:
            RouterError: the call cannot be served at all.
        """
        try:
            plan_of(active.key, active.surface, active.model)
        except Forbidden:  # it may be allowed by now: whoever serves it looks again
            return None
        call = request_of(active)
        for name in self._named["cache_get"]:
            try:
                answer = self._given(name, "cache_get", call=call)
            except faults():
                _log.exception("plugin %s failed in hook cache_get", name)
                continue
            if isinstance(answer, bytes):
                return name, answer
            if answer is not None:
                _log.error("plugin %s: its hook cache_get gave %s, and no bytes", name, type(answer).__name__)
        return None

    def keep(self, active: ActiveCall, status: int, answer: bytes | None) -> None:
        """Hand a good answer to those who keep some; returns at once."""
        if status == 200 and answer is not None and len(answer) <= _KEPT_BYTES_MAX:
            call = request_of(active)
            for name, keeper in self._keepers.items():
                keeper.tell("cache_put", context=self._context_of(name), call=call, answer=answer)

    def _given(self, plugin: str, hook: str, **arguments: Any) -> Any:
        """What a hook gives; it may be left out by now."""
        function = self._registry.hook(plugin, hook)
        return None if function is None else function(context=self._context_of(plugin), **arguments)

    def _asked(self, plugin: str, hook: str, code: str, **arguments: Any) -> Any:
        """What an answer depends on: who fails here refuses the call."""
        try:
            return self._given(plugin, hook, **arguments)
        except RouterError:
            raise
        except faults():
            _log.exception("plugin %s failed in hook %s", plugin, hook)
            raise RouterError(f"The plugin {plugin!r} failed.", code=code) from None


def request_of(active: ActiveCall) -> CallRequest:
    """What these plugins see of a call."""
    seen = _request(active.request_id, active.surface.name, active.key, active.body, active.peer.address)
    surface = active.surface
    if active.translated is None or not isinstance(surface, TranslatedSurface):
        return replace(seen, source=active.body)
    headers = surface.native_call(active, {}).headers if surface.hook else {}
    return replace(seen, source=active.source, variant=json.dumps(dict(headers), sort_keys=True) if headers else "")


def _request(request_id: str, surface: str, key: Key, body: Mapping[str, Any], client: str) -> CallRequest:
    model = body.get("model")
    named = model if isinstance(model, str) else ""
    return CallRequest(request_id, surface, key.account, key.id, named, body, body.get("stream") is True, client)
