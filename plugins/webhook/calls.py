"""What is told of a call: chosen by name, amounts as decimal text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from router import CallRecord
from router.money import format_nano

__all__ = ["DEFAULT_FIELDS", "check_fields", "told"]

_AS_IT_IS = (
    "account",
    "cache_write_tokens",
    "cached_tokens",
    "clamped",
    "client",
    "client_request_id",
    "completion_tokens",
    "ending",
    "error_code",
    "estimated",
    "first_token_ms",
    "key",
    "latency_ms",
    "model",
    "prompt_tokens",
    "provider",
    "reasoning_tokens",
    "request_id",
    "route",
    "status",
    "streamed",
    "traceparent",
    "tracestate",
    "upstream_model",
)
_MADE: Mapping[str, Callable[[CallRecord], Any]] = {
    "attempts": lambda record: len(record.attempts),
    "charge": lambda record: format_nano(record.charge_nano),
    "cost": lambda record: None if record.cost_nano is None else format_nano(record.cost_nano),
    "created_at": lambda record: datetime.fromtimestamp(record.created_at, UTC).isoformat(timespec="milliseconds"),
    "marks": lambda record: list(record.marks),
    "finish_reasons": lambda record: list(record.finish_reasons),
    "units": lambda record: record.units.counts() if record.units else {},
}
DEFAULT_FIELDS = (
    "request_id",
    "created_at",
    "route",
    "account",
    "key",
    "model",
    "provider",
    "status",
    "ending",
    "error_code",
    "streamed",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "latency_ms",
    "first_token_ms",
    "charge",
    "cost",
)
"""What is told where nothing is chosen: not where the client is."""


def check_fields(names: Sequence[str]) -> None:
    """Raises:
    ValueError: one is none.
    """
    known = sorted({*_AS_IT_IS, *_MADE})
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"fields names {unknown[0]!r}, which is none of {', '.join(known)}")


def told(record: CallRecord, names: Sequence[str]) -> dict[str, Any]:
    """A call as it is sent."""
    return {name: _MADE[name](record) if name in _MADE else getattr(record, name) for name in names}
