"""Which entries of the audit log operators look at, and which calls they end."""

from __future__ import annotations

from router.office.forms.fields import LineField, WholeField, YesNoField
from router.office.forms.form import OfficeForm

__all__ = ["AuditForm", "SweepForm"]


class AuditForm(OfficeForm):
    """Which entries."""

    limit = WholeField(1, 10_000, about="How many; 50 if omitted.")
    before = WholeField(1, 2**53, about="Only those whose `seq` is below: the next page.")
    action = LineField(about="Only this, as `keys revoke`; or a whole group: `keys`.")
    subject = LineField(about="Only what was done to this account (its keys too), key, call, model, ...")
    actor = LineField(about="Only what this one did.")


class SweepForm(OfficeForm):
    """Which calls."""

    everything = YesNoField(about="Also end every call whose worker is dead, and name the others.")
