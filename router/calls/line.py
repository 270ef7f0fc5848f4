"""The line that a request travels, stop by stop: auth, schemas, resolve, admission, dispatch, reply, record.

Plain values in, plain values out: nothing here knows Flask or WSGI.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gevent

from router.calls.admission import Admission, StaleKey
from router.calls.auth import Authenticator, check_calls
from router.calls.call import ActiveCall
from router.calls.dispatch import Dispatcher
from router.calls.flight.endings import Endings
from router.calls.flight.progress import ProgressNotes
from router.calls.idempotency import Idempotency, Replay
from router.calls.intake import Intake
from router.calls.line_plugins import LinePlugins
from router.calls.observers import Recorder
from router.calls.recall.caches import AnswerCaches
from router.calls.recall.repeats import STALE_MAX, count_request
from router.calls.recall.replay import recalled_terms
from router.calls.request import CallCancelled, ClientConnection, Incoming
from router.calls.served_headers import served_headers
from router.calls.stream import Pump
from router.catalogue.snapshot import Snapshot
from router.charging.plan import Plan, Plans
from router.charging.quote import PriceQuoter
from router.config.schema import GatewaySettings
from router.errors import BadRequest, Conflict, Forbidden, RateLimited, RouterError, Unavailable, faults
from router.providers.model_list import ModelListService
from router.providers.resolve import ModelResolver
from router.structs import record
from router.surfaces.body import decode_json
from router.surfaces.proofs import ProofSealer
from router.surfaces.surface import Surface
from router.surfaces.uploads import SMALL_BYTES, UploadLimits, Uploads
from router.types.dialect import Dialect
from router.types.offers import Listed
from router.types.records import CallRecord, Key

__all__ = ["CallAnswer", "CallPipeline"]

_log = logging.getLogger("router.calls")
_STOP_STEP_S = 0.02


@record
@dataclass(frozen=True, slots=True)
class CallAnswer:
    """What the client gets: a body in bytes; None where it got a stream, which is over."""

    body: bytes | None
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200


class CallPipeline:
    """Serves calls. One per worker.

    Args:
        available: account -> nano-units that it has left; None where nothing is billed.
        endings: whose calls are to end, as ``Endings`` asks for them.
        caches: who keeps answers; None where nobody does.
        proofs: wraps what providers want back with their reasoning.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        dialect: Dialect,
        authenticator: Authenticator,
        lister: ModelListService,
        resolver: ModelResolver,
        quoter: PriceQuoter,
        admission: Admission,
        recorder: Recorder,
        idempotency: Idempotency,
        available: Callable[[str], int] | None = None,
        *,
        endings: Callable[[int], dict[str, tuple[int, str]]],
        plugins: LinePlugins,
        caches: AnswerCaches | None = None,
        proofs: ProofSealer,
    ) -> None:
        self._settings = settings
        self._dialect = dialect
        self._authenticator = authenticator
        self._lister = lister
        self._resolver = resolver
        self._quoter = quoter
        self._admission = admission
        self._recorder = recorder
        self._idempotency = idempotency
        self._plugins, self._caches = plugins, caches
        self._dispatcher = Dispatcher(
            resolver,
            max_attempts=settings.max_attempts,
            max_call_s=settings.max_call_s,
            on_content=settings.fall_back_on_content,
            failed=recorder.attempted if recorder.attempts_watched else None,
            shown=recorder.output if recorder.outputs_watched else None,
            ordered=plugins.ordered if plugins.orders else None,
        )
        least = 2 * settings.max_body_bytes  # as it was sent, and without its coding
        bounds = (settings.worker_body_bytes, settings.account_body_bytes, settings.key_body_bytes)
        self._uploads = Uploads(UploadLimits(*(max(least, one) for one in bounds)), available)
        self._in_flight: dict[str, ActiveCall] = {}
        self._plans = Plans(quoter.snapshot, self._planned)
        drain_s = settings.drain_s
        given = (dialect, self._uploads, drain_s, self._finished)
        self._intake = Intake(*given, plans=self._plans, proofs=proofs, guards=plugins.guarding)
        self._progress = ProgressNotes(admission.journal, self._in_flight)
        self._endings = Endings(authenticator.version, endings, self._in_flight)

    def busy(self) -> int:
        """Calls that are not settled yet."""
        return len(self._in_flight)

    def stop(self, timeout_s: float) -> None:
        """End the calls that are still under way, charged for what was delivered, and wait until they are settled."""
        for active in self._in_flight.values():
            active.stop()
        deadline = time.monotonic() + timeout_s
        while self._in_flight and time.monotonic() < deadline:
            gevent.sleep(_STOP_STEP_S)
            if not self._in_flight:
                gevent.sleep(_STOP_STEP_S)  # in which their clients are told

    def tell_observers(self, timeout_s: float) -> None:
        """Give observers, and who keeps answers, this long to see the last calls."""
        self._recorder.drain(timeout_s)
        if self._caches is not None:
            self._caches.drain(timeout_s)

    def call(self, surface: Surface, incoming: Incoming) -> CallAnswer:
        """Take a call in, and serve it.

        Args:
            surface: whose path it came to.

        Raises:
            RouterError: what the surface renders as the error body; it knows whose the call was.
        """
        key = self._authenticator.key(incoming.authorization, incoming.x_api_key, incoming.api_key)
        body: Any = None
        try:
            size = incoming.body_size
            if size is not None and size <= SMALL_BYTES:
                raw = incoming.read_body()
                body = decode_json(raw) if surface.reads_json else surface.read(raw, incoming.header)
            else:
                raw, body = self._intake.large_body(surface, key, incoming, size)
            if incoming.model:
                body, raw = incoming.with_model(body, raw)
            if self._plugins.guards:
                body = self._plugins.guarded(surface.name, key, body, incoming)
            active = self._intake.call(surface, key, body, incoming)
            if active.stream and not (self._settings.streaming or surface.always_streams):
                message = "Streaming is switched off on this gateway; send the request without 'stream'."
                raise BadRequest(message, code="streaming_disabled", param="stream")
            if incoming.idempotency_key is not None and key.idempotent:
                return self._serve_once(active, incoming.idempotency_key, incoming, raw)
            if self._plugins.caches and not active.stream and not (active.guarding and active.guarding.changed):
                return self._serve_known(active, incoming)
            if self._caches is not None:
                self._caches.look(active, incoming, self._plans.of)
            return self._serve(active, incoming)
        except RouterError as error:
            model = body.get("model") if isinstance(body, dict) else None
            error.about = {"account": key.account, "key": key.id, "model": model if isinstance(model, str) else ""}
            raise

    def models(self, incoming: Incoming, show: Callable[[Iterable[Listed]], Any]) -> Any:
        """``GET /v1/models``: what ``show`` makes of the models that the key can call."""
        return show(self._lister.served(self.key(incoming)))

    def model(self, incoming: Incoming, model_id: str, show: Callable[[Listed], Any]) -> Any:
        """``GET /v1/models/<id>``: what ``show`` makes of it.

        Raises:
            ModelNotFound: no such model is listed.
            Forbidden: the key may not use it.
        """
        key = self.key(incoming)
        try:
            return show(self._lister.one(key, model_id))
        except RouterError as error:
            error.about = {"account": key.account, "key": key.id, "model": model_id}
            raise

    def served(self, key: Key) -> Iterable[Listed]:
        """The models that a key can call."""
        return self._lister.served(key)

    def key(self, incoming: Incoming, *, fresh: bool = False) -> Key:
        """The key that a request shows, whatever it is for. Raises as ``Authenticator.key``."""
        return self._authenticator.key(incoming.authorization, incoming.x_api_key, incoming.api_key, fresh=fresh)

    def calling_key(self, incoming: Incoming) -> Key:
        """The key of a request to a route of those who call models.

        Raises:
            Forbidden: it is for something else.
            Unauthorized, BadRequest: as ``Authenticator.key``.
        """
        key = self.key(incoming)
        check_calls(key)
        return key

    def _serve_once(self, active: ActiveCall, value: str, incoming: Incoming, raw: bytes) -> CallAnswer:
        """Serve a call, or give the answer that its ``Idempotency-Key`` has already."""
        key, name = active.key, active.surface.name
        framing = "" if active.translated is None else active.translated.face.framing
        kind = f"{name} {framing}" if framing else name
        try:
            found = self._idempotency.enter(value, key, kind, raw, active.request_id, incoming.client)
        except Conflict:
            count_request(self._admission, self._authenticator, active, incoming)
            raise
        if isinstance(found, Replay):
            count_request(self._admission, self._authenticator, active, incoming)
            self._recorder.replayed(active.request_id, found.first, key, name, found.status, active.peer)
            return CallAnswer(found.body, found.headers, found.status)
        active.keeping = found
        return self._serve(active, incoming)

    def _serve_known(self, active: ActiveCall, incoming: Incoming) -> CallAnswer:
        """Give the answer that a plugin has kept, which costs nothing; or serve a call, and let it be kept."""
        known = self._plugins.known(active, self._plans.of)
        if known is None:
            given = self._serve(active, incoming)
            self._plugins.keep(active, given.status, given.body)
            return given
        name, answer = known
        count_request(self._admission, self._authenticator, active, incoming)
        self._recorder.cached(active.request_id, name, active.key, active.surface.name, active.peer)
        return CallAnswer(answer, {**active.surface.plain_headers, "x-router-cache": name})

    def _serve(self, active: ActiveCall, incoming: Incoming) -> CallAnswer:
        keeping = active.keeping
        try:
            self._admit(active, incoming)
        except BaseException:
            if keeping is not None:
                self._idempotency.release(keeping)
            raise
        self._in_flight[active.request_id] = active
        if not self._progress.running:
            self._progress.start()
        if not self._endings.running:
            self._endings.start()
        if keeping is not None:
            keeping.headers = partial(served_headers, self._dialect, self._admission, active)
        if active.stream:
            return self._stream(active, incoming)
        return self._plain(active, incoming.client)

    def _admit(self, active: ActiveCall, incoming: Incoming) -> None:
        """Open the bracket. Where the key has changed since it was read, everything is checked again."""
        for _ in range(STALE_MAX):
            try:
                plan = self._plans.of(active.key, active.surface, active.model)
            except Forbidden:  # it may be allowed by now
                active.key = self.key(incoming, fresh=True)
                plan = self._plans.of(active.key, active.surface, active.model)
            if active.translated is not None:
                active.translated.check_lane(native=plan.targets[0].native, paid=plan.paid)
            terms = self._quoter.terms(plan, active.body, active.found, incoming.received_at)
            if active.recalled is not None:
                terms = recalled_terms(active, active.recalled, terms)
            active.plan, active.admission = plan, self._admission
            try:
                return self._admission.open(active, plan, terms)
            except RateLimited as error:
                self._uploads.note_refusal(active.key, error)
                raise
            except StaleKey:
                self._authenticator.forget(active.key)
                active.key = self.key(incoming)
        raise Unavailable("Keys and limits are changing too fast just now.", headers={"Retry-After": "1"})

    def _planned(self, key: Key, surface: Surface, model: str, snapshot: Snapshot) -> Plan:
        """Compile the plan of such calls: here, once, is seen whether the key is for calls at all.

        Raises:
            Forbidden: it is not.
            RouterError: as ``ModelResolver.route`` and ``PriceQuoter.plan``.
        """
        check_calls(key)
        return self._quoter.plan(surface, key, self._resolver.route(model, key), snapshot)

    def _plain(self, active: ActiveCall, client: ClientConnection | None) -> CallAnswer:
        """The whole reply, settled before its first byte goes out."""
        if client is not None:
            client.watch(active.client_left)
        try:
            with active:
                opened = self._dispatcher.open(active)
                opened.close()
                body = opened.first if active.guarding is None else active.guarding.answer(active, opened.first)
            if active.keeping is not None:
                active.keeping.end(body)
        except CallCancelled as cancelled:
            active.finish(cancelled.reason)
            if cancelled.reason is not None:
                raise cancelled.reason from None
            return CallAnswer(b"", {}, 499)
        except RouterError as error:
            active.finish(error)
            error.headers.update(served_headers(self._dialect, self._admission, active, {}))
            raise
        except faults():  # a fault of ours, or a plugin's, must still settle the call
            _log.exception("call %s failed", active.request_id, extra={"said": active.body})
            failed = RouterError("The gateway failed while it served this call.")
            active.finish(failed)
            raise failed from None
        finally:
            if client is not None:
                client.unwatch()
        active.finish()
        return CallAnswer(body, served_headers(self._dialect, self._admission, active))

    def _stream(self, active: ActiveCall, incoming: Incoming) -> CallAnswer:
        """A stream to its end, which the client got unless it left, or an error before anything of it was sent."""
        client = incoming.client
        assert incoming.open_sink is not None, "a door that takes calls has a way for streams"
        sink = incoming.open_sink()
        pump = Pump(active, self._dispatcher, self._settings, sink, partial(self._begun, active))
        if client is not None:
            client.watch(pump.client_left)
        try:
            pump.run()
        except RouterError as error:
            error.headers.update(served_headers(self._dialect, self._admission, active, {}))
            raise
        finally:
            if client is not None:
                client.unwatch()
        return CallAnswer(None)

    def _begun(self, active: ActiveCall) -> dict[str, str]:
        """The headers of a stream that begins; its repeats get the same, whatever becomes of it."""
        headers = served_headers(self._dialect, self._admission, active)
        if active.keeping is not None:
            active.keeping.headers = lambda: headers
        return headers

    def _finished(self, active: ActiveCall, record: CallRecord) -> None:
        del self._in_flight[record.request_id]
        if active.guarding is not None:
            active.guarding.over(stream=active.stream)
        self._recorder.finished(record, active.plan.logged, active.attempts_told, active.tried_at)
        if self._caches is not None:
            self._caches.keep(active, record)
