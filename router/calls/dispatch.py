"""Calls one target after the other, until one gives its first output or the failure is final."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from time import monotonic

from router.calls.attempt import Opened, attempt
from router.calls.call import ActiveCall
from router.calls.recall.replay import replay
from router.charging.targets import TargetPlan
from router.errors import KINDS, BadRequest, RouterError, UpstreamError, faults
from router.providers.health import EndpointHealth
from router.providers.resolve import ModelResolver

__all__ = ["Dispatcher"]

_log = logging.getLogger("router.calls")
_NAMED_MAX = 32
_OPERATORS = {"auth": "key", "billing": "account"}  # what an operator has to see to


class Dispatcher:
    """Tries targets: the operator's, then those that the failed provider's plugin names.

    Args:
        max_attempts: upstream calls for one client's call.
        max_call_s: limit on the whole call, all attempts together.
        on_content: whether a safety refusal by one provider may be tried at the next.
        failed, shown: hear of a call whose attempt has failed, and of one with its first output; None where nobody
            watches.
        ordered: gives a call's targets in an order of its own; None where nobody has one.
    """

    def __init__(
        self,
        resolver: ModelResolver,
        *,
        max_attempts: int,
        max_call_s: float,
        on_content: bool = False,
        failed: Callable[[ActiveCall], None] | None = None,
        shown: Callable[[ActiveCall], None] | None = None,
        ordered: Callable[[ActiveCall], Sequence[TargetPlan]] | None = None,
    ) -> None:
        self._resolver = resolver
        self._max_attempts = max_attempts
        self._max_call_s = max_call_s
        self._on_content = on_content
        self._failed = failed
        self._shown = shown
        self._ordered = ordered

    def open(self, active: ActiveCall) -> Opened:
        """The first reply that shows output.

        Raises:
            UpstreamError: the last failure, when no target is left or the failure allows none.
            BadRequest: the provider does not offer this kind of call.
        """
        if active.recalled is not None:
            return replay(active, active.recalled)
        targets = deque(active.terms.targets)
        if self._ordered is not None and len(targets) > 1:
            targets = deque(self._ordered(active))
        lacks = targets[0].lacks
        if lacks:
            raise BadRequest(lacks, code="unsupported_operation", param="model")
        tried: set[str] = set()
        error: UpstreamError | None = None
        while True:
            target = targets.popleft()
            tried.add(target.id)
            try:
                outcome = self._at_target(active, target, alone=not targets)
            except BadRequest:
                if error is None:
                    raise
                outcome = error  # this provider cannot express the call: the failure before it stands
            if isinstance(outcome, Opened):
                return outcome
            error = outcome
            if not self._goes_on(active, error):
                raise error
            targets = deque(_able(target, error, targets, tried))
            if not targets:
                targets.extend(_able(target, error, self._asked(active, target, error), tried))
            if not targets:
                raise error

    def _at_target(self, active: ActiveCall, target: TargetPlan, *, alone: bool) -> Opened | UpstreamError:
        """The reply from one of the target's endpoints, else the last one's failure, or why none is ready."""
        endpoints = target.provider.endpoints
        alone = alone and not target.provider.settings.fallback
        tried: set[EndpointHealth] = set()
        error = None
        account = active.key.account
        sticky = _sticky(active) if len(endpoints.places) > 1 else None
        while (lease := endpoints.lease(sticky, tried, target.model, account, alone=alone)) is not None:
            tried.add(lease.place)
            try:
                opened = attempt(active, target, lease, max(0.001, self._max_call_s - monotonic() + active.started))
                if self._shown is not None:
                    self._shown(active)
                return opened
            except UpstreamError as failed:
                error = failed
                if self._failed is not None:
                    self._failed(active)
                if failed.kind in _OPERATORS:
                    where, what = lease.place.name, _OPERATORS[failed.kind]
                    said = {"said": active.body}  # none of it is shown
                    _log.error("operator: %s refuses our %s: %s", where, what, failed.in_full, extra=said)
                if not self._goes_on(active, failed) or not KINDS[failed.kind].falls_back:
                    break
        return error or endpoints.refusal(target.model, account)

    def _goes_on(self, active: ActiveCall, error: UpstreamError) -> bool:
        allowed = KINDS[error.kind].falls_back or error.kind == "context_length"
        allowed = allowed or (error.kind == "content" and self._on_content)
        left = len(active.attempts) < self._max_attempts and active.elapsed_s() < self._max_call_s
        return allowed and left and not active.gone

    def _asked(self, active: ActiveCall, target: TargetPlan, error: UpstreamError) -> Iterable[TargetPlan]:
        """What the failed provider's ``fallback`` hook names."""
        hook = target.provider.hooks.get("fallback")
        if hook is None:
            return
        try:
            named = hook(call=active.call, error=error, context=target.provider.context(target.model))
            model_ids = list(islice(named, _NAMED_MAX))
        except faults():
            _log.exception("the fallback hook of %s failed", target.provider.kind)
            return
        for model_id in model_ids:
            try:
                named_target = self._resolver.route(model_id, active.key).targets[0]
            except RouterError as unusable:
                _log.warning("fallback of %s to %s is not usable: %s", target.id, model_id, unusable.in_full)
                continue
            covered = active.terms.covers(named_target)
            if covered is not None:
                yield covered
            else:
                _log.warning("fallback of %s to %s costs more than the call has claimed", target.id, model_id)


def _sticky(active: ActiveCall) -> str | None:
    """What keeps related calls at one endpoint, where the provider's cache knows them."""
    for name in ("prompt_cache_key", "user"):
        value = active.body.get(name)
        if isinstance(value, str) and value:
            return f"{active.key.account}\0{value}"
    return None


def _able(
    failed: TargetPlan, error: UpstreamError, following: Iterable[TargetPlan], tried: set[str]
) -> Iterator[TargetPlan]:
    """Targets that can take over: not tried yet, able to serve such a call, and larger after a context overflow."""
    for target in following:
        if (
            not target.lacks
            and target.id not in tried
            and (error.kind != "context_length" or target.is_larger_than(failed))
        ):
            yield target
