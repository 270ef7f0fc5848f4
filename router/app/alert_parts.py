"""The part that finds what wants an operator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from router.app.line_parts import LineParts
from router.app.office_parts import OfficeParts
from router.db.connection import Connection
from router.db.transaction import Transaction
from router.jobs.leased import LeasedJob
from router.office.alerts import EVERY_S, failing_jobs, look_for_alerts, note_alert, unpriced
from router.office.webhooks.events import tell_operators
from router.store.care.alerts import AlertRow

__all__ = ["AlertParts"]


class AlertParts(LineParts, OfficeParts):
    """What each worker has met goes into the database with its beat; one of all workers looks, and tells."""

    _telling: Sequence[str] = ()
    """The models without a price of which the beat under way tells."""

    def each_beat(self, connection: Connection) -> None:
        super().each_beat(connection)
        met = failing_jobs(self.jobs.failed_again())
        if self.made("recorder"):
            self._telling = self.recorder.unpriced.waiting()
            met += [unpriced(model) for model in self._telling]
        if met:
            note_alert(connection, met, self.database_clock())

    def beat_kept(self) -> None:
        super().beat_kept()
        if self._telling:
            self.recorder.unpriced.told(self._telling)
            self._telling = ()

    def leased_jobs(self) -> Iterator[LeasedJob]:
        yield from super().leased_jobs()
        yield LeasedJob("alerts", EVERY_S, lambda: look_for_alerts(self.office, self._tell))

    def _tell(self, transaction: Transaction, one: AlertRow) -> None:
        """Tell the operators' webhook; each time that it begins is a cause of its own."""
        told = {"kind": one.kind, "detail": one.detail, "remedy": one.remedy}
        tell_operators(transaction, self.office, f"alert.{one.kind}", f"{one.cause}/{one.since:.0f}", told)
