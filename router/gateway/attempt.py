"""One attempt: one upstream call at one endpoint, up to its first output."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from router.errors import FAULTS, RouterError, UpstreamError
from router.gateway.active import ActiveCall
from router.gateway.health import Lease
from router.gateway.outgoing import BOUND_NAMES, bound_names, outgoing
from router.gateway.relay import PluginFault
from router.gateway.targets import TargetPlan
from router.masking import masked, one_line, without_quotes
from router.types import Attempt, CallContext, ChatCall, EmbeddingsCall, Item, Reply
from router.upstream.transport import Request, Resent, Response

__all__ = ["Opened", "attempt"]

_log = logging.getLogger("router.attempt")
_SAID_MAX = 300
_HOLDS = {"chat": "choices", "embeddings": "data"}


class Opened:
    """A reply that has shown its first output.

    Attributes:
        first: what may go to the client now: the events up to the first output, or the whole body.
        batches: what follows, of a stream.
    """

    __slots__ = ("_active", "_lease", "_reply", "batches", "first")

    def __init__(
        self, active: ActiveCall, first: bytes, batches: Iterator[Sequence[Item]], reply: Reply, lease: Lease
    ) -> None:
        self.first = first
        self.batches = batches
        self._active = active
        self._reply = reply
        self._lease = lease

    def failed(self, error: UpstreamError) -> None:
        """The reply broke off after its first output: no second provider, but its endpoint answers for it."""
        error.message = masked(error.message)
        attempts = self._active.attempts
        said = one_line(without_quotes(masked(error.in_full), self._active.body), _SAID_MAX)
        attempts[-1] = replace(attempts[-1], kind=error.kind, message=said)
        if not isinstance(error, PluginFault):
            self._lease.failed(error)

    def close(self) -> None:
        """Release the upstream and its endpoint."""
        _closed(self._reply)
        self._lease.release()


class _Sends:
    """The provider's transport for one attempt: what it sends a second time is an attempt of its own.

    Attributes:
        started: monotonic seconds at which the latest began.
    """

    __slots__ = ("_active", "_target", "_transport", "started")

    def __init__(self, active: ActiveCall, target: TargetPlan) -> None:
        self._active = active
        self._target = target
        self._transport = target.provider.transport
        self.started = time.monotonic()

    def send(self, request: Request, *, resent: Resent | None = None) -> Response:
        request = replace(request, sent=self._sent)
        return self._transport.send(request, resent=self._note if resent is None else resent)

    def _sent(self) -> None:
        self._active.taken_on = True

    def _note(self, failure: UpstreamError) -> None:
        self._active.attempts.append(_row(self._active, self._target, _named(failure, self._target), self.started))
        self.started = time.monotonic()

    def close(self) -> None:
        """The section's own transport lives on."""


def attempt(active: ActiveCall, target: TargetPlan, lease: Lease, left_s: float) -> Opened:
    """Call the provider and wait for the first output. The lease is released by ``Opened.close``, or here on a failure.

    Args:
        left_s: what is left of the whole call's time.

    Raises:
        UpstreamError: the attempt failed; its row is written.
    """
    if active.target is not None:  # what an attempt before has shown
        active.relay.begin(None)
        active.taken_on = False
    active.target = target
    sends = _Sends(active, target)
    try:
        opened = _open(active, target, lease, _context_of(active, target, lease, left_s, sends))
    except UpstreamError as error:
        error.message = masked(error.message)
        if not isinstance(error, PluginFault):
            lease.failed(error)
        lease.release()
        active.attempts.append(_row(active, target, error, sends.started))
        raise
    except BaseException:
        lease.release()
        raise
    lease.answered()
    active.note_output()
    active.attempts.append(_row(active, target, None, sends.started))
    return opened


def _context_of(active: ActiveCall, target: TargetPlan, lease: Lease, left_s: float, sends: _Sends) -> CallContext:
    """The context of a call at one endpoint: its settings, and the limits of this model and kind of reply."""
    limits = target.limits(left_s, stream=active.stream)
    return CallContext(target.provider.name, target.model, lease.place.settings, sends, limits, target.card)


def _open(active: ActiveCall, target: TargetPlan, lease: Lease, context: CallContext) -> Opened:
    assert target.hook is not None
    reply = _guarded(target.hook, _call_for(active, target), context, target)
    try:
        batches = _guarded_batches(reply, target, active)
        active.relay.begin(reply, target.kind)
        return Opened(active, _first(active, batches), batches, reply, lease)
    except BaseException:
        _closed(reply)
        raise


def _closed(reply: Reply) -> None:
    """Close a reply; a plugin that breaks in it has given its answer all the same."""
    try:
        reply.close()
    except Exception:
        _log.exception("a provider plugin failed to close its reply")


def _call_for(active: ActiveCall, target: TargetPlan) -> ChatCall | EmbeddingsCall:
    """The call as this target is to see it: its section's words, its provider's rules, and the one output cap."""
    body, terms = active.body, active.terms
    cap = terms.sales[target.id].bound.sent if active.kind == "chat" else None
    elsewhere = target.kind != terms.targets[0].kind
    if not BOUND_NAMES.isdisjoint(body):
        body = {**body, **bound_names(body, active.key.account)}
    body, active.dropped = outgoing(body, active.found, target, cap, paid=terms.paid, elsewhere=elsewhere)
    if body is active.body:
        return active.call
    made = ChatCall if active.kind == "chat" else EmbeddingsCall
    return made(active.request_id, active.model, body, active.stream, active.include_usage)


def _first(active: ActiveCall, batches: Iterator[Sequence[Item]]) -> bytes:
    """Everything up to the first output, held back until then: a failure before it leaves no trace at the client."""
    relay = active.relay
    if not active.stream:
        batch: Any = next(filter(None, batches), None) or [Item(b"")]
        item = batch[0] if isinstance(batch, Sequence) else batch  # whatever a plugin gives, the relay knows
        return relay.body(item, _HOLDS[active.kind])
    frames = []
    for batch in batches:
        frames.append(relay.frames(batch))
        if relay.output:
            return b"".join(frames)
    relay.end()
    raise AssertionError("a reply without output does not end well")


def _guarded(
    hook: Callable[..., Any], call: ChatCall | EmbeddingsCall, context: CallContext, target: TargetPlan
) -> Reply:
    """The hook's reply; a plugin that breaks is an upstream that failed, and its traceback is for the log alone."""
    try:
        reply: Any = hook(call=call, context=context)
        if isinstance(reply, Reply):
            return reply
        raise TypeError(f"its hook gave {type(reply).__name__}, not a router.Reply")
    except UpstreamError as error:
        raise _named(error, target) from error.__cause__
    except RouterError:
        raise
    except FAULTS:
        raise _broken(target, call) from None


def _guarded_batches(reply: Reply, target: TargetPlan, active: ActiveCall) -> Iterator[Sequence[Item]]:
    """The reply's batches; whatever a plugin's iterator raises that is not ours becomes an upstream failure.

    One generator for the whole reply: to drop it half-way would close the plugin's own generator with it.
    """
    try:
        yield from reply
    except UpstreamError as error:
        raise _named(error, target) from error.__cause__
    except RouterError:
        raise
    except FAULTS:
        raise _broken(target, active.call) from None


def _named(error: UpstreamError, target: TargetPlan) -> UpstreamError:
    """A failure of the transport names the host, which is the operator's business: a client knows the provider."""
    if error.provider is None:
        error.provider = target.provider.name
        head, colon, rest = error.message.partition(": ")
        if colon and head.startswith("upstream "):
            error.detail = error.detail or error.message
            error.message = f"{target.provider.name}: {rest.replace(head.removeprefix('upstream '), 'its host')}"
    error.args = (error.message,)
    return error


def _broken(target: TargetPlan, call: ChatCall | EmbeddingsCall) -> UpstreamError:
    """Called while the plugin's exception is handled: its words are for the log, and for the attempt's row."""
    name = target.provider.kind
    _log.exception("provider plugin %s failed on call %s", name, call.request_id, extra={"said": call.body})
    raised = sys.exc_info()[1]
    detail = f"The provider plugin {name!r} failed: {type(raised).__name__}: {str(raised)[:1000]}"
    message = f"The provider {target.provider.name!r} failed."
    return PluginFault("server", message, provider=target.provider.name, detail=detail)


def _row(active: ActiveCall, target: TargetPlan, failure: UpstreamError | None, started: float) -> Attempt:
    """An attempt that ended now.

    Args:
        failure: why it failed; None where it did not.
        started: monotonic seconds.
    """
    latency_ms = round((time.monotonic() - started) * 1000)
    if failure is None:
        return Attempt(target.provider.name, target.model, "ok", 200, latency_ms)
    said = one_line(without_quotes(masked(failure.in_full), active.body), _SAID_MAX)
    return Attempt(target.provider.name, target.model, failure.kind, failure.upstream_status, latency_ms, said)
