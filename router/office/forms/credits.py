"""What operators say of money."""

from __future__ import annotations

from router.ledger.transfers import AMOUNT_MAX_NANO
from router.office.forms.accounts import AccountNameForm
from router.office.forms.fields import LineField, MomentField, MoneyField, WholeField
from router.office.forms.form import OfficeForm

__all__ = ["AdjustForm", "GrantForm", "RefundForm", "StatementForm"]

_REASON = "Why; kept in the ledger and the audit log."
_CURRENCY = "Refused unless it is that of [gateway] currency: a safeguard."
_REFERENCE = "Makes it happen once: a second one with the same text is refused."


class _PostingForm(AccountNameForm):
    reason = LineField(500, about=_REASON, required=True)
    reference = LineField(about=_REFERENCE)
    currency = LineField(16, about=_CURRENCY)


class GrantForm(_PostingForm):
    """Credit."""

    amount = MoneyField(most=AMOUNT_MAX_NANO, about="How much.", required=True, example="25.00")
    expires_at = MomentField(about="When what is left of it is taken back; null for never.")


class AdjustForm(_PostingForm):
    """A correction."""

    amount = MoneyField(signed=True, most=AMOUNT_MAX_NANO, about="By how much.", required=True, example="-2.50")


class RefundForm(OfficeForm):
    """What is given back."""

    request_id = LineField(128, about="The call's ID.", required=True, example="req_1")
    amount = MoneyField(most=AMOUNT_MAX_NANO, about="A part of it; all that was not refunded before if omitted.")
    reason = LineField(500, about=_REASON, required=True)
    currency = LineField(16, about=_CURRENCY)


class StatementForm(AccountNameForm):
    """Which transfers."""

    limit = WholeField(1, 10_000, about="How many; 50 if omitted.")
    before = WholeField(1, 2**53, about="Only those whose `seq` is below: the next page.")
