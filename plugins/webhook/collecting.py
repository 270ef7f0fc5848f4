"""Calls in memory, until they are written down as a batch: bounded, and never in a call's way."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import deque
from datetime import UTC, datetime

from router_plugins.webhook.calls import told
from router_plugins.webhook.outbox import Outbox

from router import CallRecord, PluginContext, RouterError

__all__ = ["Collector"]

_CLOSING_S = 5.0


class Collector:
    """One worker's calls. ``start`` begins to write down; ``close`` writes what is left."""

    def __init__(self, context: PluginContext) -> None:
        self._settings, self._log, self._outbox = context.settings, context.log, Outbox(context)
        self._waiting: deque[CallRecord] = deque()
        self._dropped = 0
        self._untold = 0  # of those dropped, which no batch has told yet
        self._full = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="webhook calls", daemon=True)

    def start(self) -> None:
        """Write down from now on."""
        self._thread.start()

    def add(self, record: CallRecord) -> None:
        """Note a call; at once, and without the database."""
        if len(self._waiting) >= self._settings.queue:
            self._drop(1, "they could not be written down in time")
            return
        self._waiting.append(record)
        if len(self._waiting) >= self._settings.batch:
            self._full.set()

    def close(self) -> None:
        """Write down what is left, in bounded time."""
        self._stopped = True
        self._full.set()
        self._thread.join(_CLOSING_S)
        if self._waiting:
            self._log.error("webhook: %d calls of this worker were not written down", len(self._waiting))

    def _run(self) -> None:
        while not self._stopped:
            self._full.wait(self._settings.every_s)
            self._full.clear()
            try:
                self._write_down()
            except RouterError as error:
                self._log.warning("webhook: %d calls wait for the database: %s", len(self._waiting), error)
                time.sleep(min(1.0, self._settings.every_s))
            except Exception:
                self._log.exception("webhook: calls could not be written down")
                time.sleep(min(1.0, self._settings.every_s))

    def _write_down(self) -> None:
        while self._waiting:
            count = min(len(self._waiting), self._settings.batch)
            records = [self._waiting[place] for place in range(count)]
            untold = self._untold
            body = self._body(records, untold)
            kept = self._outbox.put(f"batch_{secrets.token_hex(12)}", body, count, time.time(), self._settings.kept)
            for _ in records:
                self._waiting.popleft()
            if kept:
                self._untold -= untold
            else:
                self._drop(count, f"{self._settings.kept} batches wait to be sent already")

    def _body(self, records: list[CallRecord], dropped: int) -> str:
        calls = [told(record, self._settings.fields) for record in records]
        at = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
        event = {"type": "calls.finished", "timestamp": at, "data": {"calls": calls, "dropped": dropped}}
        return json.dumps(event, ensure_ascii=False, separators=(",", ":"))

    def _drop(self, count: int, why: str) -> None:
        before, self._dropped, self._untold = self._dropped, self._dropped + count, self._untold + count
        if before == 0 or before // 1000 != self._dropped // 1000:
            self._log.error("webhook: %d calls were dropped since this worker began: %s", self._dropped, why)
