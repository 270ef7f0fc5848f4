"""Alerts: what wants an operator, told once for each cause, by mail and webhook, and shown for as long as it lasts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from router.db.connection import Connection
from router.db.transaction import Transaction
from router.metering.margins import list_margins
from router.money.amounts import format_nano
from router.office.office import Office
from router.office.people.outbox import queue_mail
from router.office.people.people import list_people
from router.store.care.alerts import (
    AlertRow,
    end_alerts,
    forget_alerts,
    note_alerts,
    read_alerts,
    take_untold,
)
from router.store.care.circuits import read_circuits
from router.store.care.delays import replica_delay_s, rows_behind

__all__ = [
    "ALERT_KINDS",
    "EVERY_S",
    "Alert",
    "current_alerts",
    "failing_jobs",
    "look_for_alerts",
    "note_alert",
    "unpriced",
]

EVERY_S = 60.0
"""How often it is looked."""

_DAY_S = 86_400.0
_AT_ONCE = 20
_OPERATORS_MAX = 200
_CALLS_MIN = 10  # of a model within a day, before its margin says anything
_BEHIND_MAX = 1000  # rows of the ledger's log, each a batch: minutes of a busy gateway
_DELAY_MAX_S = 30.0

ALERT_KINDS = {
    "upstream_key": 0.0,
    "upstream_bill": 0.0,
    "margin": 0.0,
    "database_lag": 0.0,
    "job": 300.0,
    "unpriced": 3600.0,
}
"""Kind of alert -> for how many seconds after it was last seen it counts: 0 for what each look finds out anew."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that wants an operator.

    Attributes:
        kind: one of ``ALERT_KINDS``.
        subject: what it is about; with the kind, the cause.
        detail: what is wrong.
        remedy: what to do.
    """

    kind: str
    subject: str
    detail: str
    remedy: str

    @property
    def row(self) -> tuple[str, str, str, str]:
        """(cause, kind, detail, remedy)."""
        return f"{self.kind}/{self.subject}", self.kind, self.detail, self.remedy


def _nobody(_: Transaction, __: AlertRow) -> None:
    """Nobody is told besides."""


def current_alerts(office: Office) -> list[AlertRow]:
    """What is wrong now, the newest first."""
    return read_alerts(office.database)


def note_alert(connection: Connection, alerts: Iterable[Alert], now: float) -> None:
    """Note what a worker has met by itself, in its transaction; it counts for as long as ``ALERT_KINDS`` says."""
    note_alerts(connection, [alert.row for alert in alerts], now)


def look_for_alerts(office: Office, tell: Callable[[Transaction, AlertRow], object] = _nobody) -> int:
    """Look for what is wrong, end what is so no longer, and tell operators of what is new; of how much.

    What comes back within a day of its end is not told again.

    Args:
        tell: is given each besides, in the transaction: for a webhook.
    """
    found, now = list(_found(office)), office.clock()
    operators = list_people(office, operators=True, limit=_OPERATORS_MAX)

    def write(connection: Connection) -> int:
        note_alerts(connection, [alert.row for alert in found], now)
        for kind, lasts_s in ALERT_KINDS.items():
            end_alerts(connection, kind, now, now - lasts_s)
        forget_alerts(connection, now)
        new = take_untold(connection, now, _AT_ONCE)
        transaction = Transaction(connection, office.database.place)
        for one in new:
            tell(transaction, one)
        for one, person in itertools.product(new, operators):
            told = {"detail": one.detail, "remedy": one.remedy}
            queue_mail(transaction, office, person.email, "alert", person.locale, told, person_id=person.id)
        return len(new)

    return office.database.write(write, behind=True)


def _found(office: Office) -> Iterator[Alert]:
    yield from _upstreams(office)
    yield from _margins(office)
    yield from _delays(office)


def _upstreams(office: Office) -> Iterator[Alert]:
    """Keys that providers refuse and bills that are not paid, as workers have met them."""
    for row in read_circuits(office.database):
        place = row.provider if row.endpoint == row.provider else f"{row.provider} ({row.endpoint})"
        subject = f"{row.provider}/{row.endpoint}"
        if row.kind == "auth":
            remedy = f"give it a good one: `router providers set-key {row.provider}`, or its variable and a restart"
            yield Alert("upstream_key", subject, f"{place} refuses our key", remedy)
        elif row.kind == "billing":
            remedy = "pay there: calls go to the next target until then, or fail"
            yield Alert("upstream_bill", subject, f"our account at {place} is out of money", remedy)


def _margins(office: Office) -> Iterator[Alert]:
    """Models that cost more than they were charged, within a day."""
    for one in list_margins(office.database, office.clock() - _DAY_S):
        if one.calls >= _CALLS_MIN and not one.uncosted and 0 < one.charge_nano < one.cost_nano:
            sums = f"{format_nano(one.charge_nano)} charged, {format_nano(one.cost_nano)} paid"
            detail = f"{one.model} costs more than it brings: {sums} within a day"
            yield Alert("margin", one.model, detail, f"raise its price: `router models price {one.model}`")


def _delays(office: Office) -> Iterator[Alert]:
    """A database whose tables, or whose replicas, are far behind."""
    behind, delay_s = rows_behind(office.database), replica_delay_s(office.database)
    if behind > _BEHIND_MAX:
        detail = f"the ledger's tables are {behind} batches behind its log"
        yield Alert("database_lag", "log", detail, "look at the database's load and its disk")
    if delay_s > _DELAY_MAX_S:
        detail = f"a replica of the database is {delay_s:.0f} s behind"
        yield Alert("database_lag", "replica", detail, "look at the replica and at the network between")


def failing_jobs(failures: Sequence[tuple[str, int]]) -> list[Alert]:
    """Jobs that have failed several times in a row, as the worker that runs them knows."""
    return [
        Alert("job", name, f"the job {name} has failed {count} times in a row", "the log of the gateway says why")
        for name, count in failures
    ]


def unpriced(model: str) -> Alert:
    """A model that somebody asked for and that has no price."""
    detail = f"{model} was asked for and refused, since it has no price"
    return Alert("unpriced", model, detail, f"`router models price {model} --input AMOUNT --output AMOUNT`, or --free")
