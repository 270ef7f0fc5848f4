"""The line that a request travels, stop by stop: auth, schemas, resolve, admission, dispatch, reply, record.

Plain values in, plain values out: nothing here knows Flask or WSGI.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import gevent

from router.dialect import Dialect
from router.errors import FAULTS, BadRequest, Conflict, Forbidden, RateLimited, RouterError, Unavailable
from router.gateway.active import ActiveCall, CallCancelled, Client
from router.gateway.admission import Admission, Bracket, StaleKey
from router.gateway.auth import Authenticator
from router.gateway.body import decode_json
from router.gateway.dispatch import Dispatcher
from router.gateway.endings import Endings
from router.gateway.idempotency import Idempotency, Replay
from router.gateway.incoming import Incoming
from router.gateway.keeping import CHARGE, Keeping
from router.gateway.listing import Lister
from router.gateway.progress import Progress
from router.gateway.pump import Pump, StreamBody
from router.gateway.quoting import Quoter
from router.gateway.record import Recorder
from router.gateway.resolve import Resolver
from router.gateway.schemas import chat_call, dropped_fields, embeddings_call
from router.gateway.uploads import SMALL_BYTES, UploadLimits, Uploads
from router.money import format_nano
from router.sections import GatewaySettings
from router.types import Attempt, CallRecord, ChatCall, EmbeddingsCall, Key

__all__ = ["Answer", "Gateway"]

_log = logging.getLogger("router.line")
_STALE_MAX = 8
_STOP_STEP_S = 0.02
_PLAIN_HEADERS = {"Content-Type": "application/json"}
_STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets: a body in bytes, or a stream's iterator (with ``close()``)."""

    body: bytes | StreamBody
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200


class Gateway:
    """Serves calls. One per worker.

    Args:
        available: account -> nano-units that it has left; None where nothing is billed.
        endings: whose calls are to end, as ``Endings`` asks for them.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        dialect: Dialect,
        authenticator: Authenticator,
        lister: Lister,
        resolver: Resolver,
        quoter: Quoter,
        admission: Admission,
        recorder: Recorder,
        idempotency: Idempotency,
        available: Callable[[str], int] | None = None,
        *,
        endings: Callable[[int], dict[str, tuple[int, str]]],
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
        self._dispatcher = Dispatcher(
            resolver,
            max_attempts=settings.max_attempts,
            max_call_s=settings.max_call_s,
            on_content=settings.fall_back_on_content,
        )
        least = 2 * settings.max_body_bytes  # as it was sent, and without its coding
        bounds = (settings.worker_body_bytes, settings.account_body_bytes, settings.key_body_bytes)
        self._uploads = Uploads(UploadLimits(*(max(least, one) for one in bounds)), available)
        self._under_way: dict[str, ActiveCall] = {}
        self._progress = Progress(admission.journal, self._under_way)
        self._endings = Endings(authenticator.version, endings, self._under_way)

    def busy(self) -> int:
        """Calls that are not settled yet."""
        return len(self._under_way)

    def stop(self, timeout_s: float) -> None:
        """End the calls that are still under way, charged for what was delivered, and wait until they are settled."""
        for active in self._under_way.values():
            active.stop()
        deadline = time.monotonic() + timeout_s
        while self._under_way and time.monotonic() < deadline:
            gevent.sleep(_STOP_STEP_S)
            if not self._under_way:
                gevent.sleep(_STOP_STEP_S)  # in which their clients are told

    def tell_observers(self, timeout_s: float) -> None:
        """Give observers this long to see the last calls."""
        self._recorder.drain(timeout_s)

    def chat(self, incoming: Incoming) -> Answer:
        """``POST /v1/chat/completions``.

        Raises:
            RouterError: what the dialect renders as the error body.
        """
        return self._read("chat", chat_call, incoming)

    def embeddings(self, incoming: Incoming) -> Answer:
        """``POST /v1/embeddings``. Raises as ``chat``."""
        return self._read("embeddings", embeddings_call, incoming)

    def _read(self, kind: str, read: Callable[[Any, str], ChatCall | EmbeddingsCall], incoming: Incoming) -> Answer:
        """Take a call in, and serve it; an error knows whose it was."""
        key = self._key(incoming)
        body: Any = None
        try:
            raw, body = self._body(key, incoming)
            call = read(body, incoming.request_id)
            if call.stream and not self._settings.streaming:
                message = "Streaming is switched off on this gateway; send the request without 'stream'."
                raise BadRequest(message, code="streaming_disabled", param="stream")
            return self._serve_once(call, kind, key, incoming, body, raw)
        except RouterError as error:
            model = body.get("model") if isinstance(body, dict) else None
            error.about = {**_owner(key), "model": model if isinstance(model, str) else ""}
            raise

    def models(self, incoming: Incoming) -> Any:
        """``GET /v1/models``: what the dialect makes of the models that the key can call."""
        return self._dialect.models(self._lister.served(self._key(incoming)))

    def model(self, incoming: Incoming, model_id: str) -> Mapping[str, Any]:
        """``GET /v1/models/<id>``.

        Raises:
            ModelNotFound: no such model is listed.
            Forbidden: the key may not use it.
        """
        key = self._key(incoming)
        try:
            return self._dialect.model(self._lister.one(key, model_id))
        except RouterError as error:
            error.about = {**_owner(key), "model": model_id}
            raise

    def _body(self, key: Key, incoming: Incoming) -> tuple[bytes, dict[str, Any]]:
        """The request's body, read and decoded; a large one only where there is room for it."""
        size = incoming.body_size
        if size is not None and size <= SMALL_BYTES:
            raw = incoming.read_body(None)
            return raw, decode_json(raw)
        with self._uploads.begin(key, size) as note:
            raw = incoming.read_body(note)
            return raw, decode_json(raw)

    def _key(self, incoming: Incoming, *, fresh: bool = False) -> Key:
        return self._authenticator.key(incoming.authorization, incoming.x_api_key, fresh=fresh)

    def _serve_once(
        self,
        call: ChatCall | EmbeddingsCall,
        kind: str,
        key: Key,
        incoming: Incoming,
        body: Mapping[str, Any],
        raw: bytes,
    ) -> Answer:
        """Serve a call, or give the answer that its ``Idempotency-Key`` has already."""
        value = incoming.idempotency_key
        if value is None or not key.idempotent:
            return self._serve(call, kind, key, incoming, body)
        try:
            found = self._idempotency.enter(value, key, kind, raw, call.request_id, incoming.client)
        except Conflict:
            self._count_request(call, kind, key, incoming)
            raise
        if isinstance(found, Replay):
            self._count_request(call, kind, key, incoming)
            self._recorder.replayed(call.request_id, found.first, key, kind, found.status)
            return Answer(found.body, found.headers, found.status)
        return self._serve(call, kind, key, incoming, body, found)

    def _count_request(self, call: ChatCall | EmbeddingsCall, kind: str, key: Key, incoming: Incoming) -> None:
        """A repeat costs nothing, but is a request like any other."""
        for _ in range(_STALE_MAX):
            try:
                return self._admission.count_request(call, kind, key)
            except StaleKey:
                self._authenticator.forget(key)
                key = self._key(incoming)
        return None

    def _serve(
        self,
        call: ChatCall | EmbeddingsCall,
        kind: str,
        key: Key,
        incoming: Incoming,
        body: Mapping[str, Any],
        keeping: Keeping | None = None,
    ) -> Answer:
        try:
            key, bracket = self._admit(call, kind, key, incoming)
        except BaseException:
            if keeping is not None:
                self._idempotency.release(keeping)
            raise
        active = ActiveCall(
            call,
            kind,
            key,
            bracket,
            self._dialect,
            received_at=incoming.received_at,
            drain_s=self._settings.drain_s,
            finished=self._finished,
            keeping=keeping,
            started=incoming.started,
            client_request_id=incoming.client_request_id,
        )
        self._under_way[call.request_id] = active
        self._progress.start()
        self._endings.start()
        active.dropped_at_door = dropped_fields(body)
        if keeping is not None:
            keeping.headers = lambda: self._headers(active)
        if call.stream:
            return self._stream(active, incoming.client)
        return self._plain(active, incoming.client)

    def _admit(self, call: ChatCall | EmbeddingsCall, kind: str, key: Key, incoming: Incoming) -> tuple[Key, Bracket]:
        """The open bracket. What a key may do is what it may do now: where it has changed, all is looked at again."""
        for _ in range(_STALE_MAX):
            try:
                route = self._resolver.route(call.model, key)
            except Forbidden:  # it may be allowed by now
                key = self._key(incoming, fresh=True)
                route = self._resolver.route(call.model, key)
            terms = self._quoter.terms(call, kind, key, route, incoming.received_at)
            try:
                return key, self._admission.open(call, kind, key, terms)
            except RateLimited as error:
                self._uploads.note_refusal(key, error)
                raise
            except StaleKey:
                self._authenticator.forget(key)
                key = self._key(incoming)
        raise Unavailable("Keys and limits are changing too fast just now.", headers={"Retry-After": "1"})

    def _plain(self, active: ActiveCall, client: Client | None) -> Answer:
        """The whole reply, settled before its first byte goes out."""
        if client is not None:
            client.watch(active.client_left)
        try:
            with active.at_upstream():
                opened = self._dispatcher.open(active)
                opened.close()
            if active.keeping is not None:
                active.keeping.end(opened.first)
        except CallCancelled as cancelled:
            active.finish(cancelled.reason)
            if cancelled.reason is not None:
                raise cancelled.reason from None
            return Answer(b"", {}, 499)
        except RouterError as error:
            active.finish(error)
            error.headers.update(self._told(active))
            raise
        except FAULTS:  # a fault of ours, or a plugin's, must still settle the call
            _log.exception("call %s failed", active.call.request_id, extra={"said": active.call.body})
            failed = RouterError("The gateway failed while it served this call.")
            active.finish(failed)
            raise failed from None
        finally:
            if client is not None:
                client.unwatch()
        active.finish()
        return Answer(opened.first, self._headers(active))

    def _stream(self, active: ActiveCall, client: Client | None) -> Answer:
        """A stream whose first output is there, or that has been silent for long enough to be begun without."""
        pump = Pump(active, self._dispatcher, self._dialect, self._settings)
        if client is not None:
            client.watch(pump.client_left)
        try:
            pump.commit()
        except RouterError as error:
            error.headers.update(self._told(active))
            raise
        return Answer(StreamBody(pump), self._headers(active))

    def _headers(self, active: ActiveCall) -> dict[str, str]:
        """Those of a good answer."""
        own = _STREAM_HEADERS if active.call.stream else _PLAIN_HEADERS
        return {**own, **self._told(active)}

    def _told(self, active: ActiveCall) -> dict[str, str]:
        """What the client is told of how its call was served, as far as that is known, and the dialect shows it."""
        headers = active.bracket.headers()
        dropped = [*active.dropped_at_door, *active.dropped]
        if dropped:
            headers["x-router-dropped-params"] = ", ".join(map(_header_text, dropped))
        if self._dialect.shows_served and active.attempts:
            last = active.attempts[-1]
            headers["x-router-provider"] = _header_text(last.provider)
            headers["x-router-model"] = _header_text(last.model)
            headers["x-router-attempts"] = ", ".join(map(_attempt_text, active.attempts))
        if active.settled is not None and not active.answered:  # a stream's head goes out before it is known
            headers[CHARGE] = format_nano(active.settled.charge_nano)
        return headers

    def _finished(self, record: CallRecord) -> None:
        del self._under_way[record.request_id]
        self._recorder.finished(record)


def _owner(key: Key) -> dict[str, str]:
    return {"account": key.account, "key": key.id}


def _attempt_text(attempt: Attempt) -> str:
    """``openai/gpt-4o;timeout;5003ms``"""
    return f"{_header_text(f'{attempt.provider}/{attempt.model}')};{attempt.kind};{attempt.latency_ms}ms"


def _header_text(text: str) -> str:
    """ASCII, as a header must be; a model's name may be anything printable."""
    return text if text.isascii() else text.encode("ascii", "backslashreplace").decode("ascii")
