"""Calling the provider: the targets in order, until one gives its first output or the failure is final."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from router.errors import KINDS, BadRequest, RouterError, UpstreamError
from router.gateway.active import ActiveCall
from router.gateway.resolve import Resolver, Target
from router.types import Attempt, CallContext, Item, Reply

__all__ = ["Dispatcher", "Opened"]

_log = logging.getLogger("router.dispatch")
_FIRST_BYTE_S = 60.0
_HOLDS = {"chat": "choices", "embeddings": "data"}


class Opened:
    """A reply that has shown its first output.

    Attributes:
        first: what may go to the client now: the events up to the first output, or the whole body.
        batches: what follows, of a stream.
        close: releases the upstream.
    """

    __slots__ = ("batches", "close", "first")

    def __init__(self, first: bytes, batches: Iterator[Sequence[Item]], close: Callable[[], None]) -> None:
        self.first = first
        self.batches = batches
        self.close = close


class Dispatcher:
    """Tries targets.

    Args:
        max_attempts: upstream calls for one client's call.
        max_call_s: limit on the whole call, all attempts together.
    """

    def __init__(self, resolver: Resolver, *, max_attempts: int, max_call_s: float) -> None:
        self._resolver = resolver
        self._max_attempts = max_attempts
        self._max_call_s = max_call_s

    def open(self, active: ActiveCall) -> Opened:
        """The first reply that shows output.

        Raises:
            UpstreamError: the last failure, when no target is left or the failure allows none.
            BadRequest: the provider does not offer this kind of call.
        """
        tried: set[str] = set()
        targets = list(active.route.targets)
        while True:
            target = targets.pop(0)
            tried.add(target.id)
            try:
                return self._attempt(active, target)
            except UpstreamError as error:
                if error.provider is None:
                    error.provider = target.provider.name
                if active.gone or not KINDS[error.kind].falls_back or len(active.attempts) >= self._max_attempts:
                    raise
                targets = targets or [
                    next_one for next_one in self._asked(active, target, error) if next_one.id not in tried
                ]
                if not targets:
                    raise

    def _attempt(self, active: ActiveCall, target: Target) -> Opened:
        hook = target.provider.hooks.get(active.kind)
        if hook is None:
            raise BadRequest(
                f"The provider {target.provider.name!r} does not support {active.kind}.",
                code="unsupported_operation",
                param="model",
            )
        if target.card.kind and target.card.kind != active.kind:
            raise BadRequest(
                f"The model '{active.call.model}' serves {target.card.kind}, not {active.kind}.",
                code="unsupported_operation",
                param="model",
            )
        active.target = target
        started = time.monotonic()
        try:
            reply = self._guarded(hook, active, target)
            batches = _guarded_batches(reply, target)
            active.relay.begin(reply)
            try:
                first = self._first(active, batches)
            except BaseException:
                reply.close()
                raise
        except UpstreamError as error:
            active.attempts.append(_attempt_row(target, error.kind, error.upstream_status, started))
            raise
        active.attempts.append(_attempt_row(target, "ok", 200, started))
        return Opened(first, batches, reply.close)

    def _guarded(self, hook: object, active: ActiveCall, target: Target) -> Reply:
        """The hook's reply; a plugin that breaks is an upstream that failed, and its traceback is for the log alone."""
        try:
            return hook(call=active.call, context=self._context(active, target))  # type: ignore[operator, no-any-return]
        except RouterError:
            raise
        except Exception:
            raise _broken(target) from None

    def _first(self, active: ActiveCall, batches: Iterator[Sequence[Item]]) -> bytes:
        relay = active.relay
        if not active.call.stream:
            item = next((batch[0] for batch in batches if batch), Item(b""))
            body = relay.body(item, _HOLDS[active.kind])
            active.note_output()
            return body
        frames = []
        for batch in batches:
            frames.append(relay.frames(batch))
            if relay.output:
                active.note_output()
                return b"".join(frames)
        relay.end()
        raise AssertionError("a reply without output has an end")

    def _context(self, active: ActiveCall, target: Target) -> CallContext:
        provider = target.provider
        limits = provider.settings.timeouts
        left_s = max(0.001, self._max_call_s - active.elapsed_s())
        if active.call.stream:
            first_byte = limits.first_byte if limits.first_byte is not None else _FIRST_BYTE_S
            limits = replace(limits, first_byte=first_byte, whole=left_s)
        elif limits.whole is None or left_s < limits.whole:
            limits = replace(limits, whole=left_s)
        return CallContext(provider.name, target.model, provider.settings, provider.transport, limits)

    def _asked(self, active: ActiveCall, target: Target, error: UpstreamError) -> Iterable[Target]:
        """What the failed provider's ``fallback`` hook names."""
        hook = target.provider.hooks.get("fallback")
        if hook is None:
            return
        context = self._context(active, target)
        for model_id in hook(call=active.call, error=error, context=context):
            try:
                yield from self._resolver.route(model_id).targets
            except RouterError as unusable:
                _log.warning("fallback of %s to %s is not usable: %s", target.id, model_id, unusable.message)


def _guarded_batches(reply: Reply, target: Target) -> Iterator[Sequence[Item]]:
    """The reply's batches; whatever a plugin's iterator raises that is not ours becomes an upstream failure.

    One generator for the whole reply: to drop it half-way would close the plugin's own generator with it.
    """
    try:
        yield from reply
    except RouterError:
        raise
    except Exception:
        raise _broken(target) from None


def _broken(target: Target) -> UpstreamError:
    _log.exception("provider plugin %s failed", target.provider.kind)
    return UpstreamError(
        "server", f"The provider plugin {target.provider.kind!r} failed.", provider=target.provider.name
    )


def _attempt_row(target: Target, kind: str, status: int | None, started: float) -> Attempt:
    latency_ms = round((time.monotonic() - started) * 1000)
    return Attempt(target.provider.name, target.model, kind, status, latency_ms)
