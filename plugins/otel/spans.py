"""Records as spans: names and attributes by OpenTelemetry's conventions for generative AI."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from router import AttemptRecord, CallRecord, RefusalRecord, span_id_of

__all__ = ["Spans"]

_SEND_S = 5
_FLUSH_MS = 2000
_BATCH_MAX = 512
_EVERY_MS = 1000
_ATTEMPTS_MAX = 10_000
_NANO = 1_000_000_000
_OPERATIONS = {"embeddings": "embeddings", "completions": "text_completion", "google": "chat", "ollama": "chat"}
_CHATS = ("chat", "messages", "responses")


class _Ids(IdGenerator):
    """Random IDs, but for the span of a call, whose ID upstreams have been told."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self.next = 0

    def generate_span_id(self) -> int:
        given, self.next = self.next, 0
        return given or self._random.generate_span_id()

    def generate_trace_id(self) -> int:
        return self._random.generate_trace_id()


class Spans:
    """Makes spans of records, and has them sent. One per worker.

    Args:
        endpoint: an OTLP/HTTP collector's path for traces.
        headers: of each request to it.
        service: the resource's name.
        sample: the share of calls that are traced where the client does not say.
        queue: spans that wait at most.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str], service: str, sample: float, queue: int) -> None:
        self._ids = _Ids()
        self._attempts: dict[str, list[AttemptRecord]] = {}
        exporter = OTLPSpanExporter(endpoint=endpoint, headers=dict(headers), timeout=_SEND_S)
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(sample)),
            resource=Resource.create({"service.name": service}),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        size = min(_BATCH_MAX, queue)
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, queue, schedule_delay_millis=_EVERY_MS, max_export_batch_size=size)
        )
        self._tracer = self._provider.get_tracer("tollrouter")

    def attempt(self, record: AttemptRecord) -> None:
        """Keep an attempt until its call is over."""
        if len(self._attempts) >= _ATTEMPTS_MAX:  # of calls of whose end nobody was told
            self._attempts.pop(next(iter(self._attempts)))
        self._attempts.setdefault(record.request_id, []).append(record)

    def call(self, record: CallRecord) -> None:
        """The span of a call, with those of its attempts below it."""
        attempts = self._attempts.pop(record.request_id, [])
        operation = _operation(record.route)
        began = round(record.created_at * _NANO)
        ended = began + record.latency_ms * 1_000_000
        self._ids.next = int(span_id_of(record.request_id), 16)
        span = self._tracer.start_span(
            f"{operation} {record.model}",
            _parent(record.traceparent, record.tracestate),
            SpanKind.SERVER,
            _of_call(record),
            start_time=began,
        )
        self._ids.next = 0
        if record.first_token_ms is not None:
            span.add_event("first_output", timestamp=began + record.first_token_ms * 1_000_000)
        below = set_span_in_context(span)
        for one in attempts:
            self._attempt(one, operation, below, (began, ended), last=one is attempts[-1])
        _end(span, record.error_code if record.ending != "ok" else "", ended)

    def refusal(self, record: RefusalRecord) -> None:
        """The span of a request that never became a call; it has no length."""
        at = round(record.at * _NANO)
        self._ids.next = int(span_id_of(record.request_id), 16)
        told: dict[str, AttributeValue] = {
            "http.route": record.route,
            "http.response.status_code": record.status,
            "tollrouter.request_id": record.request_id,
            "tollrouter.account": record.account,
            "tollrouter.key": record.key,
            "gen_ai.request.model": record.model,
        }
        told = {name: value for name, value in told.items() if value != ""}
        span = self._tracer.start_span(
            f"refused {record.route}",
            _parent(record.traceparent, record.tracestate),
            SpanKind.SERVER,
            told,
            start_time=at,
        )
        self._ids.next = 0
        _end(span, record.code or str(record.status), at)

    def close(self) -> None:
        """Send what waits, for a moment at most."""
        self._provider.force_flush(_FLUSH_MS)
        self._provider.shutdown()

    def _attempt(
        self, record: AttemptRecord, operation: str, below: Context, within: tuple[int, int], *, last: bool
    ) -> None:
        attempt = record.attempt
        began = round(record.began_at * _NANO) or within[0]
        good = attempt.kind == "ok"
        ended = within[1] if good and last else began + attempt.latency_ms * 1_000_000
        told: dict[str, AttributeValue] = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": attempt.provider,
            "gen_ai.request.model": attempt.model,
            "tollrouter.attempt": record.number,
        }
        if attempt.status is not None:
            told["http.response.status_code"] = attempt.status
        span = self._tracer.start_span(f"{operation} {attempt.model}", below, SpanKind.CLIENT, told, start_time=began)
        _end(span, "" if good else attempt.kind, max(began, ended))


def _operation(route: str) -> str:
    return "chat" if route in _CHATS else _OPERATIONS.get(route, route)


def _of_call(record: CallRecord) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue | None] = {
        "gen_ai.operation.name": _operation(record.route),
        "gen_ai.provider.name": record.provider,
        "gen_ai.request.model": record.model,
        "gen_ai.response.model": record.reported_model or record.upstream_model,
        "gen_ai.response.finish_reasons": record.finish_reasons or None,
        "gen_ai.usage.input_tokens": record.prompt_tokens,
        "gen_ai.usage.output_tokens": record.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": record.cached_tokens or None,
        "gen_ai.usage.cache_creation.input_tokens": record.cache_write_tokens or None,
        "gen_ai.usage.reasoning.output_tokens": record.reasoning_tokens or None,
        "http.response.status_code": record.status,
        "tollrouter.request_id": record.request_id,
        "tollrouter.surface": record.route,
        "tollrouter.account": record.account,
        "tollrouter.key": record.key,
        "tollrouter.ending": record.ending,
        "tollrouter.streamed": record.streamed,
        "tollrouter.charge_nano": record.charge_nano,
        "tollrouter.first_token_ms": record.first_token_ms,
    }
    return {name: value for name, value in found.items() if value is not None and value != ""}


def _parent(traceparent: str, tracestate: str) -> Context:
    """What a client's ``traceparent`` names; an empty context where it sent none."""
    if not traceparent:
        return Context()
    _, trace, span, flags = traceparent.split("-")
    state = TraceState.from_header([tracestate]) if tracestate else None
    told = SpanContext(int(trace, 16), int(span, 16), True, TraceFlags(int(flags, 16)), state)
    return set_span_in_context(NonRecordingSpan(told), Context())


def _end(span: Span, error: str, at: int) -> None:
    if error:
        span.set_attribute("error.type", error)
        span.set_status(Status(StatusCode.ERROR, error))
    span.end(at)
