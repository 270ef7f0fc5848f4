"""What is measured: every series with its type, labels and meaning. ``docs/monitoring.md`` is written from this.

Processes count in whole numbers (``router.metrics.sheet``); ``unit`` says how many of them are one of what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["FAMILIES", "MODELS_MOST", "OTHER", "PREFIX", "Family"]

PREFIX = "router_"
OTHER = "other"
"""The label of what has no series of its own: a model that no catalogue has, and what is beyond a family's bound."""
MODELS_MOST = 500
"""Combinations of surface, provider and model that have series of their own."""

_NANO = 1_000_000_000
_MS = 1_000
_US = 1_000_000
_WAITS_MS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000)
_COMMITS_US = (500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000)
_LAGS_US = (1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000)
_MODEL = ("surface", "provider", "model")


@dataclass(frozen=True, eq=False)
class Family:
    """One measured thing, and all its series.

    Attributes:
        name: without prefix and, for a counter, without ``_total``.
        kind: Prometheus' type.
        meaning: in a sentence, for people.
        labels: whose values processes tell; all are bounded, and none is an account or a key.
        per: what else tells its series apart: nothing, the kind of process (label ``process``: ``gateway`` or
            ``portal``), or the process (label ``worker`` besides, a place that a later process takes over).
        merge: what of several processes' values is shown: their sum, the greatest, or the one that was read last from
            the database, which knows of all processes and nodes.
        unit: how many of the whole numbers that are counted are one of what is shown.
        buckets: upper bounds of a histogram, in whole numbers.
        most: combinations of labels that have series of their own; what is beyond them is counted as ``other``.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    per: Literal["", "process", "worker"] = ""
    merge: Literal["sum", "most", "latest"] = "sum"
    unit: int = 1
    buckets: tuple[int, ...] = ()
    most: int = 100

    @property
    def width(self) -> int:
        """How many numbers one of its series needs: a histogram's are its sum, and a count for each bucket."""
        return len(self.buckets) + 2 if self.kind == "histogram" else 1

    @property
    def shown(self) -> str:
        """Its name as a query has it."""
        return f"{PREFIX}{self.name}{'_total' if self.kind == 'counter' else ''}"

    @property
    def all_labels(self) -> tuple[str, ...]:
        """Its labels as they are shown."""
        return (*self.labels, *{"": (), "process": ("process",), "worker": ("process", "worker")}[self.per])

    @property
    def stays(self) -> bool:
        """Whether what a process has told counts on when it has ended."""
        return self.merge == "most" or (self.merge == "sum" and self.kind != "gauge")


def _calls() -> tuple[Family, ...]:
    return (
        Family(
            "calls",
            "counter",
            "Calls that are over, by how they ended: ok, error, cut, disconnect.",
            (*_MODEL, "ending"),
            most=4 * MODELS_MOST,
        ),
        Family(
            "call_errors",
            "counter",
            "Calls that were let in and did not end well, by the error's code.",
            ("surface", "code"),
            most=500,
        ),
        Family(
            "refusals",
            "counter",
            "Requests that never became a call, by the route's pattern (empty where there is none), status and code.",
            ("route", "status", "code"),
            most=1_000,
        ),
        Family("unpriced_asks", "counter", "Requests for models that have no price.", ("model",), most=200),
        Family("replays", "counter", "Repeats under an Idempotency-Key that got the first answer.", ("surface",)),
        Family("cached_answers", "counter", "Requests that got an answer that a plugin had kept.", ("plugin",)),
        Family(
            "call_duration_seconds",
            "histogram",
            "From a call's arrival to its last byte.",
            _MODEL,
            unit=_MS,
            buckets=_WAITS_MS,
            most=MODELS_MOST,
        ),
        Family(
            "first_output_seconds",
            "histogram",
            "From a call's arrival to its first output (a stream's time to first token).",
            _MODEL,
            unit=_MS,
            buckets=_WAITS_MS,
            most=MODELS_MOST,
        ),
    )


def _used() -> tuple[Family, ...]:
    return (
        Family(
            "tokens",
            "counter",
            "Tokens of finished calls: prompt (cached and cache_write are parts of it), completion (reasoning is).",
            (*_MODEL, "kind"),
            most=5 * MODELS_MOST,
        ),
        Family(
            "units",
            "counter",
            "What calls used beside tokens: images, milliseconds of audio, characters, searches, requests.",
            (*_MODEL, "unit"),
            most=5 * MODELS_MOST,
        ),
        Family(
            "charged",
            "counter",
            "What accounts were charged, in the balance currency.",
            _MODEL,
            unit=_NANO,
            most=MODELS_MOST,
        ),
        Family(
            "cost",
            "counter",
            "What providers charge for the same calls, in the balance currency, as far as it is known.",
            _MODEL,
            unit=_NANO,
            most=MODELS_MOST,
        ),
        Family(
            "doubtful_usage",
            "counter",
            "Calls whose usage an operator should look at: estimated, clamped, and the marks of usage rows.",
            ("provider", "mark"),
            most=500,
        ),
        Family(
            "upstream_attempts",
            "counter",
            "Calls to providers, by how they went: ok, or the kind of failure (docs/routing.md).",
            ("provider", "kind"),
            most=1_000,
        ),
    )


def _workings() -> tuple[Family, ...]:
    return (
        Family(
            "endpoints",
            "gauge",
            "How many workers see a provider's endpoint so: closed (well), open (left alone), half_open (tried).",
            ("provider", "endpoint", "state"),
            most=1_000,
        ),
        Family(
            "journal_commit_seconds",
            "histogram",
            "One batch of the ledger, from its first statement to the end of its commit.",
            unit=_US,
            buckets=_COMMITS_US,
        ),
        Family("journal_operations", "counter", "Operations that became durable: two for a call, or more."),
        Family("journal_lost", "counter", "Operations that could not be kept; the log names them."),
        Family("journal_backlog", "gauge", "Operations that wait for the database.", per="worker"),
        Family("journal_oldest_seconds", "gauge", "How long the oldest of them waits.", per="worker", unit=_MS),
        Family("calls_under_way", "gauge", "Calls that are not settled yet.", per="worker"),
        Family(
            "job_runs", "counter", "Runs of leased jobs, by their outcome: ok or failed.", ("task", "outcome"), most=400
        ),
        Family(
            "job_last_success_timestamp_seconds",
            "gauge",
            "When a leased job last ended well.",
            ("task",),
            merge="most",
            unit=_MS,
            most=200,
        ),
        Family("workers", "gauge", "Processes by state: starting, serving, leaving.", ("state",), per="process"),
        Family("worker_deaths", "counter", "Workers that ended although they should serve.", per="process"),
        Family("reloads", "counter", "Reloads by outcome: ok or given_up.", ("outcome",), per="process"),
        Family("connections", "gauge", "Open connections of clients.", per="worker"),
        Family("resident_memory_bytes", "gauge", "Memory that the process keeps.", per="worker"),
        Family("open_files", "gauge", "Descriptors that are open.", per="worker"),
        Family("start_time_seconds", "gauge", "When the process started.", per="worker", unit=_MS),
        Family(
            "event_loop_lag_seconds",
            "histogram",
            "How much later than it should a timer of the event loop ran; looked at four times a second.",
            per="process",
            unit=_US,
            buckets=_LAGS_US,
        ),
        Family("info", "gauge", "1, with the version and the balance currency.", ("version", "currency"), merge="most"),
    )


def _kept() -> tuple[Family, ...]:
    return (
        Family("holds", "gauge", "Calls that hold money or limits.", merge="latest"),
        Family("held", "gauge", "What they hold, in the balance currency.", merge="latest", unit=_NANO),
        Family("hold_oldest_seconds", "gauge", "How old the oldest hold is.", merge="latest", unit=_MS),
        Family("ledger_log_rows", "gauge", "Batches that the ledger's tables do not have yet.", merge="latest"),
        Family(
            "ledger_events",
            "counter",
            "What the ledger counts for good, over all nodes: see the list below.",
            ("event",),
            merge="latest",
        ),
        Family("workers_alive", "gauge", "Workers whose lease runs, on all nodes.", merge="latest"),
        Family(
            "mails",
            "gauge",
            "Mails that wait (due), and of the last day those that were given up (failed) or came back (bounced).",
            ("status",),
            merge="latest",
        ),
        Family("mail_overdue_seconds", "gauge", "For how long the oldest mail is due.", merge="latest", unit=_MS),
        Family("topups_open", "gauge", "Top-ups under way: started, pending.", ("state",), merge="latest"),
        Family(
            "payment_facts_open",
            "gauge",
            "What payment methods told and what is not booked: waiting for its payment, or refused.",
            ("state",),
            merge="latest",
        ),
        Family("refunds_open", "gauge", "Refunds that were asked for and are not through.", merge="latest"),
        Family(
            "payment_watches_delayed",
            "gauge",
            "Payment methods that are behind with what happens at their service or chain.",
            merge="latest",
        ),
        Family(
            "payment_differences",
            "gauge",
            "Payment methods whose books differ from what the method holds.",
            merge="latest",
        ),
        Family("database_read_seconds", "gauge", "How long reading the above took.", merge="latest", unit=_US),
        Family("database_read_timestamp_seconds", "gauge", "When it was read.", merge="latest", unit=_MS),
    )


FAMILIES: Mapping[str, Family] = {one.name: one for one in (*_calls(), *_used(), *_workings(), *_kept())}
"""Name -> family, in the order of their list."""
