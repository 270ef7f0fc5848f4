"""One attempt: one upstream call at one endpoint, up to its first output."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from router.errors import FAULTS, RouterError, UpstreamError
from router.gateway.active import ActiveCall, bound_names
from router.gateway.health import Lease
from router.gateway.outgoing import outgoing
from router.gateway.relay import PluginFault
from router.gateway.resolve import Target
from router.masking import masked, one_line, without_quotes
from router.types import Attempt, CallContext, ChatCall, EmbeddingsCall, Item, Reply
from router.upstream.transport import Request, Resent, Response

__all__ = ["Opened", "attempt"]

_log = logging.getLogger("router.attempt")
_SILENCE_S = 60.0
_PATIENCE_S = 600.0  # of a model that reasons, or of which nothing is known
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
        said = one_line(without_quotes(masked(error.in_full), self._active.call.body), _SAID_MAX)
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

    def __init__(self, active: ActiveCall, target: Target) -> None:
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


def attempt(active: ActiveCall, target: Target, lease: Lease, left_s: float) -> Opened:
    """Call the provider and wait for the first output. The lease is released by ``Opened.close``, or here on a failure.

    Args:
        left_s: what is left of the whole call's time.

    Raises:
        UpstreamError: the attempt failed; its row is written.
    """
    active.target = target
    active.relay.begin(None)
    active.taken_on = False
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


def _context_of(active: ActiveCall, target: Target, lease: Lease, left_s: float, sends: _Sends) -> CallContext:
    """The context of a call at one endpoint: its settings, and the limits of this model and kind of reply."""
    provider = target.provider
    limits, stream = provider.timeouts(target.model), active.call.stream
    whole = left_s if stream or limits.whole is None else min(left_s, limits.whole)
    silence = _PATIENCE_S if target.card.reasoning or target.card.context_window is None else _SILENCE_S
    first = limits.first_byte
    if first is None and (stream or silence == _PATIENCE_S):
        first = silence
    limits = replace(limits, first_byte=first, idle=silence if limits.idle is None else limits.idle, whole=whole)
    return CallContext(provider.name, target.model, lease.place.settings, sends, limits, target.card)


def _open(active: ActiveCall, target: Target, lease: Lease, context: CallContext) -> Opened:
    hook = target.provider.hooks[active.kind]
    reply = _guarded(hook, _call_for(active, target), context, target)
    try:
        batches = _guarded_batches(reply, target, active.call)
        active.relay.begin(reply, target.provider.kind)
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


def _call_for(active: ActiveCall, target: Target) -> ChatCall | EmbeddingsCall:
    """The call as this target is to see it: its section's words, its provider's rules, and the one output cap."""
    call, terms = active.call, active.bracket.terms
    elsewhere = target.provider.kind != active.targets[0].provider.kind
    cap = terms.sent_to(target) if active.kind == "chat" else None
    bound = bound_names(call.body, active.key.account)
    body = {**call.body, **bound} if bound else call.body
    found = outgoing(body, target, cap, paid=terms.paid, elsewhere=elsewhere)
    active.dropped = found.dropped
    return call if found.body is call.body else replace(call, body=found.body)


def _first(active: ActiveCall, batches: Iterator[Sequence[Item]]) -> bytes:
    """Everything up to the first output, held back until then: a failure before it leaves no trace at the client."""
    relay = active.relay
    if not active.call.stream:
        batch: Any = next((batch for batch in batches if batch), [Item(b"")])
        item = batch[0] if isinstance(batch, Sequence) else batch  # whatever a plugin gives, the relay knows
        return relay.body(item, _HOLDS[active.kind])
    frames = []
    for batch in batches:
        frames.append(relay.frames(batch))
        if relay.output:
            return b"".join(frames)
    relay.end()
    raise AssertionError("a reply without output does not end well")


def _guarded(hook: Callable[..., Any], call: ChatCall | EmbeddingsCall, context: CallContext, target: Target) -> Reply:
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


def _guarded_batches(reply: Reply, target: Target, call: ChatCall | EmbeddingsCall) -> Iterator[Sequence[Item]]:
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
        raise _broken(target, call) from None


def _named(error: UpstreamError, target: Target) -> UpstreamError:
    """A failure of the transport names the host, which is the operator's business: a client knows the provider."""
    if error.provider is None:
        error.provider = target.provider.name
        head, colon, rest = error.message.partition(": ")
        if colon and head.startswith("upstream "):
            error.detail = error.detail or error.message
            error.message = f"{target.provider.name}: {rest.replace(head.removeprefix('upstream '), 'its host')}"
    error.args = (error.message,)
    return error


def _broken(target: Target, call: ChatCall | EmbeddingsCall) -> UpstreamError:
    """Called while the plugin's exception is handled: its words are for the log, and for the attempt's row."""
    name = target.provider.kind
    _log.exception("provider plugin %s failed on call %s", name, call.request_id, extra={"said": call.body})
    raised = sys.exc_info()[1]
    detail = f"The provider plugin {name!r} failed: {type(raised).__name__}: {str(raised)[:1000]}"
    message = f"The provider {target.provider.name!r} failed."
    return PluginFault("server", message, provider=target.provider.name, detail=detail)


def _row(active: ActiveCall, target: Target, failure: UpstreamError | None, started: float) -> Attempt:
    """An attempt that ended now.

    Args:
        failure: why it failed; None where it did not.
        started: monotonic seconds.
    """
    latency_ms = round((time.monotonic() - started) * 1000)
    if failure is None:
        return Attempt(target.provider.name, target.model, "ok", 200, latency_ms)
    said = one_line(without_quotes(masked(failure.in_full), active.call.body), _SAID_MAX)
    return Attempt(target.provider.name, target.model, failure.kind, failure.upstream_status, latency_ms, said)
