"""Endpoints' health among workers: what one has met, the others need not meet.

What a provider has answered (a refused key, a bill, a limit, its own failure) is true wherever it is asked from, so all
workers are told. What could not be reached, or took too long, may be the fault of the network of one machine: that is
told to the workers there alone. What single accounts have met stays with the worker.

A circuit that another worker has opened is opened here for what is left of its time; then each worker makes a trial of
its own. One that another closes, because it was answered, is closed here at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from router.db.connection import Connection
from router.db.database import Database
from router.errors import StoreError, faults
from router.providers.circuit_breaker import CLOSED, OPEN, CircuitBreaker
from router.providers.endpoints import Endpoints
from router.providers.health import EndpointHealth
from router.store.care.circuits import CircuitKey, CircuitRow, delete_circuits, put_circuits, read_circuits

__all__ = ["SharedCircuits"]

_log = logging.getLogger("router.providers")

_OF_THE_WAY = frozenset({"connection", "timeout"})
"""Kinds of failures that may be the network's between one machine and the provider."""

_EVERY_S = 1.0
_KEPT_S = 3600.0
_MODELS_MAX = 200


class SharedCircuits:
    """What one worker tells the others of its circuits, and takes from them: once a second, from ``start`` on.

    Args:
        endpoints: of all providers.
        worker, host: this worker, and where it is.
        clock: Unix seconds, by the database's clock.
        monotonic: the clock of the circuits.
    """

    def __init__(
        self,
        database: Database,
        endpoints: Iterable[Endpoints],
        *,
        worker: str,
        host: str,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._places = {(one.provider, place.name): place for one in endpoints for place in one.places}
        self._worker = worker
        self._host = host
        self._clock = clock
        self._monotonic = monotonic
        self._seen: dict[CircuitKey, int] = {}
        self._known: dict[CircuitKey, int] = {}  # open here and in the table -> the generation here
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Exchange from now on: in a greenlet in a patched process, in a thread elsewhere."""
        self._thread = threading.Thread(target=self._run, name="circuits", daemon=True)
        self._thread.start()

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def exchange(self) -> None:
        """Tell what has changed here since the last time, then take what others have told.

        Raises:
            StoreError: the database does not answer; what was to be told is told the next time.
        """
        opened, closed, seen = self._changed()
        if opened or closed:
            before = self._clock() - _KEPT_S

            def write(connection: Connection) -> None:
                put_circuits(connection, opened)
                delete_circuits(connection, closed, before)

            self._database.write(write, behind=True)
            self._known.update({row.key: seen[row.key] for row in opened})
        self._seen = seen
        rows = read_circuits(self._database)
        healed = [row.key for row in rows if self._has_healed(row)]
        if healed:
            before = self._clock() - _KEPT_S
            self._database.write(lambda connection: delete_circuits(connection, healed, before), behind=True)
        self._take({row.key: row for row in rows if row.key not in healed})

    def _run(self) -> None:
        while not self._stopped.wait(_EVERY_S):
            try:
                self.exchange()
            except StoreError:
                continue  # the journal and the jobs tell of a database that is away
            except faults():
                _log.exception("Workers could not tell each other of providers that rest.")

    def _breakers(self) -> Iterator[tuple[CircuitKey, CircuitBreaker]]:
        """All circuits that hold for everybody."""
        for (provider, endpoint), place in self._places.items():
            yield (provider, endpoint, ""), place.breaker
            for model, breaker in list(place.by_model.items())[:_MODELS_MAX]:
                yield (provider, endpoint, model), breaker

    def _changed(self) -> tuple[list[CircuitRow], list[CircuitKey], dict[CircuitKey, int]]:
        """Those that have opened, those that have closed, and the generation of each now."""
        opened, closed, seen = [], [], {}
        for key, breaker in self._breakers():
            seen[key] = breaker.generation
            if breaker.generation == self._seen.get(key, 0) or self._known.get(key) == breaker.generation:
                continue
            if breaker.state == CLOSED:
                closed.append(key)
            else:
                opened.append(self._row(key, breaker))
        closed += [key for key in self._seen if key not in seen and self._seen[key]]  # a model's that was answered
        return opened, closed, seen

    def _row(self, key: CircuitKey, breaker: CircuitBreaker) -> CircuitRow:
        until = self._clock() + breaker.open_until - self._monotonic()
        return CircuitRow(
            *key, breaker.kind, breaker.strict, breaker.cooldown_s, until, worker=self._worker, host=self._host
        )

    def _take(self, rows: dict[CircuitKey, CircuitRow]) -> None:
        """Open here what is open elsewhere, and close what was answered elsewhere."""
        for key in [key for key in self._known if key not in rows]:
            generation, breaker = self._known.pop(key), self._breaker(key)
            if breaker is not None and breaker.generation == generation and breaker.state == OPEN:
                breaker.close()
                self._seen[key] = breaker.generation
        for key, row in rows.items():
            left_s = row.open_until - self._clock()
            told = row.worker != self._worker and (row.host == self._host or row.kind not in _OF_THE_WAY)
            breaker = self._breaker(key, make=told and left_s > 0)
            if not told or left_s <= 0 or breaker is None or breaker.open_until >= self._monotonic() + left_s - 1:
                continue
            _log.info(
                "%s at %s rests for %.0f s more (%s), as another worker has met.", key[0], key[1], left_s, row.kind
            )
            breaker.open(row.kind, left_s, self._monotonic(), strict=row.strict)
            breaker.cooldown_s = row.cooldown_s
            self._known[key] = self._seen[key] = breaker.generation

    def _has_healed(self, row: CircuitRow) -> bool:
        """Whether the endpoint answered here after the rest was over, of which this worker, as one that came up since,
        need not have known.
        """
        place, breaker = self._places.get(row.key[:2]), self._breaker(row.key)
        if place is None or (breaker is not None and breaker.state != CLOSED):
            return False
        left_s = row.open_until - self._clock()
        return left_s <= 0 and place.breaker.answered_at > self._monotonic() + left_s

    def _breaker(self, key: CircuitKey, *, make: bool = False) -> CircuitBreaker | None:
        place: EndpointHealth | None = self._places.get(key[:2])
        if place is None or not key[2]:
            return None if place is None else place.breaker
        if make and len(place.by_model) < _MODELS_MAX:
            return place.by_model.setdefault(key[2], CircuitBreaker())
        return place.by_model.get(key[2])
