"""What is done for payments from time to time, by one of all workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from router.jobs.leased import LeasedJob
from router.office.actor import GATEWAY
from router.office.office import Office
from router.office.payments.automatic import charge_automatic
from router.office.payments.booking import book_facts
from router.office.payments.books import compare_method
from router.office.payments.deposits import step_watch
from router.office.payments.expiry import expire_credit
from router.office.payments.means import detach_means
from router.office.payments.methods import PaymentMethods
from router.office.payments.refunds import push_refunds
from router.office.payments.topups import view_of
from router.store.payments.facts import forget_events, waiting_deposits
from router.store.payments.topups import next_open_topups
from router.types.payments import DepositPaid

__all__ = ["TopUpPoll", "payment_jobs", "retry_waiting"]

_EXPIRE_S = 60.0
_WATCH_S = 5.0
_WATCH_MOST_S = 30.0
_PUSH_S = 15.0
_DETACH_S = 60.0
_FORGET_S = 86_400.0
_EVENTS_S = 90 * 86_400.0
_POLLED_S = 30 * 86_400.0
_AT_ONCE = 100


def payment_jobs(office: Office, methods: PaymentMethods) -> Iterator[LeasedJob]:
    """The jobs of the methods that are on, and those that all of them share."""
    yield LeasedJob("credit_expiry", _EXPIRE_S, lambda: expire_credit(office, GATEWAY))
    if not methods.names:
        return
    yield LeasedJob("refunds", _PUSH_S, lambda: push_refunds(office, methods))
    yield LeasedJob("automatic_topups", _PUSH_S, lambda: charge_automatic(office, GATEWAY, methods))
    yield LeasedJob("payment_means", _DETACH_S, lambda: detach_means(office, GATEWAY, methods))
    yield LeasedJob("payments_waiting", office.settings.payments.poll_s, lambda: retry_waiting(office))
    yield LeasedJob("payment_events", _FORGET_S, lambda: _forget(office))
    for name in methods.names:
        yield from _jobs_of(office, methods, name)


def _jobs_of(office: Office, methods: PaymentMethods, name: str) -> Iterator[LeasedJob]:
    settings = office.settings.payments
    if methods.has(name, "payment_poll"):
        yield LeasedJob(f"poll:{name}", settings.poll_s, TopUpPoll(office, methods, name).run)
    if methods.has(name, "payment_watch"):
        yield LeasedJob(f"watch:{name}", _WATCH_S, _watching(office, methods, name))
    if methods.has(name, "payment_differences"):
        yield LeasedJob(f"compare:{name}", settings.compare_s, lambda: compare_method(office, methods, name))


class TopUpPoll:
    """Asks a method how its open top-ups stand: so many at once, each in its turn however many others are begun."""

    def __init__(self, office: Office, methods: PaymentMethods, method: str) -> None:
        self._office, self._methods, self._method = office, methods, method
        self._after = ""

    def run(self) -> int:
        """Ask of those whose turn it is; how many there were.

        Raises:
            RouterError: the method or the database failed.
        """
        office, method = self._office, self._method
        if self._methods.state(method).offer is None:
            return 0
        since = office.clock() - _POLLED_S
        rows = next_open_topups(office.database, method, self._after, since=since, limit=_AT_ONCE)
        self._after = rows[-1].id if len(rows) == _AT_ONCE else ""
        for fact in self._methods.ask(method, "payment_poll", topups=[view_of(office, row) for row in rows]):
            book_facts(office, method, [fact])
        return len(rows)


def retry_waiting(office: Office) -> int:
    """Book deposits that waited for an exchange rate; how many there were. Those that go on waiting hide none."""
    tried, after = 0, (0.0, "", "")
    while waiting := waiting_deposits(office.database, after, _AT_ONCE):
        for row in waiting:
            book_facts(office, row.method, [DepositPaid(**row.body)])
        tried, after = tried + len(waiting), (waiting[-1].created_at, waiting[-1].method, waiting[-1].reference)
    return tried


def _watching(office: Office, methods: PaymentMethods, name: str) -> Callable[[], None]:
    """Steps for as long as the watcher has something to catch up with, some seconds at most, and then the pause that it
    asks for.
    """
    due = 0.0

    def watch() -> None:
        nonlocal due
        now = time.monotonic()
        if now < due or methods.state(name).offer is None:
            return
        again_s = 0.0
        while again_s <= 0 and time.monotonic() < now + _WATCH_MOST_S:
            again_s = step_watch(office, methods, name)
        due = now + again_s

    return watch


def _forget(office: Office) -> None:
    before = office.clock() - _EVENTS_S
    office.database.write(lambda connection: forget_events(connection, before))
