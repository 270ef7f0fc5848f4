"""Alerts, as operators look at them."""

from __future__ import annotations

from router.office.alerts import current_alerts
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, operation
from router.types.periods import iso_time

__all__ = ["list_alerts"]


@operation("alerts list", "form:NothingForm")
def list_alerts(office: Office) -> OperationAnswer:
    """What is wrong now and wants an operator, the newest first."""
    rows = [
        {"kind": one.kind, "since": iso_time(one.since), "detail": one.detail, "remedy": one.remedy}
        for one in current_alerts(office)
    ]
    return OperationAnswer(rows)
