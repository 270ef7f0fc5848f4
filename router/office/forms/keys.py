"""What operators say of keys."""

from __future__ import annotations

from router.office.forms.fields import (
    ChoiceField,
    DurationField,
    LineField,
    LinesField,
    MomentField,
    MoneyField,
    WholeField,
    YesNoField,
)
from router.office.forms.form import OfficeForm
from router.types.periods import PERIODS

__all__ = [
    "CreateKeyForm",
    "EndKeyForm",
    "KeyNameForm",
    "KeysForm",
    "LimitKeyForm",
    "RenameKeyForm",
    "RotateKeyForm",
]

_ACCOUNT = "The account's ID, or its name where no other has that."


class _TermsForm(OfficeForm):
    scope = LinesField(256, about="Model IDs, or `provider/*`, that it may use; empty for all.")
    expires_at = MomentField(about="When it ends; null for never.")
    budget = MoneyField(about="The most that it may spend; null for what the account has.", example="25")
    budget_period = ChoiceField(*PERIODS, about="When the budget begins again; null for never.")
    idempotent = YesNoField(about="Whether its calls may send `Idempotency-Key`.")


class CreateKeyForm(_TermsForm):
    """A new key."""

    account = LineField(about=f"{_ACCOUNT} None of an operator's key.")
    name = LineField(about="A label; `key` if omitted.")
    kind = ChoiceField("model", "management", "operator", about="What it is for; calls of models if omitted.")


class KeysForm(OfficeForm):
    """Which keys."""

    account = LineField(about=f"Only this account's. {_ACCOUNT}")
    after = LineField(64, about="The ID of the last one of the page before.")
    limit = WholeField(1, 100_000, about="How many; all if omitted.")


class KeyNameForm(OfficeForm):
    """One key."""

    key = LineField(about="Its ID, or its name where no other has that.", required=True, example="key_1")


class RenameKeyForm(KeyNameForm):
    """Another name for it."""

    name = LineField(about="A label.", required=True)


class LimitKeyForm(KeyNameForm, _TermsForm):
    """What it may do."""


class EndKeyForm(KeyNameForm):
    """Whether at once."""

    now = YesNoField(about="Whether its calls that are under way end, too.")


class RotateKeyForm(KeyNameForm):
    """How long the old one works."""

    grace_s = DurationField(about="How long the old key goes on working; 24h if omitted.", example="24h")
