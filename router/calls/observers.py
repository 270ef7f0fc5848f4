"""Who is told of what became of a request: the log, and the plugins that watch."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import gevent

from router.calls.call import ActiveCall
from router.calls.call_log import CallLog, cached_line, good_line, log_line, replay_line
from router.errors import ModelNotPriced, RouterError
from router.metrics.call_meter import CallMeter
from router.metrics.worker_metrics import WorkerMetrics
from router.plugin_host.registry import Registry
from router.types.masking import masked, one_line
from router.types.observed import AttemptRecord, OutputRecord, RefusalRecord
from router.types.peer import NOBODY, Peer
from router.types.records import Attempt, CallRecord, Key

__all__ = ["MeasuredRecorder", "Observer", "Recorder", "UnpricedAsks"]

_log = logging.getLogger("router.calls")
_OBSERVED_MAX = 10_000
_MESSAGE_MAX = 300
_MODELS_MAX = 20
_FINISHED = ("call_finished", "request_finished")
"""The hook, and what version 0.1 called it: a plugin that has both is told by the first."""


class UnpricedAsks:
    """Models that were refused for want of a price and of which no operator was told yet; so many at most, whoever asks
    for how many.
    """

    def __init__(self) -> None:
        self._models: set[str] = set()

    def refused(self, error: RouterError) -> None:
        """A request was refused."""
        if isinstance(error, ModelNotPriced) and len(self._models) < _MODELS_MAX and error.about.get("model"):
            self._models.add(error.about["model"])

    def waiting(self) -> list[str]:
        """The models, each once, for as long as nobody says that they were told."""
        return sorted(self._models)

    def told(self, models: Iterable[str]) -> None:
        """What tells an operator of these is written for good."""
        self._models.difference_update(models)


class Recorder:
    """Hands a finished call to whoever watches it.

    Args:
        log: writes the call's log line.
        addresses: whether that names the client's address.
        observes: whether a plugin, as it is set up, wants to be told of anything.

    Attributes:
        attempts_watched, outputs_watched: whether any plugin wants to hear of attempts, and of first outputs.
        unpriced: the models that were refused for want of a price.
    """

    def __init__(
        self,
        log: CallLog,
        registry: Registry,
        *,
        addresses: bool = False,
        observes: Callable[[str], bool] = lambda plugin: True,
    ) -> None:
        self._log = log
        self._addresses = addresses
        self.unpriced = UnpricedAsks()
        observers: dict[str, Observer] = {}
        wanted = cache(observes)

        def watching(*hooks: str) -> list[tuple[Observer, str]]:
            found: dict[str, tuple[Observer, str]] = {}
            for hook in hooks:
                for plugin in filter(lambda one: wanted(one.name), registry.having(hook)):
                    observer = observers.setdefault(plugin.name, Observer(registry, plugin.name))
                    found.setdefault(plugin.name, (observer, hook))
            return [found[name] for name in sorted(found)]

        self._of_calls = watching(*_FINISHED)
        self._of_attempts = watching("attempt_finished")
        self._of_refusals = watching("call_refused")
        self._of_outputs = watching("call_output")
        self._observers = observers.values()
        self.attempts_watched = bool(self._of_attempts)
        self.outputs_watched = bool(self._of_outputs)

    def finished(self, record: CallRecord, logged: str, told: int = 0, tried_at: float = 0.0) -> None:
        """Log the call and tell observers. Never raises: the call is over whatever becomes of its record.

        Args:
            logged: the members of its line that its plan knows.
            told: of how many of its attempts observers have heard already.
            tried_at: when the last of them began, by the monotonic clock; 0.0 where there was none.
        """
        if record.ending == "ok":
            self._log.write(good_line(record, logged, self._addresses))
        else:
            self._log.write(log_line(record, self._addresses))
        if self._of_attempts:
            whose = (record.request_id, record.account, record.key, record.model)
            self._tell_attempts(whose, record.attempts, told, tried_at)
        for observer, hook in self._of_calls:
            observer.tell(hook, record=record)

    def attempted(self, active: ActiveCall) -> None:
        """An attempt of a call has failed: tell of those of which nobody has heard."""
        key, attempts = active.key, active.attempts
        whose = (active.request_id, key.account, key.id, active.model)
        self._tell_attempts(whose, attempts, active.attempts_told, active.tried_at)
        active.attempts_told = len(attempts)

    def output(self, active: ActiveCall) -> None:
        """A call has its first output."""
        target, key = active.target, active.key
        assert target is not None and active.first_output is not None
        first_ms = round((active.first_output - active.started) * 1000)
        served = (target.provider.name, target.model)
        record = OutputRecord(active.request_id, key.account, key.id, active.model, *served, active.stream, first_ms)
        for observer, hook in self._of_outputs:
            observer.tell(hook, record=record)

    def _tell_attempts(
        self, whose: tuple[str, str, str, str], attempts: Sequence[Attempt], told: int, tried_at: float
    ) -> None:
        """Tell of attempts of which nobody has heard; each began when the one before it had ended, at the latest."""
        request_id, account, key, model = whose
        began_at = time.time() - time.monotonic() + tried_at if tried_at else 0.0
        starts = [began_at]
        for attempt in reversed(attempts[told + 1 :]):
            starts.insert(0, starts[0] - attempt.latency_ms / 1000 if tried_at else 0.0)
        for number, attempt in enumerate(attempts[told:], told + 1):
            record = AttemptRecord(request_id, number, account, key, model, attempt, starts[number - told - 1])
            for observer, hook in self._of_attempts:
                observer.tell(hook, record=record)

    def refused(
        self,
        error: RouterError,
        request_id: str,
        route: str,
        status: int,
        *,
        peer: Peer = NOBODY,
        client_request_id: str = "",
    ) -> None:
        """A request never became a call.

        Args:
            route: the route's pattern.
            status: what the client got.
        """
        self.unpriced.refused(error)
        if not self._of_refusals:
            return
        about = error.about
        record = RefusalRecord(
            request_id,
            time.time(),
            route,
            status,
            error.code or "",
            error.param or "",
            one_line(masked(error.in_full), _MESSAGE_MAX),
            about.get("account", ""),
            about.get("key", ""),
            one_line(about.get("model", ""), _MESSAGE_MAX),
            peer.address,
            client_request_id,
            peer.traceparent,
            peer.tracestate,
        )
        for observer, hook in self._of_refusals:
            observer.tell(hook, record=record)

    def drain(self, timeout_s: float) -> None:
        """Wait until all observers have seen their records, for ``timeout_s`` at most."""
        deadline = time.monotonic() + timeout_s
        for observer in self._observers:
            observer.drain(max(deadline - time.monotonic(), 0.0))

    def replayed(self, request_id: str, first: str, key: Key, route: str, status: int, peer: Peer) -> None:
        """A request was given the answer of the call ``first``."""
        shown = peer if self._addresses else replace(peer, address="")
        self._log.write(replay_line(request_id, first, key, route, status, shown))

    def cached(self, request_id: str, plugin: str, key: Key, route: str, peer: Peer) -> None:
        """A request was given an answer that a plugin had kept."""
        shown = peer if self._addresses else replace(peer, address="")
        self._log.write(cached_line(request_id, plugin, key, route, shown))


class MeasuredRecorder(Recorder):
    """The recorder of a gateway that measures: it counts what it hands on.

    Args:
        log, registry, options: as ``Recorder``.
        metrics: guards what is counted.
        meter: counts it.
    """

    def __init__(
        self, log: CallLog, registry: Registry, metrics: WorkerMetrics, meter: CallMeter, **options: Any
    ) -> None:
        super().__init__(log, registry, **options)
        self._metrics = metrics
        self._meter = meter

    def finished(self, record: CallRecord, logged: str, told: int = 0, tried_at: float = 0.0) -> None:
        try:
            self._meter.finished(record)
        except Exception as error:
            self._metrics.failed(error)
        super().finished(record, logged, told, tried_at)

    def refused(
        self,
        error: RouterError,
        request_id: str,
        route: str,
        status: int,
        *,
        peer: Peer = NOBODY,
        client_request_id: str = "",
    ) -> None:
        model = error.about.get("model", "")
        self._metrics.guarded(lambda: self._meter.refused(route, status, error.code or "", model))
        super().refused(error, request_id, route, status, peer=peer, client_request_id=client_request_id)

    def replayed(self, request_id: str, first: str, key: Key, route: str, status: int, peer: Peer) -> None:
        self._metrics.guarded(lambda: self._meter.replayed(route))
        super().replayed(request_id, first, key, route, status, peer)

    def cached(self, request_id: str, plugin: str, key: Key, route: str, peer: Peer) -> None:
        self._metrics.guarded(lambda: self._meter.cached(plugin))
        super().cached(request_id, plugin, key, route, peer)


class Observer:
    """One plugin that watches, in a greenlet of its own: it sees a call after its answer, and delays none.

    When more than ``most`` records wait for a slow one, further ones are dropped, and their number is logged.
    """

    def __init__(self, registry: Registry, plugin: str, most: int = _OBSERVED_MAX) -> None:
        self._registry = registry
        self._plugin = plugin
        self._most = most
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        self._dropped = 0
        self._running: gevent.Greenlet[..., None] | None = None

    def tell(self, hook: str, **arguments: Any) -> None:
        """Put what a hook is to be told of on its way; returns at once."""
        if len(self._waiting) >= self._most:
            self._dropped += 1
            if self._dropped == 1:
                told = "plugin %s is too slow: %d records wait, and further ones are dropped"
                _log.error(told, self._plugin, self._most)
            return
        self._waiting.append((hook, arguments))
        if self._running is None:
            self._running = gevent.spawn(self._run)

    def drain(self, timeout_s: float) -> None:
        """Wait until the plugin has seen all, no longer than so."""
        running = self._running
        if running is not None:
            running.join(timeout_s)

    def _run(self) -> None:
        try:
            while self._waiting:
                hook, arguments = self._waiting.popleft()
                self._registry.notify(self._plugin, hook, **arguments)
                gevent.sleep(0)
            if self._dropped:
                _log.error("plugin %s is too slow: it missed %d records", self._plugin, self._dropped)
                self._dropped = 0
        finally:
            self._running = None
