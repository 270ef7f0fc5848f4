"""The parts that account for calls, and the jobs that one of all workers does."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from router import __version__
from router.app.catalogue_parts import CatalogueParts
from router.app.exchange_rate import rate_jobs
from router.db.connection import Connection
from router.db.journal import Journal
from router.jobs.database_clock import DatabaseClock
from router.jobs.leased import Jobs, LeasedJob
from router.jobs.nodes import about_worker
from router.ledger.balances import balance
from router.ledger.batch import LedgerBatch
from router.ledger.sweep import Swept, sweep
from router.metering.usage_months import has_months, make_months
from router.store.idempotency import expire_answers
from router.store.kept.responses import expire_responses
from router.store.sealing import MASTER_KEY

__all__ = ["LedgerParts"]

_SWEEP_S = 10.0
_EXPIRE_S = 60.0
_MONTHS_S = 21_600.0


class LedgerParts(CatalogueParts):
    """Where calls are accounted for."""

    @cached_property
    def journal(self) -> Journal:
        """Where calls are accounted for."""
        batch = LedgerBatch()
        metrics = self.metrics
        return Journal(self.database, batch, rest=batch.rest, told=None if metrics is None else metrics.batch_done)

    @cached_property
    def database_clock(self) -> DatabaseClock:
        """By which workers of all nodes compare leases."""
        clock = DatabaseClock()
        self.database.read(clock.compare, whole=False)
        return clock

    @cached_property
    def jobs(self) -> Jobs:
        """What one of all workers does from time to time; makes this process a worker."""
        active = [name for name, provider in self.providers.items() if provider.active]
        return self.worker_of(self.leased_jobs(), beside=self.each_beat, kept=self.beat_kept, providers=active)

    def worker_of(self, jobs: Iterable[LeasedJob], **options: Any) -> Jobs:
        """Make this process a worker, by the database's clock and under the node's name.

        Args:
            jobs: what it may do for all.
            options: as ``Jobs`` takes them.
        """
        clock, started_at = self.database_clock, time.time()
        node = self.settings.server.node or socket.gethostname()
        seals, metrics = bool(self.settings.secret(f"env:{MASTER_KEY}")), self.metrics
        return Jobs(
            self.database,
            list(jobs),
            **{"beside": clock.compare, **options},
            clock=clock,
            about=lambda: about_worker(node, __version__, started_at, clock.ahead_s, seals=seals),
            told=None if metrics is None else metrics.job_done,
        )

    def each_beat(self, connection: Connection) -> None:
        """What this worker does in the transaction by which it renews its lease."""
        self.database_clock.compare(connection)

    def beat_kept(self) -> None:
        """That transaction is durable: what it told need not be told again."""

    def available(self, account: str) -> int:
        """What an account has left, in nano-units."""
        return balance(self.database, account).available

    def end_dead_calls(self) -> Swept:
        """Settle the calls whose worker is dead."""
        return sweep(self.database, self.database_clock(), self.settings.billing.expired, everything=True)

    def make_usage_months(self) -> None:
        """Make the coming months' parts of the usage table ready, where it is in parts."""
        if self.database.read(has_months, whole=False):
            self.database.write(make_months, behind=True)

    def leased_jobs(self) -> Iterator[LeasedJob]:
        yield from super().leased_jobs()
        yield LeasedJob("sweep", _SWEEP_S, self.end_dead_calls)
        yield LeasedJob("answers", _EXPIRE_S, lambda: expire_answers(self.database, time.time()))
        yield LeasedJob("responses", _EXPIRE_S, lambda: expire_responses(self.database, time.time()))
        yield from rate_jobs(self.settings, self.database)
        if self.database.engine == "postgresql":
            yield LeasedJob("usage_months", _MONTHS_S, self.make_usage_months)

    def close(self) -> None:
        if self.made("journal"):
            self.journal.close()
        if self.made("jobs"):
            self.jobs.close()
        super().close()
