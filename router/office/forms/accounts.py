"""What operators say of accounts."""

from __future__ import annotations

from router.office.forms.fields import LineField, WholeField, YesNoField
from router.office.forms.form import OfficeForm

__all__ = [
    "AccountForm",
    "AccountListForm",
    "AccountNameForm",
    "PriceListForm",
    "RenameAccountForm",
    "SuspendForm",
    "TierForm",
]

_NAME = "A label; need not be unique."


class AccountForm(OfficeForm):
    """A new account."""

    name = LineField(about=_NAME, required=True, example="Blue Team")


class AccountListForm(OfficeForm):
    """Which accounts."""

    after = LineField(64, about="The ID of the last one of the page before.")
    limit = WholeField(1, 100_000, about="How many; all if omitted.")


class AccountNameForm(OfficeForm):
    """One account."""

    account = LineField(about="Its ID, or its name where no other has that.", required=True, example="acct_1")


class RenameAccountForm(AccountNameForm):
    """Another name for it."""

    name = LineField(about=_NAME, required=True)


class SuspendForm(AccountNameForm):
    """Whether at once."""

    now = YesNoField(about="Whether its calls that are under way end, too.")


class TierForm(AccountNameForm):
    """Its tier."""

    tier = LineField(about="The tier; null is none.", required=True, nullable=True, example="gold")


class PriceListForm(AccountNameForm):
    """Its price list."""

    price_list = LineField(about="The list; null is the prices for everybody.", required=True, nullable=True)
