"""Counts calls: a few additions for each, in the process that served it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

from router.metrics.families import FAMILIES, MODELS_MOST, OTHER
from router.metrics.sheet import MetricSheet
from router.types.records import CallRecord

__all__ = ["CallMeter"]

_WAITS_MS = FAMILIES["call_duration_seconds"].buckets
_KNOWN_MOST = 4 * MODELS_MOST
_NOT_PRICED = "model_not_priced"


class _Places(NamedTuple):
    """Where the series of one surface, provider and model are."""

    labels: tuple[str, str, str]
    good: int
    attempts_ok: int
    duration: int
    first_output: int
    prompt: int
    completion: int
    cached: int
    cache_write: int
    reasoning: int
    charged: int
    cost: int


class CallMeter:
    """What finished calls and refused requests leave on a sheet.

    Args:
        is_known: whether a model, or an alias, stands in the catalogue; others are ``other``: whoever makes up names
            makes no series.
    """

    def __init__(self, sheet: MetricSheet, is_known: Callable[[str], bool]) -> None:
        self._sheet = sheet
        self._is_known = is_known
        self._places: dict[tuple[str, str, str], _Places] = {}

    def finished(self, record: CallRecord) -> None:
        """A call is over."""
        key = (record.route, record.provider, record.model)
        places = self._places.get(key) or self._found(key)
        labels, good, tried, duration, first_output, prompt, completion, cached, written, reasoning, charged, cost = (
            places
        )
        cells, latency, first = self._sheet.cells, record.latency_ms, record.first_token_ms
        cells[duration] += latency
        cells[duration + 1 + bisect_left(_WAITS_MS, latency)] += 1
        if first is not None:
            cells[first_output] += first
            cells[first_output + 1 + bisect_left(_WAITS_MS, first)] += 1
        cells[prompt] += record.prompt_tokens
        cells[completion] += record.completion_tokens
        if record.cached_tokens or record.cache_write_tokens:
            cells[cached] += record.cached_tokens
            cells[written] += record.cache_write_tokens
        if record.reasoning_tokens:
            cells[reasoning] += record.reasoning_tokens
        if record.charge_nano:
            cells[charged] += record.charge_nano
        if record.cost_nano:
            cells[cost] += record.cost_nano
        attempts = record.attempts
        if record.ending == "ok" and len(attempts) == 1 and attempts[0].kind == "ok":
            cells[good] += 1
            cells[tried] += 1
        else:
            self._rare(record, labels)
        if record.units is not None:
            for unit, count in record.units.counts().items():
                self._sheet.add("units", *labels, unit, by=count)
        if record.estimated or record.clamped or record.marks:
            self._doubts(record)

    def refused(self, route: str, status: int, code: str, model: str) -> None:
        """A request never became a call.

        Args:
            route: the route's pattern.
            model: what it asked for, as it was written.
        """
        self._sheet.add("refusals", route, str(status), code)
        if code == _NOT_PRICED:
            self._sheet.add("unpriced_asks", model if self._is_known(model) else OTHER)

    def replayed(self, surface: str) -> None:
        """A repeat got the answer of an earlier call."""
        self._sheet.add("replays", surface)

    def cached(self, plugin: str) -> None:
        """A request got what a plugin had kept."""
        self._sheet.add("cached_answers", plugin)

    def _rare(self, record: CallRecord, labels: tuple[str, str, str]) -> None:
        self._sheet.add("calls", *labels, record.ending)
        if record.error_code:
            self._sheet.add("call_errors", record.route, record.error_code)
        for attempt in record.attempts:
            self._sheet.add("upstream_attempts", attempt.provider, attempt.kind)

    def _doubts(self, record: CallRecord) -> None:
        marks = [*record.marks, *["estimated"] * record.estimated, *["clamped"] * record.clamped]
        for mark in marks:
            self._sheet.add("doubtful_usage", record.provider, mark)

    def _found(self, key: tuple[str, str, str]) -> _Places:
        surface, provider, model = key
        known = self._is_known(model)
        labels = (surface, provider, model if known else OTHER)
        place = self._sheet.place
        for ending in ("error", "cut", "disconnect"):
            place("calls", *labels, ending)  # from zero, so that the first one is a rise
        found = _Places(
            labels,
            place("calls", *labels, "ok"),
            place("upstream_attempts", provider, "ok"),
            place("call_duration_seconds", *labels),
            place("first_output_seconds", *labels),
            place("tokens", *labels, "prompt"),
            place("tokens", *labels, "completion"),
            place("tokens", *labels, "cached"),
            place("tokens", *labels, "cache_write"),
            place("tokens", *labels, "reasoning"),
            place("charged", *labels),
            place("cost", *labels),
        )
        if known and len(self._places) < _KNOWN_MOST:
            self._places[key] = found
        return found
