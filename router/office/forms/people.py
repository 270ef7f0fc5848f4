"""What operators say of people, sign-ups and mails."""

from __future__ import annotations

from router.office.forms.accounts import AccountNameForm
from router.office.forms.fields import ChoiceField, LineField, MomentField, WholeField, YesNoField
from router.office.forms.form import OfficeForm
from router.office.people.abuse import BLOCKS, SWITCHES
from router.office.people.mailing import STATUSES
from router.office.people.records import ROLES

__all__ = [
    "BlockForm",
    "BounceForm",
    "DecideForm",
    "EmailForm",
    "InviteForm",
    "LogInForm",
    "MailForm",
    "MailsForm",
    "PeopleForm",
    "PersonForm",
    "RetirementForm",
    "SignupsForm",
    "TestMailForm",
    "TroubleForm",
    "TurnForm",
    "UnblockForm",
    "WhyForm",
]

_WHY = "Why; kept in the audit log."
_EMAIL = 320


class PeopleForm(OfficeForm):
    """Which people."""

    search = LineField(about="Only those whose address or name holds this.")
    operators = YesNoField(about="Only operators.")
    limit = WholeField(1, 10_000, about="How many; 50 if omitted.")
    after = LineField(64, about="The ID of the last one of the page before.")


class PersonForm(OfficeForm):
    """One person."""

    person = LineField(_EMAIL, about="Their address, or their ID.", required=True, example="ada@example.com")


class WhyForm(PersonForm):
    """Why."""

    reason = LineField(500, about=_WHY)


class LogInForm(PersonForm):
    """Which log-in."""

    session = LineField(64, about="Only this one.")


class EmailForm(OfficeForm):
    """An address."""

    email = LineField(_EMAIL, about="The address.", required=True, example="ada@example.com")


class InviteForm(AccountNameForm, EmailForm):
    """Into which account, as what."""

    role = ChoiceField(*ROLES, about="What they may do there; `developer` if omitted.")


class TurnForm(OfficeForm):
    """What is turned."""

    name = ChoiceField(*(name.replace("_", "-") for name in SWITCHES), about="What.", required=True)
    state = ChoiceField("on", "off", about="How.", required=True)
    reason = LineField(500, about=_WHY, required=True)


class UnblockForm(OfficeForm):
    """Which block."""

    kind = ChoiceField(*BLOCKS, about="What it is of.", required=True)
    value = LineField(_EMAIL, about="The domain, address or network.", required=True, example="example.com")


class BlockForm(UnblockForm):
    """A block."""

    reason = LineField(500, about=_WHY, required=True)


class SignupsForm(OfficeForm):
    """Which sign-ups."""

    verdict = ChoiceField("given", "waits", "refused", "none", about="Only those with this verdict.")
    limit = WholeField(1, 10_000, about="How many; 50 if omitted.")
    before = LineField(64, about="Only older ones than this: the next page.")


class DecideForm(OfficeForm):
    """What becomes of one."""

    signup = LineField(64, about="Its ID.", required=True, example="sign_1")
    verdict = ChoiceField("give", "refuse", about="What is decided.", required=True)
    reason = LineField(500, about=_WHY)


class MailsForm(OfficeForm):
    """Which mails."""

    status = ChoiceField(*STATUSES, about="Only these.")
    recipient = LineField(_EMAIL, about="Only those to this address.")
    before = LineField(64, about="Only those written before this one: the next page.")
    limit = WholeField(1, 1_000, about="How many; 50 if omitted.")


class MailForm(OfficeForm):
    """One mail."""

    mail = LineField(64, about="Its ID.", required=True, example="mail_1")


class BounceForm(MailForm):
    """Why it came back."""

    reason = LineField(500, empty=True, about="What the answer said.")


class TestMailForm(OfficeForm):
    """To whom."""

    address = LineField(_EMAIL, about="The address.", required=True, example="ada@example.com")


class TroubleForm(OfficeForm):
    """Which model."""

    model = LineField(256, about="The model.", required=True, example="openai/gpt-4o")


class RetirementForm(TroubleForm):
    """When it retires."""

    retires = MomentField(about="When.", required=True, example="2027-01-31")
