"""What operators say of payments: which top-ups, what is given back or credited by hand, and which methods."""

from __future__ import annotations

from router.ledger.transfers import AMOUNT_MAX_NANO
from router.money.amounts import INT64_MAX
from router.office.forms.accounts import AccountNameForm
from router.office.forms.fields import (
    ChoiceField,
    LineField,
    LinesField,
    MomentField,
    MoneyField,
    WholeField,
    YesNoField,
)
from router.office.forms.form import OfficeForm
from router.office.payments.deposits import ADDRESSES_MAX

__all__ = [
    "AddressesForm",
    "CheckMethodForm",
    "FactsForm",
    "NoticesForm",
    "RecordForm",
    "RefundTopUpForm",
    "SettleForm",
    "TopUpForm",
    "TopUpsForm",
    "VerifyForm",
]

_REASON = "Why; kept in the ledger and the audit log."
_REFERENCE = "Of the payment: it is credited once."


class TopUpsForm(OfficeForm):
    """Which top-ups."""

    account = LineField(about="Only this account's: its ID, or its name.")
    method = LineField(64, about="Only those by this method.")
    states = LinesField(16, named="state", about="Only these: `started`, `pending`, `paid`, ...")
    is_open = YesNoField(named="open", about="Only those that may still be paid.")
    limit = WholeField(1, 1_000, about="How many; 50 if omitted.")
    before = LineField(64, about="The ID of the last one of the page before.")


class TopUpForm(OfficeForm):
    """One top-up."""

    topup = LineField(64, about="The top-up's ID.", required=True, example="top_1")


class RefundTopUpForm(TopUpForm):
    """What is given back."""

    amount = MoneyField(
        most=INT64_MAX, about="A part, in the currency that it was charged in; all that is left if omitted."
    )
    reason = LineField(300, about=_REASON, required=True)


class SettleForm(TopUpForm):
    """A payment that its method did not tell of."""

    reference = LineField(100, about=_REFERENCE, required=True)
    reason = LineField(300, about=_REASON, required=True)


class RecordForm(AccountNameForm):
    """A payment that was taken in some other way."""

    amount = MoneyField(most=AMOUNT_MAX_NANO, about="How much.", required=True, example="25.00")
    reference = LineField(100, about=_REFERENCE, required=True)
    reason = LineField(300, about=_REASON, required=True)


class CheckMethodForm(OfficeForm):
    """Which methods."""

    method = LineField(64, about="This one; all that are on if omitted.")
    compare = YesNoField(about="Also compare what was credited with what the method holds.")


class AddressesForm(OfficeForm):
    """Which addresses."""

    method = LineField(64, about="The payment method.", required=True, example="evm")
    least = MoneyField(
        most=INT64_MAX, named="min", about="What is worth collecting, in each currency; the least deposit if omitted."
    )
    limit = WholeField(1, ADDRESSES_MAX, about="How many addresses; 500 if omitted.")
    after = WholeField(0, 2**31, about="Only those with a higher number: `next` of the answer before.")


class NoticesForm(OfficeForm):
    """Which notices."""

    method = LineField(64, about="Only of this method.")
    limit = WholeField(1, 1_000, about="How many; 50 if omitted.")


class FactsForm(NoticesForm):
    """Which facts."""

    state = ChoiceField("booked", "waiting", "refused", about="Only these.")


class VerifyForm(OfficeForm):
    """Against what the ledger is held."""

    against = LineField(64, about="Compare with what this payment method says instead; nothing is booked.")
    since = MomentField(about="With `against`: from when on; the last thirty days if omitted.")
