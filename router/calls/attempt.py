"""One attempt: one upstream call at one endpoint, up to its first output."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from msgspec import Struct

from router.calls.attempt_rows import SAID_MAX, attempt_row, named
from router.calls.call import ActiveCall
from router.charging.outgoing import BOUND_NAMES, bound_names, outgoing
from router.charging.targets import TargetPlan
from router.config.provider import Timeouts
from router.errors import RouterError, UpstreamError, faults
from router.providers.health import Lease
from router.providers.signing import passed_on_headers, signing
from router.surfaces.reader import PluginFault
from router.surfaces.translated import TranslatedSurface
from router.types.masking import masked, one_line, without_quotes
from router.types.records import AnyCall, Attempt, CallContext, Item, Reply
from router.types.transport import Request, Resent, Response, Transport
from router.upstream.compiled import CallWire
from router.upstream.wire import dump_json

__all__ = ["Opened", "attempt", "shown_body"]

_log = logging.getLogger("router.calls")
_NO_BATCHES: Iterator[Sequence[Item]] = iter(())


class Opened(Struct, eq=False):
    """A reply that has shown its first output.

    Attributes:
        first: what may go to the client now: the events up to the first output, or the whole body.
        batches: what follows, of a stream.
    """

    _active: ActiveCall
    first: bytes
    batches: Iterator[Sequence[Item]]
    _reply: Reply | Response
    _lease: Lease

    def failed(self, error: UpstreamError) -> None:
        """The reply broke off after its first output: no second provider, but its endpoint answers for it."""
        error.message = masked(error.message)
        attempts = self._active.attempts
        said = one_line(without_quotes(masked(error.in_full), self._active.body), SAID_MAX)
        attempts[-1] = replace(attempts[-1], kind=error.kind, message=said)
        if not isinstance(error, PluginFault):
            self._lease.failed(error)

    def close(self) -> None:
        """Release the upstream and its endpoint."""
        try:
            self._reply.close()
        except Exception:
            _log.exception("a provider plugin failed to close its reply")
        self._lease.release()


class _Sends:
    """The provider's transport for one attempt by its hook: the call is told how the sending goes."""

    __slots__ = ("_active", "_transport", "headers")

    def __init__(self, active: ActiveCall, transport: Transport) -> None:
        self._active = active
        self._transport = transport
        self.headers: Mapping[str, str] = {}

    def send(self, request: Request, *, resent: Resent | None = None) -> Response:
        request = replace(request, sent=self._sent)
        response = self._transport.send(request, resent=self._active.resent if resent is None else resent)
        self.headers = response.headers
        return response

    def _sent(self) -> None:
        self._active.taken_on = True

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
        active.taken_on, active.passed_on = False, {}
    if target.native is not active.native:
        active.change_lane(target.native)
    active.target = target
    active.tried_at = time.monotonic()
    if active.translated is not None:
        active.translated.face.serves(target.kind)
    try:
        place = lease.place
        wire = target.wires[place] if place in target.wires else target.compile(place)
        limits = target.limits(left_s, stream=active.stream)
        opened = _asked(active, target, lease, limits) if wire is None else _wired(active, target, lease, wire, limits)
    except UpstreamError as error:
        error.message = masked(error.message)
        if not isinstance(error, PluginFault):
            lease.failed(error)
        lease.release()
        active.attempts.append(attempt_row(target, error, active.tried_at, active.body))
        raise
    except BaseException:
        lease.release()
        raise
    lease.answered()
    now = time.monotonic()
    if active.first_output is None:
        active.first_output = now
    latency_ms = round((now - active.tried_at) * 1000)
    active.attempts.append(Attempt(target.provider.name, target.model, "ok", 200, latency_ms))
    return opened


def _wired(active: ActiveCall, target: TargetPlan, lease: Lease, wire: CallWire, limits: Timeouts) -> Opened:
    """Make the attempt by the wire that the plugin has compiled."""
    relay = active.relay
    try:
        response = wire.post(active, _body_for(active, target), limits, active)
        try:
            if "response_headers" in target.provider.hooks:
                _pass_headers(active, target, response.headers, _context(active, target, lease, limits))
            if active.stream:
                return _streamed(active, target, lease, wire.stream(response))
            data = response.read(wire.reply_bytes_max).strip()  # keep-alive blank lines may come before the JSON
            if wire.reads_usage and (wire.edits is None or not wire.edits.search(data)):
                first = relay.whole(data)
                if first is not None:
                    if active.translated is not None:
                        first = shown_body(active, first)
                    return Opened(active, first, _NO_BATCHES, response, lease)
            reply, item = wire.reply(response, data)
            relay.begin(reply, target.kind)
            return Opened(active, shown_body(active, relay.body(item)), _NO_BATCHES, reply, lease)
        except BaseException:
            _closed(response)
            raise
    except UpstreamError as error:
        raise named(error, target) from error.__cause__
    except RouterError:
        raise
    except faults():
        raise _broken(target, active.call) from None


def _asked(active: ActiveCall, target: TargetPlan, lease: Lease, limits: Timeouts) -> Opened:
    """Make the attempt by the plugin's hook, which sees the call and its context at one endpoint."""
    assert target.hook is not None
    context = _context(active, target, lease, limits)
    sends = _Sends(active, signing(context, target.provider.hooks).transport)
    context = replace(context, transport=sends)
    opened = _streamed(active, target, lease, _guarded(target.hook, _call_for(active, target), context, target))
    if "response_headers" in target.provider.hooks:
        _pass_headers(active, target, sends.headers, context)
    return opened


def _context(active: ActiveCall, target: TargetPlan, lease: Lease, limits: Timeouts) -> CallContext:
    provider, settings, peer = target.provider, lease.place.settings, active.peer
    return CallContext(
        provider.name,
        target.model,
        settings,
        provider.transport,
        limits,
        target.card,
        peer.traceparent,
        active.key.account,
        peer.tracestate,
    )


def _pass_headers(active: ActiveCall, target: TargetPlan, headers: Mapping[str, str], context: CallContext) -> None:
    """What the plugin lets through of an upstream's headers; of the last attempt alone."""
    active.passed_on = passed_on_headers(target.provider.hooks["response_headers"], headers, context)


def _streamed(active: ActiveCall, target: TargetPlan, lease: Lease, reply: Reply) -> Opened:
    """Open a stream: its output is still to come."""
    try:
        batches = _guarded_batches(reply, target, active)
        active.relay.begin(reply, target.kind)
        return Opened(active, _first(active, batches), batches, reply, lease)
    except BaseException:
        _closed(reply)
        raise


def _closed(reply: Reply | Response) -> None:
    """Close a reply; a plugin that breaks in it has given its answer all the same."""
    try:
        reply.close()
    except Exception:
        _log.exception("a provider plugin failed to close its reply")


def _call_for(active: ActiveCall, target: TargetPlan) -> AnyCall:
    """The call as this target is to see it."""
    body = _body_for(active, target)
    if active.native and isinstance(active.surface, TranslatedSurface):
        native = active.surface.native(active, body, target.model)
        native = native if active.guarding is None else active.guarding.request(native)
        return active.surface.native_call(active, native)
    if body is active.body:
        return active.call
    return active.surface.seen(active, body)


def _body_for(active: ActiveCall, target: TargetPlan) -> Mapping[str, Any]:
    """The body for this target, changed by its section's settings, its provider's rules and the one output cap."""
    body, terms = active.body, active.terms
    if active.translated is not None:
        active.translated.check_lane(native=active.native, paid=terms.paid)
    cap = terms.sales[target.id].bound.sent if active.surface.capped else None
    if not BOUND_NAMES.isdisjoint(body):
        body = {**body, **bound_names(body, active.key.account)}
    elsewhere = target.kind != terms.targets[0].kind
    body, active.dropped = outgoing(body, active.found, target, cap, paid=terms.paid, elsewhere=elsewhere)
    return body


def shown_body(active: ActiveCall, body: bytes) -> bytes:
    """A plain answer as its client is sent it; where guards have to see it first, as chat has it."""
    if active.translated is None or active.native or active.guarding is not None:
        return body
    return dump_json(active.translated.face.body(json.loads(body)))


def _first(active: ActiveCall, batches: Iterator[Sequence[Item]]) -> bytes:
    """Hold everything back up to the first output, so that a failure before it leaves no trace at the client."""
    relay = active.relay
    if not active.stream:
        batch: Any = next(filter(None, batches), None) or [Item(b"")]
        item = batch[0] if isinstance(batch, Sequence) else batch  # whatever a plugin gives, the relay knows
        return shown_body(active, relay.body(item))
    frames = []
    for batch in batches:
        frames.append(relay.frames(batch))
        if relay.output:
            return b"".join(frames)
    relay.end()
    raise AssertionError("a reply without output does not end well")


def _guarded(hook: Callable[..., Any], call: AnyCall, context: CallContext, target: TargetPlan) -> Reply:
    """The hook's reply. A plugin that breaks counts as an upstream that failed; its traceback goes to the log alone."""
    try:
        reply: Any = hook(call=call, context=context)
        if isinstance(reply, Reply):
            return reply
        raise TypeError(f"its hook gave {type(reply).__name__}, not a router.Reply")
    except UpstreamError as error:
        raise named(error, target) from error.__cause__
    except RouterError:
        raise
    except faults():
        raise _broken(target, call) from None


def _guarded_batches(reply: Reply, target: TargetPlan, active: ActiveCall) -> Iterator[Sequence[Item]]:
    """The reply's batches; whatever a plugin's iterator raises that is not ours becomes an upstream failure.

    One generator for the whole reply: to drop it half-way would close the plugin's own generator with it.
    """
    try:
        yield from reply
    except UpstreamError as error:
        raise named(error, target) from error.__cause__
    except RouterError:
        raise
    except faults():
        raise _broken(target, active.call) from None


def _broken(target: TargetPlan, call: AnyCall) -> UpstreamError:
    """Called while the plugin's exception is handled: its words are for the log, and for the attempt's row."""
    name = target.provider.kind
    _log.exception("provider plugin %s failed on call %s", name, call.request_id, extra={"said": call.body})
    raised = sys.exc_info()[1]
    detail = f"The provider plugin {name!r} failed: {type(raised).__name__}: {str(raised)[:1000]}"
    message = f"The provider {target.provider.name!r} failed."
    return PluginFault("server", message, provider=target.provider.name, detail=detail)
