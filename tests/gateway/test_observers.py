"""Observers: in order, after the fact, bounded; a slow or broken one harms nobody."""

from __future__ import annotations

import logging
from typing import Any, cast

import gevent
import pytest
from gevent.event import Event

from router import Attempt, AttemptRecord, CallRecord, RefusalRecord, Unauthorized, hookimpl
from router.calls.call_log import CallLog
from router.calls.observers import Observer, Recorder
from router.plugin_host.registry import registry_of

RECORD = CallRecord(
    "req_1", 1e9, "chat", "acct_1", "key_1", "open/x", "open", "x", 200, "ok", "", False, 1, 1, 0, 0, False, 5, 3,
    attempts=(Attempt("open", "x", "timeout", None, 9), Attempt("open", "x", "ok", 200, 5)),
)  # fmt: skip


class Lines:
    def write(self, line: bytes) -> None:
        """The log is not looked at."""


class Watcher:
    def __init__(self) -> None:
        self.seen: list[Any] = []

    @hookimpl
    def call_refused(self, record: RefusalRecord) -> None:
        self.seen.append(record)

    @hookimpl
    def attempt_finished(self, record: AttemptRecord) -> None:
        self.seen.append(record)

    @hookimpl
    def call_finished(self, record: CallRecord) -> None:
        self.seen.append(record)

    @hookimpl
    def request_finished(self, record: CallRecord) -> None:
        raise AssertionError("a plugin that has call_finished is told by that alone")


class Old:
    def __init__(self) -> None:
        self.seen: list[Any] = []

    @hookimpl
    def request_finished(self, record: CallRecord) -> None:
        self.seen.append(record)


class Stuck:
    def __init__(self) -> None:
        self.go = Event()
        self.seen: list[int] = []

    @hookimpl
    def call_finished(self, record: Any) -> None:
        self.go.wait(30)
        self.seen.append(record)


def recorder(**plugins: Any) -> Recorder:
    return Recorder(cast(CallLog, Lines()), registry_of(**plugins))


def test_attempts_come_before_their_call_and_refusals_where_they_happened() -> None:
    watcher, old = Watcher(), Old()
    told = recorder(watcher=watcher, old=old)
    refused = Unauthorized("Incorrect API key provided: sk-1234567890123456.")
    refused.about = {"account": "acct_1"}
    told.refused(refused, "req_0", "/v1/chat/completions", 401)
    told.finished(RECORD, '"route":"chat"', told=1)
    told.drain(10)
    refusal, attempt, call = watcher.seen
    assert (refusal.request_id, refusal.code, refusal.status, refusal.account) == (
        "req_0",
        "invalid_api_key",
        401,
        "acct_1",
    )
    assert "1234567890123456" not in refusal.message
    assert (attempt.number, attempt.attempt.kind, attempt.request_id) == (2, "ok", "req_1")
    assert call is RECORD and old.seen == [RECORD]


def test_nobody_who_watches_costs_nothing() -> None:
    told = recorder(old=Old())
    assert not told.attempts_watched
    told.refused(Unauthorized("No."), "req_0", "/", 401)


def test_a_slow_observer_loses_records_and_the_log_counts_them(caplog: pytest.LogCaptureFixture) -> None:
    stuck = Stuck()
    observer = Observer(registry_of(stuck=stuck), "stuck", most=3)
    caplog.set_level(logging.ERROR, logger="router.calls")
    for number in range(6):
        observer.tell("call_finished", record=number)
        gevent.sleep(0)
    assert "plugin stuck is too slow: 3 records wait, and further ones are dropped" in caplog.text
    stuck.go.set()
    observer.drain(30)
    assert stuck.seen == [0, 1, 2, 3]
    assert "plugin stuck is too slow: it missed 2 records" in caplog.text


def test_who_wants_nothing_is_told_nothing_and_asked_once() -> None:
    watcher, old, asked = Watcher(), Old(), []

    def observes(plugin: str) -> bool:
        asked.append(plugin)
        return plugin != "watcher"

    told = Recorder(cast(CallLog, Lines()), registry_of(watcher=watcher, old=old), observes=observes)
    assert not told.attempts_watched
    told.finished(RECORD, '"route":"chat"')
    told.drain(10)
    assert (watcher.seen, old.seen) == ([], [RECORD])
    assert sorted(asked) == ["old", "watcher"]
