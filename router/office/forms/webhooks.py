"""What operators, and accounts' own scripts, say of webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, validates_schema

from router.office.forms.accounts import AccountNameForm
from router.office.forms.fields import ChoiceField, LineField, LinesField, WholeField, YesNoField
from router.office.forms.form import OfficeForm
from router.office.webhooks.events import EVENTS
from router.office.webhooks.sent import STATUSES

__all__ = [
    "DeliveriesForm",
    "DeliveryForm",
    "NewWebhookForm",
    "OwnDeliveriesForm",
    "OwnWebhookEditForm",
    "OwnWebhookForm",
    "RotateForm",
    "SecretForm",
    "WebhookEditForm",
    "WebhookForm",
    "WebhooksForm",
]

_URL = "Where events are sent: it begins with https:// and leads to a public address."
_ABOUT = "What it is called."
_EVENTS = f"The kinds that are sent: {', '.join(EVENTS)}; all where none is named."
_LOW = "Below which a balance is low: an amount, or a share of what was credited last such as `20%`; empty for never."
_WEEK_S = 604_800


class OwnWebhookForm(OfficeForm):
    """A new webhook."""

    url = LineField(2048, about=_URL, required=True, example="https://example.com/webhooks")
    about = LineField(200, empty=True, about=_ABOUT)
    events = LinesField(64, about=_EVENTS)
    low = LineField(40, empty=True, about=_LOW, example="20%")


class NewWebhookForm(AccountNameForm, OwnWebhookForm):
    """Of which account."""


class OwnWebhookEditForm(OfficeForm):
    """What of a webhook is to change: what is not named stays."""

    url = LineField(2048, about=_URL)
    about = LineField(200, empty=True, about=_ABOUT)
    events = LinesField(64, about=_EVENTS)
    low = LineField(40, empty=True, about=_LOW, example="20%")
    disabled = YesNoField(about="Whether nothing is sent there.")

    @validates_schema
    def _check_any(self, data: Mapping[str, Any], **options: Any) -> None:
        if not {name for name, value in data.items() if value is not None} - {"webhook"}:
            raise ValidationError("Nothing is to change: url, about, events, low or disabled")


class WebhookForm(OfficeForm):
    """One webhook."""

    webhook = LineField(64, about="Its ID.", required=True, example="hook_1")


class WebhookEditForm(WebhookForm, OwnWebhookEditForm):
    """Which."""


class SecretForm(OfficeForm):
    """For how long the old secret is good."""

    overlap_s = WholeField(0, _WEEK_S, about="For how many seconds events are signed with the old one, too; a day.")


class RotateForm(WebhookForm, SecretForm):
    """Of which."""


class WebhooksForm(OfficeForm):
    """Which webhooks."""

    account = LineField(about="Only this account's, by its ID or name.")


class OwnDeliveriesForm(OfficeForm):
    """Which deliveries."""

    status = ChoiceField(*STATUSES, about="Only these.")
    before = LineField(64, about="Only those written before this one: the next page.")
    limit = WholeField(1, 1_000, about="How many; 50 if omitted.")


class DeliveriesForm(OwnDeliveriesForm):
    """Of which webhook or account."""

    webhook = LineField(64, about="Only those to this webhook, by its ID; `operators` is that of [webhooks] url.")
    account = LineField(about="Only those of this account, by its ID or name.")


class DeliveryForm(OfficeForm):
    """One delivery."""

    delivery = LineField(64, about="Its ID.", required=True, example="whd_1")
