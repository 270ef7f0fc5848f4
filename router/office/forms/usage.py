"""Which calls operators look at."""

from __future__ import annotations

from router.metering.usage_hours import GROUPINGS
from router.office.forms.fields import LineField, LinesField, MomentField, StatusField, WholeField, YesNoField
from router.office.forms.form import OfficeForm

__all__ = ["CallsForm", "ExportForm", "HoursForm", "OneCallForm", "PruneForm", "SinceForm"]

_ACCOUNT = "Only this account's: its ID, or its name."


class SinceForm(OfficeForm):
    """From when on."""

    since = MomentField(about="Not before.")


class ExportForm(SinceForm):
    """Which rows."""

    account = LineField(about=_ACCOUNT)
    until = MomentField(about="Before.")


class CallsForm(ExportForm):
    """Which calls."""

    key = LineField(about="Only this key's: its ID, or its name.")
    model = LineField(256, about="Only calls for this model, or that `provider/model` served.")
    status = StatusField(about="Only of this status: `429`, or `5xx`.")
    failed = YesNoField(about="Only calls that failed, or broke off.")
    limit = WholeField(1, 10_000, about="How many; 50 if omitted.")
    before = LineField(128, about="The request ID of the last one of the page before.")


class OneCallForm(OfficeForm):
    """Which call."""

    request_id = LineField(128, about="Our ID, or the client's own.", required=True, example="req_1")


class HoursForm(ExportForm):
    """Which sums."""

    by = LinesField(16, about=f"What to sum by, of {', '.join(GROUPINGS)}; `hour` if omitted.")


class PruneForm(OfficeForm):
    """How old."""

    before = MomentField(about="Of calls before.", required=True, example="2026-01-31")
    yes = YesNoField(about="Delete them; without, only how many there are is said.")
