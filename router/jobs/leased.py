"""Jobs that one of all workers does from time to time, and the lease that tells others that this worker lives."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from router.db.connection import Connection
from router.db.database import Database
from router.errors import RouterError, StoreError, faults
from router.jobs.leases import take_lease
from router.jobs.workers import LEASE_S, leave, register, renew

__all__ = ["Jobs", "LeasedJob"]

_log = logging.getLogger("router.jobs")

_BEAT_S = 5.0
_LOOK_S = 1.0  # between two looks at the database's files
_AGAIN_S = 1.0  # after a beat that failed
_RETRY_S = 5.0  # after a job that failed; twice as long after each further time, up to the job's own pace
_DOUBLINGS_MAX = 20
_AGAIN = 3


@dataclass(frozen=True, slots=True)
class LeasedJob:
    """Something to be done from time to time.

    Attributes:
        name: of its lease; the same on all workers.
        every_s: between the beginnings of two runs; a worker that takes over runs at once. Times are kept to a beat.
            One that failed is run again sooner, after growing pauses from seconds on.
        function: does it. While the database is away, or this worker frozen, for longer than the lease, another worker
            may begin before this one has ended: what it does must be right even then.
    """

    name: str
    every_s: float
    function: Callable[[], object]


class Jobs:
    """Keeps this worker alive, and runs those jobs whose lease it has.

    Making one registers the worker; ``start`` begins to beat, in a greenlet in a patched process and in a thread
    elsewhere. One transaction a beat renews all leases; a job runs in a greenlet (a thread) of its own, so that a slow
    one keeps neither the leases nor the others waiting.

    Args:
        database: where the leases are.
        jobs: what to run.
        clock: Unix seconds.
        beat_s: between two beats; a third of the lease leaves room for one that fails.
        lease_s: how long after its last beat a worker counts as alive.
        providers: the names of those that this worker has active, for commands to know.
        about: what this worker tells of itself, as JSON; asked at each beat.
        beside: done in each beat's transaction, before the leases.
        kept: called when such a transaction is durable: before that, what ``beside`` wrote may be lost with it.
        told: is told of each run: the job's name, and whether it ended well. Must not raise.

    Attributes:
        worker: this worker.
        failing: the last beat failed: the database takes no writes.

    Raises:
        StoreError: the database does not answer.
    """

    def __init__(
        self,
        database: Database,
        jobs: Sequence[LeasedJob] = (),
        *,
        clock: Callable[[], float] = time.time,
        beat_s: float = _BEAT_S,
        lease_s: float = LEASE_S,
        providers: Iterable[str] | None = None,
        about: Callable[[], str] = str,
        beside: Callable[[Connection], None] | None = None,
        kept: Callable[[], None] | None = None,
        told: Callable[[str, bool], None] | None = None,
    ) -> None:
        self._about = about
        self._beside = beside
        self._kept = kept
        self._database = database
        self._jobs = sorted(jobs, key=lambda job: job.name)
        self._clock = clock
        self._beat_s = beat_s
        self._lease_s = lease_s
        self._told = told
        self.failing = False
        self._begun: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._running: dict[str, threading.Thread] = {}
        self._stopped = threading.Event()
        self._heart: threading.Thread | None = None
        self._beaten = clock()
        self.worker = register(database, self._beaten, lease_s=lease_s, providers=providers)

    def start(self) -> None:
        """Beat at once and from now on."""
        self._heart = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._heart.start()

    def beat(self) -> None:
        """Renew the worker's lease and those of its jobs, and begin the jobs that are due.

        Raises:
            StoreError: the database does not answer.
        """
        try:
            now, mine = self._database.write(self._renew)
        except StoreError:
            self.failing = True
            raise
        self.failing = False
        if self._kept is not None:
            self._kept()
        names = {job.name for job in mine}  # how others' jobs end is theirs to tell
        self._failures = {name: count for name, count in self._failures.items() if name in names}
        since_s, self._beaten = now - self._beaten, now
        if abs(since_s) > self._lease_s / 2:  # others may have beaten last long before this worker did
            return  # the database was away, for other workers too: let them beat before a sweep takes them for dead
        for job in mine:
            if self._is_due(job, now) and not self._stopped.is_set():
                self._begin(job, now)

    def failed_again(self) -> list[tuple[str, int]]:
        """The jobs of this worker that have failed several times in a row, and how often."""
        return [(name, count) for name, count in sorted(self._failures.items()) if count >= _AGAIN]

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop, wait for running jobs until the time is up, and give all leases back.

        Call it when the worker's calls are settled: what it still holds counts as a dead worker's afterwards.
        """
        deadline = time.monotonic() + timeout_s
        self._stopped.set()
        for thread in filter(None, [self._heart, *self._running.values()]):
            thread.join(max(0.0, deadline - time.monotonic()))
        try:
            leave(self._database, self.worker)
        except StoreError as error:
            _log.warning("Worker %s leaves its leases to run out: %s", self.worker.id, error)

    def _renew(self, connection: Connection) -> tuple[float, list[LeasedJob]]:
        """The moment, by the clock as it was compared, and the jobs that are this worker's."""
        if self._beside is not None:
            self._beside(connection)
        now = self._clock()
        self.worker = replace(self.worker, about=self._about())
        renew(connection, self.worker, now, lease_s=self._lease_s)
        owner = self.worker.id
        return now, [job for job in self._jobs if take_lease(connection, job.name, owner, now, self._lease_s)]

    def _is_due(self, job: LeasedJob, now: float) -> bool:
        begun = self._begun.get(job.name)
        running = self._running.get(job.name)
        if running is not None and running.is_alive():
            return False
        failures = min(self._failures.get(job.name, 0), _DOUBLINGS_MAX)
        pause_s = min(job.every_s, _RETRY_S * 2 ** (failures - 1)) if failures else job.every_s
        return begun is None or not 0 <= now - begun < pause_s  # a clock that was set back delays nothing

    def _begin(self, job: LeasedJob, now: float) -> None:
        self._begun[job.name] = now
        thread = self._running[job.name] = threading.Thread(
            target=self._run_job, args=(job,), name=f"job {job.name}", daemon=True
        )
        thread.start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            pause_s = self._beat_s
            try:
                self.beat()
            except StoreError as error:
                pause_s = min(_AGAIN_S, self._beat_s)
                _log.warning("Worker %s could not renew its lease: %s", self.worker.id, error)
            except faults():  # whatever it is, the heart must go on beating
                _log.exception("Worker %s could not renew its lease.", self.worker.id)
            self._rest(pause_s)

    def _rest(self, pause_s: float) -> None:
        """Wait, with an eye on the database's files."""
        ends = time.monotonic() + pause_s
        while (left_s := ends - time.monotonic()) > 0 and not self._stopped.wait(min(left_s, _LOOK_S)):
            try:
                self._database.look()
            except StoreError as error:
                _log.warning("The database was looked at: %s", error)

    def _run_job(self, job: LeasedJob) -> None:
        try:
            job.function()
        except RouterError as error:
            _log.warning("The job %s failed, and will be tried again: %s", job.name, error)
        except faults():
            _log.exception("The job %s failed, and will be tried again.", job.name)
        else:
            self._ended(job, 0)
            return
        self._ended(job, self._failures.get(job.name, 0) + 1)

    def _ended(self, job: LeasedJob, failures: int) -> None:
        self._failures[job.name] = failures
        if self._told is not None:
            self._told(job.name, not failures)
