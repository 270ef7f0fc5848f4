"""The guards of one worker, in the configured order, and those of one call from its request to its reply."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import gevent

from router.config.guards import GuardSettings
from router.errors import ConfigError, faults
from router.guarding.replies import Acting, GuardedFace, replaced
from router.guarding.running import GuardRunner
from router.plugin_host.registry import Registry
from router.surfaces.chat.relay import Relay
from router.surfaces.face import Face, StreamEnds
from router.surfaces.reader import Reader
from router.surfaces.surface import ServedCall, Surface
from router.surfaces.translated import Translated
from router.types.guards import GUARD_MODES, Guard, GuardedCall
from router.types.keys import Key
from router.types.plugin_context import PluginContext
from router.upstream.wire import dump_json

__all__ = ["CallGuards", "Guardable", "Guards"]


class Guardable(ServedCall, Protocol):
    """What guards need of a call under way."""

    face: Face
    relay: Reader
    ends: StreamEnds
    surface: Surface
    translated: Translated | None
    native: bool


class Guards:
    """The guards of one worker.

    Args:
        order: names of the plugins that guard, in the order in which they see requests.
        settings: ``[guards.NAME]`` by name.
        context_of: gives a plugin's context.

    Attributes:
        any: whether there is a guard at all.
        order: names, those too that have only ``request_guard``.
    """

    def __init__(
        self,
        registry: Registry,
        order: Sequence[str],
        settings: Mapping[str, GuardSettings],
        context_of: Callable[[str], PluginContext],
    ) -> None:
        self.order = list(order)
        self._runners = []
        self._plain: dict[str, Surface] = {}
        for name in order:
            own = settings.get(name, GuardSettings())
            guard = _made(registry, name, context_of, lenient=own.on_failure == "pass")
            if guard is not None:
                self._runners.append(GuardRunner(name, guard, own))
        self.any = bool(self._runners)

    def of(
        self, request_id: str, surface: Surface, key: Key, body: Mapping[str, Any], client: str
    ) -> CallGuards | None:
        """The guards of a call; None where nothing guards it."""
        model, stream = body.get("model"), body.get("stream") is True
        named = model if isinstance(model, str) else ""
        found = [
            (
                runner,
                GuardedCall(request_id, surface.name, key.account, key.id, named, stream, key.name, key.tier, client),
            )
            for runner in self._runners
            if runner.settings.covers(key.account, key.id)
        ]
        return CallGuards(found, self._without_lane) if found else None

    def _without_lane(self, surface: Surface) -> Surface:
        """The surface as one that every provider serves through chat."""
        found = self._plain.get(surface.name)
        if found is None or type(found) is not type(surface):
            found = self._plain[surface.name] = copy.copy(surface)
            found.hook = ""
        return found


class CallGuards:
    """The guards of one call, in the order in which they see its request.

    Args:
        guards: each with the call as it knows it.
        without_lane: gives a surface without a native lane.

    Attributes:
        face: what guards the reply; None where nothing does.
        changed: whether a guard has changed the request, so that its answer is for nobody else.
    """

    __slots__ = ("_guards", "_known", "_without_lane", "changed", "face")

    def __init__(
        self, guards: list[tuple[GuardRunner, GuardedCall]], without_lane: Callable[[Surface], Surface]
    ) -> None:
        self._guards = guards
        self._without_lane = without_lane
        self._known: list[dict[str, str]] = [{} for _ in guards]
        self.changed = False
        self.face: GuardedFace | None = None

    def request(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A body as it may be sent.

        Raises:
            GuardRefused: it may not.
        """
        value: Any = body
        for (runner, call), known in zip(self._guards, self._known, strict=True):
            if runner.reads_requests:
                value = replaced(runner, call, value, runner.guard.request, "request", known)
                runner.noted(call, "request")
        self.changed = self.changed or value is not body
        made: Mapping[str, Any] = value
        return made

    def surface(self, surface: Surface) -> Surface:
        """The surface by which the call is served: guards of replies see them as a chat's."""
        return self._without_lane(surface) if surface.translates and surface.hook and self._acting else surface

    @property
    def _acting(self) -> list[Acting]:
        """Those who guard the reply, in the order in which they see it: who saw the request last is first."""
        found = []
        for runner, call in reversed(self._guards):
            mode = runner.guard.mode(call) if runner.guard.replies else ""
            if mode:
                found.append((runner, call, mode))
        return found

    def attach(self, active: Guardable) -> None:
        """Let the guards stand before the call's face."""
        acting = self._acting
        if not acting:
            return
        self.face = GuardedFace(active.face, acting)
        if isinstance(active.relay, Relay):
            active.face = self.face
            active.relay = active.surface.reader(active)
            active.ends = active.face

    def answer(self, active: Guardable, body: bytes) -> bytes:
        """A plain answer as its client is sent it.

        Raises:
            GuardRefused: it is not to be seen.
        """
        if self.face is not None and active.surface.speaks:
            body = self.face.answer(body)
        if active.translated is None or active.native:
            return body
        return dump_json(active.translated.face.body(json.loads(body)))

    def over(self, *, stream: bool) -> None:
        """The call has ended: those who only observe see its reply now, and nobody waits for them."""
        if self.face is not None and self.face.seen:
            gevent.spawn(self.face.observe, stream=stream)


def _made(registry: Registry, name: str, context_of: Callable[[str], PluginContext], *, lenient: bool) -> Guard | None:
    """A plugin's guard; None where it has none to offer.

    Args:
        lenient: one that cannot be made is left out.

    Raises:
        ConfigError: it cannot be made, and calls are not to be served without it.
    """
    hook = registry.hook(name, "guard")
    if hook is None:
        return None
    try:
        return _checked(hook(context=context_of(name)))
    except faults() as error:
        problem = f"its hook guard failed: {type(error).__name__}: {error}"
        if lenient:
            registry.leave_out(name, problem)
            return None
        remedy = f'mend it, or write [guards.{name}] on_failure = "pass" to serve without it'
        raise ConfigError(f"plugin {name}: {problem}: {remedy}") from error


def _checked(given: Any) -> Guard | None:
    """What the hook ``guard`` gave, if it is sound."""
    if given is None or (isinstance(given, Guard) and given.replies in GUARD_MODES):
        return given
    if isinstance(given, Guard):
        raise ValueError(f"its replies is {given.replies!r}, which is none of {', '.join(map(repr, GUARD_MODES))}")
    raise TypeError(f"it gave {type(given).__name__}, which is no router.Guard")
