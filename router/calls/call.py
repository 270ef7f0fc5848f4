"""One call under way: what is known of it, who may cut it short, and its one ending."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import gevent
from greenlet import getcurrent, greenlet

from router.calls.attempt_rows import attempt_row, named
from router.calls.kept_answer import AnswerRecorder
from router.calls.recall.recalled import Recalled
from router.calls.request import CallCancelled
from router.calls.unbooked import PLAIN_UNBOOKED, STREAM_UNBOOKED, unbooked_row
from router.charging.charge import ChargeResult, compute_charge
from router.charging.meters import Claimed, Part
from router.charging.plan import Plan
from router.charging.targets import TargetPlan
from router.charging.terms import CallPricing
from router.charging.usage_marks import marks_of, tell
from router.errors import RouterError, StoreError, Unavailable, UpstreamError
from router.guarding.guards import CallGuards
from router.http_client.exceptions import AnswerTooLong
from router.ledger.operations import Hold, Statement
from router.surfaces.face import Face, StreamEnds
from router.surfaces.measuring import Measure
from router.surfaces.reader import NativeReader, Reader
from router.surfaces.surface import Surface
from router.surfaces.translated import Translated, TranslatedSurface
from router.types.dialect import Dialect
from router.types.guards import GuardRefused
from router.types.peer import NOBODY, Peer
from router.types.records import AnyCall, Attempt, CallRecord, Key, Usage

__all__ = ["ActiveCall", "Settles"]

_log = logging.getLogger("router.calls")
_NOTHING = Usage(0)
_NONE: Sequence[str] = ()
_LEFT = 499
_AGAIN = {"Retry-After": "5"}
_STOPPED = "The gateway stopped before this call was over."


class Settles(Protocol):
    """Where a call was admitted: its way out of there."""

    def close(
        self, active: ActiveCall, record: CallRecord, reckoned: ChargeResult, unbooked: Callable[[], CallRecord] | None
    ) -> CallRecord: ...
    def progress(self, active: ActiveCall, reckoned: ChargeResult, target: TargetPlan) -> Statement | None: ...


class ActiveCall:
    """A call from its body to its usage row: the one object that the line hands from stop to stop.

    Args:
        request_id: ours.
        surface: by which it came.
        body: as it is passed on; never changed. For a surface that is served through chat, the chat call.
        found: what it holds.
        peer: whose request it is.
        received_at: Unix seconds.
        started: the same moment by the monotonic clock, from which all durations are counted; now where omitted.
        drain_s: how long the upstream is read on after the client left.
        finished: receives the call, exactly once, when it is over.
        client_request_id: the client's own ID of the request.
        translated: what the surface made of the client's body; None where that is passed on.
        source: the client's body.

    Attributes:
        face: how a stream of chunks is written; ``ends`` what is written beside.
        native: whether the target speaks a surface that is served through chat elsewhere.
        model, stream, include_usage: what the body says.
        plan: what was known of the call beforehand.
        admission: where it was admitted, and is settled; None before.
        terms: what it may use and costs.
        parts, claims, amounts, held: what is held for it, and of which policy; ``admitted_at``: since, Unix seconds.
        keeping: keeps its answer for repeats; None where it has no ``Idempotency-Key``.
        recalled: what a cache has to answer it with; None where it goes upstream.
        attempts_told: of how many of its attempts observers have heard; ``passed_on``: headers of the upstream's.
        target: what serves it, or was tried last.
        dropped: what the client sent and that target does not see; ``stripped_params``: whatever the target.
        guarding: who looks at its texts; None where nobody does.
        gone: the client has left; ``answered``: a stream's 200 is on its way, with or without output.
        taken_on: the provider may be at work: its request went out, and no failure has come back.
        first_output, tried_at: monotonic seconds at which it arrived, None before; and the latest attempt began.
        settled: the usage row, once the call is over.
    """

    __slots__ = (
        *("_call", "_dialect", "_drain_s", "_finished", "_noted", "_received_at", "_stopped", "_timer", "_waiting"),
        *("admission", "admitted_at", "amounts", "answered", "attempts", "attempts_told", "body", "claims"),
        *(
            "client_request_id",
            "dropped",
            "ends",
            "face",
            "first_output",
            "found",
            "gone",
            "guarding",
            "held",
            "include_usage",
        ),
        *("keeping", "key", "model", "native", "parts", "passed_on", "peer", "plan", "recalled", "relay"),
        *("request_id", "settled", "source", "started", "stream", "stripped_params", "surface", "taken_on"),
        *("target", "terms", "translated", "tried_at"),
    )

    plan: Plan
    terms: CallPricing

    def __init__(
        self,
        request_id: str,
        surface: Surface,
        key: Key,
        body: Mapping[str, Any],
        found: Measure,
        dialect: Dialect,
        peer: Peer = NOBODY,
        *,
        received_at: float,
        drain_s: float,
        finished: Callable[[ActiveCall, CallRecord], None],
        started: float | None = None,
        client_request_id: str = "",
        translated: Translated | None = None,
        source: Mapping[str, Any] | None = None,
    ) -> None:
        self.request_id = request_id
        self.client_request_id = client_request_id
        self.peer = peer
        self.surface = surface
        self.key = key
        self.body = body
        self.found = found
        self.model: str = body["model"]
        self.stream = surface.streams and (surface.always_streams or body.get("stream") is True)
        options = body.get("stream_options") if self.stream else None
        asked = isinstance(options, dict) and options.get("include_usage") is True
        self.include_usage = asked or translated is not None
        self.translated = translated
        self.source = body if source is None else source
        self.face: Face = dialect if translated is None else translated.face
        self.admission: Settles | None = None
        self.parts: Sequence[Part] = ()
        self.claims: Sequence[Claimed] = ()
        self.amounts: Sequence[int] = ()
        self.held: Hold | None = None
        self.admitted_at = 0.0
        self.keeping: AnswerRecorder | None = None
        self.recalled: Recalled | None = None
        self.relay: Reader = surface.reader(self)
        self.ends: StreamEnds = cast(NativeReader, self.relay) if surface.own_ends else self.face
        self.native = False
        self.attempts: list[Attempt] = []
        self.stripped_params = self.dropped = _NONE
        self.passed_on: Mapping[str, str] = {}
        self.guarding: CallGuards | None = None
        self.target: TargetPlan | None = None
        self.gone = self.answered = self.taken_on = False
        self.tried_at, self.attempts_told = 0.0, 0
        self.settled: CallRecord | None = None
        self.started = time.monotonic() if started is None else started
        self._call: AnyCall | None = None
        self._dialect = dialect
        self._received_at = received_at
        self.first_output: float | None = None
        self._drain_s = drain_s
        self._finished: Callable[[ActiveCall, CallRecord], None] | None = finished
        self._stopped: RouterError | None = None
        self._waiting: greenlet | None = None
        self._noted: Statement | None = None
        self._timer: Any = None

    @property
    def call(self) -> AnyCall:
        """What plugins see of it; made when the first of them is asked."""
        if self._call is None:
            self._call = self.surface.seen(self, self.body)
        return self._call

    def change_lane(self, native: bool) -> None:
        """Go on to a target that speaks the call's surface itself, or from there to one that is asked through chat."""
        assert isinstance(self.surface, TranslatedSurface)
        self.native = native
        if native:
            self.relay = self.ends = self.surface.native_reader(self)
        else:
            self.relay, self.ends = self.surface.reader(self), self.face

    def elapsed_s(self) -> float:
        """Since the request's first byte."""
        return time.monotonic() - self.started

    def __enter__(self) -> None:
        """Enter the only part of a call that may be cut short: whatever waits for an upstream.

        Raises:
            CallCancelled: here or inside: the client has left, the gateway stops, or the key is ended.
        """
        if self.gone or self._stopped is not None:
            raise CallCancelled(self._stopped)
        self._waiting = getcurrent()

    def __exit__(self, *raised: object) -> None:
        self._waiting = None
        if self._timer is not None:
            self._timer.close()
            self._timer = None

    def resent(self, failure: UpstreamError) -> None:
        """The request is sent a second time, which is an attempt of its own."""
        assert self.target is not None
        self.attempts.append(attempt_row(self.target, named(failure, self.target), self.tried_at, self.body))
        self.tried_at = time.monotonic()

    def client_left(self) -> None:
        """The client is gone. Never blocks.

        The upstream is read on for its usage, or dropped, as its section says; but a client that may come back for its
        answer will find it.
        """
        if self.gone or self._finished is None:
            return
        self.gone = True
        cancels = self.target is not None and self.target.provider.settings.on_disconnect == "cancel"
        cancels = cancels and self.keeping is None
        if self._waiting is not None:
            self._timer = gevent.get_hub().loop.timer(0 if cancels else self._drain_s)
            self._timer.start(self._cut_short)

    def _cut_short(self) -> None:
        """Cut the call short. Runs on the hub, and only while the call waits for its upstream."""
        if self._waiting is not None:
            self._waiting.throw(CallCancelled(self._stopped))

    def stop(self, reason: RouterError | None = None) -> None:
        """End the call; what was delivered of it is charged. Never blocks; only the first reason counts.

        Args:
            reason: what the client is told; None where the gateway ends.
        """
        if self._stopped is not None:
            return
        self._stopped = reason or Unavailable(_STOPPED, headers=dict(_AGAIN))
        gevent.get_hub().loop.run_callback(self._cut_short)

    def finish(self, error: RouterError | None = None) -> None:
        """Settle the call and hand over its record. Only the first ending of a call counts.

        Raises:
            Unavailable: a good call could not be settled durably in time. What the client is told now is what is
                booked: a plain answer is withheld, and costs nothing; a stream was read, and is charged.
        """
        finished, self._finished = self._finished, None
        if finished is None:
            return
        if error is not None:
            error.recorded = True
        record, reckoned = self._record(error)
        good = error is None and not self.gone
        if record.marks and self.target is not None:
            tell(record, self.target, self.terms.sales[self.target.id].bound)
        assert self.admission is not None
        unsettled = None
        try:
            unbooked = (lambda: unbooked_row(record)) if good else None
            settled = self.admission.close(self, record, reckoned, unbooked)
        except StoreError as failed:
            _log.warning("call %s could not be booked in time: %s", record.request_id, failed.message)
            told = STREAM_UNBOOKED if record.streamed else PLAIN_UNBOOKED
            unsettled = Unavailable(told, code=StoreError.code, headers=dict(_AGAIN))
            unsettled.recorded = True
            settled = unbooked_row(record) if good else record
        self.settled = settled
        finished(self, settled)
        if self.keeping is not None:
            self.keeping.over()
        if unsettled is not None and good:
            raise unsettled

    def _record(self, error: RouterError | None) -> tuple[CallRecord, ChargeResult]:
        relay, terms = self.relay, self.terms
        ending = "ok" if error is None and not self.gone else self._ending(error)
        reckoned = self._reckoned(ending, error)
        usage = reckoned.usage or _NOTHING
        first, started, target, key = self.first_output, self.started, self.target, self.key
        record = CallRecord(
            request_id=self.request_id,
            created_at=self._received_at,
            route=self.surface.name,
            account=key.account,
            key=key.id,
            model=self.model,
            provider=target.provider.name if target is not None else "",
            upstream_model=target.model if target is not None else "",
            status=200 if ending == "ok" else self._status(ending, error),
            ending=ending,
            error_code=(error.code or "") if error is not None else "",
            streamed=self.stream,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=usage.cached_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            estimated=reckoned.estimated,
            latency_ms=round((time.monotonic() - started) * 1000),
            first_token_ms=None if first is None else round((first - started) * 1000),
            attempts=tuple(self.attempts),
            cache_write_tokens=usage.cache_write_tokens,
            clamped=reckoned.clamped,
            charge_nano=reckoned.charge_nano,
            cost_nano=reckoned.cost_nano,
            rate_nano=terms.rate_nano,
            prices=reckoned.prices,
            marks=marks_of(relay.marks, relay.usage, reckoned, terms.rate_nano),
            reported_model=relay.reported_model,
            reported=reckoned.reported,
            client_request_id=self.client_request_id,
            units=usage.units,
            answer_id=relay.answer_id,
            client=self.peer.address,
            traceparent=self.peer.traceparent,
            tracestate=self.peer.tracestate,
            finish_reasons=relay.finish_reasons,
        )
        return record, reckoned

    def _reckoned(self, ending: str, error: RouterError | None = None) -> ChargeResult:
        """The charge if the call ended so: what was delivered, and the prompt once a provider has taken the call on.

        An answer that is too long to be passed on was made all the same.
        """
        relay = self.relay
        told, estimate = relay.usage, None
        if (told is None or told.doubtful) and (relay.output or (self.taken_on and error is None)):
            estimate = relay.estimate()
        if isinstance(error, GuardRefused) and ending == "error":  # the provider has done its work
            ending = "cut"
        if isinstance(error, AnswerTooLong) and not relay.output:
            ending, estimate = "cut", relay.estimate(error.limit_bytes)
        result = compute_charge(self.terms, self.target, told, estimate, ending)
        return result if self.recalled is None else self.recalled.charged(result)

    def progress(self) -> Statement | None:
        """The statement that notes how far the call has come; None where that is nothing yet, or has been noted."""
        if self._finished is None or self.target is None or not (self.relay.output or self.taken_on):
            return None
        assert self.admission is not None
        statement = self.admission.progress(self, self._reckoned("cut"), self.target)
        if statement == self._noted:
            return None
        self._noted = statement
        return statement

    def _ending(self, error: RouterError | None) -> str:
        if self.gone:
            return "disconnect"
        if error is None:
            return "ok"
        return "cut" if self.relay.output and self.stream else "error"

    def _status(self, ending: str, error: RouterError | None) -> int:
        """What the client got; a dialect may have statuses of its own."""
        answered = self.answered or (self.relay.output and self.stream and self.guarding is None)
        if ending == "disconnect" and not answered:
            return _LEFT
        return 200 if error is None or answered else self.surface.error_status(self._dialect, error)
