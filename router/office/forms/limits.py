"""What operators say of limits."""

from __future__ import annotations

from router.office.forms.fields import LineField, MoneyField, WholeField, YesNoField
from router.office.forms.form import OfficeForm

__all__ = ["LimitsOfForm", "SetLimitsForm"]

_KEY = "A key's ID, or its name."
_ACCOUNT = "An account's ID, or its name."


class LimitsOfForm(OfficeForm):
    """Whose limits."""

    key = LineField(about=f"What holds for this key. {_KEY}")
    account = LineField(about=f"What holds for all keys of this account together. {_ACCOUNT}")


class SetLimitsForm(OfficeForm):
    """Whose limits, and which."""

    key = LineField(about=f"Of this key. {_KEY}")
    account = LineField(about=f"Of all keys of this account together. {_ACCOUNT}")
    tier = LineField(about="Of each key of the accounts of this tier.", example="gold")
    per_account = YesNoField(about="With a tier: of all keys of such an account together.")
    requests_per_minute = WholeField(about="Calls that begin; null takes the limit away.", example=60)
    tokens_per_minute = WholeField(about="Tokens in and out.")
    concurrent = WholeField(about="Calls under way.")
    spend_per_day = MoneyField(about="Charges in a calendar day.")
    spend_per_month = MoneyField(about="Charges in a calendar month.")
    clear = YesNoField(about="Take all limits away that are set here.")
