"""Which target is called, and which next: until one gives its first output, or the failure is final."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable

from router.errors import KINDS, BadRequest, RouterError, UpstreamError
from router.gateway.active import ActiveCall
from router.gateway.attempt import Opened, attempt
from router.gateway.endpoints import Place
from router.gateway.resolve import Resolver, Target

__all__ = ["Dispatcher"]

_log = logging.getLogger("router.dispatch")


class Dispatcher:
    """Tries targets: the operator's, then those that the failed provider's plugin names.

    Args:
        max_attempts: upstream calls for one client's call.
        max_call_s: limit on the whole call, all attempts together.
        on_content: whether a safety refusal by one provider may be tried at the next.
    """

    def __init__(self, resolver: Resolver, *, max_attempts: int, max_call_s: float, on_content: bool = False) -> None:
        self._resolver = resolver
        self._max_attempts = max_attempts
        self._max_call_s = max_call_s
        self._on_content = on_content

    def open(self, active: ActiveCall) -> Opened:
        """The first reply that shows output.

        Raises:
            UpstreamError: the last failure, when no target is left or the failure allows none.
            BadRequest: the provider does not offer this kind of call.
        """
        targets = deque(active.route.targets)
        _check(active, targets[0])
        tried: set[str] = set()
        while True:
            target = targets.popleft()
            tried.add(target.id)
            outcome = self._at_target(active, target)
            if isinstance(outcome, Opened):
                return outcome
            error = outcome
            if not self._goes_on(active, error):
                raise error
            if not targets:
                targets.extend(self._asked(active, target, error))
            following = [one for one in targets if one.id not in tried and _may_follow(active, target, error, one)]
            if not following:
                raise error
            targets = deque(following)

    def _at_target(self, active: ActiveCall, target: Target) -> Opened | UpstreamError:
        """The reply from one of the target's endpoints; or the last one's failure, or why none is ready."""
        endpoints = target.provider.endpoints
        tried: set[Place] = set()
        error = None
        while (lease := endpoints.lease(active.sticky, tried)) is not None:
            tried.add(lease.place)
            try:
                return attempt(active, target, lease, max(0.001, self._max_call_s - active.elapsed_s()))
            except UpstreamError as failed:
                error = failed
                if failed.kind in ("auth", "billing"):
                    _log.error("operator: %s refuses our %s: %s", lease.place.name, failed.kind, failed.message)
                if not self._goes_on(active, failed) or not KINDS[failed.kind].falls_back:
                    break
        return error or endpoints.refusal()

    def _goes_on(self, active: ActiveCall, error: UpstreamError) -> bool:
        allowed = KINDS[error.kind].falls_back or error.kind == "context_length"
        allowed = allowed or (error.kind == "content" and self._on_content)
        return allowed and not active.gone and len(active.attempts) < self._max_attempts

    def _asked(self, active: ActiveCall, target: Target, error: UpstreamError) -> Iterable[Target]:
        """What the failed provider's ``fallback`` hook names."""
        hook = target.provider.hooks.get("fallback")
        if hook is None:
            return
        try:
            model_ids = list(hook(call=active.call, error=error, context=target.provider.context(target.model)))
        except Exception:
            _log.exception("the fallback hook of %s failed", target.provider.kind)
            return
        for model_id in model_ids:
            try:
                yield from self._resolver.route(model_id, active.key).targets[:1]
            except RouterError as unusable:
                _log.warning("fallback of %s to %s is not usable: %s", target.id, model_id, unusable.message)


def _check(active: ActiveCall, target: Target) -> None:
    """Raises:
    BadRequest: the provider, or the model, does not offer this kind of call.
    """
    if active.kind not in target.provider.hooks:
        message = f"The provider {target.provider.name!r} does not support {active.kind}."
        raise BadRequest(message, code="unsupported_operation", param="model")
    if target.card.kind and target.card.kind != active.kind:
        message = f"The model '{target.id}' serves {target.card.kind}, not {active.kind}."
        raise BadRequest(message, code="unsupported_operation", param="model")


def _may_follow(active: ActiveCall, failed: Target, error: UpstreamError, following: Target) -> bool:
    """Whether a target can take over: it offers the call, and after an overflow it holds more."""
    try:
        _check(active, following)
    except BadRequest:
        return False
    if error.kind != "context_length":
        return True
    return (following.card.context_window or 0) > (failed.card.context_window or 0)
