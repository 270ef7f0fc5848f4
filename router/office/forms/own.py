"""What an account's own scripts, and its pages, take in: keys by OpenRouter's names, and which calls to show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, post_load, validates_schema

from router.office.forms.fields import (
    ChoiceField,
    DayField,
    LineField,
    LinesField,
    MomentField,
    MoneyField,
    StatusField,
    WholeField,
    YesNoField,
)
from router.office.forms.form import OfficeForm
from router.types.periods import PERIODS

__all__ = ["ACTIVITY_GROUPS", "RESETS", "ActivityForm", "KeyEditForm", "KeyListForm", "LogsForm", "NewKeyForm"]

RESETS: Mapping[str, str] = {"daily": "day", "weekly": "week", "monthly": "month"}
"""OpenRouter's word for when a budget begins again -> ours."""

assert tuple(RESETS.values()) == PERIODS

ACTIVITY_GROUPS = ("model", "key", "member", "day", "hour")
_COUNT_MAX = 10**9
_LIMIT = "The most that it may spend, in the balance currency; null for what the account has."
_RESET = "When what was spent begins anew; null for never."
_EXPIRES = "When it ends (UTC unless it says otherwise); null for never."
_MODELS = "Model IDs, or `provider/*`, that it may use; empty for all."
_LOWERS = "null for what operators give. It only lowers that."
_NO_BYOK = "Of no effect: there are no keys of customers' own for providers here."
_KEY = "Only this key's, by its hash or ID, with those that it took the place of."


class _KeyForm(OfficeForm):
    limit = MoneyField(about=_LIMIT, example=25)
    limit_reset = ChoiceField(*RESETS, about=_RESET)
    expires_at = MomentField(about=_EXPIRES)
    models = LinesField(256, about=_MODELS)
    requests_per_minute = WholeField(1, _COUNT_MAX, about=f"Calls that begin in a minute; {_LOWERS}", example=60)
    tokens_per_minute = WholeField(1, _COUNT_MAX, about=f"Tokens in and out in a minute; {_LOWERS}")
    concurrent = WholeField(1, _COUNT_MAX, about=f"Calls under way; {_LOWERS}")
    spend_per_day = MoneyField(about=f"Charges in a calendar day; {_LOWERS}", example="5.00")
    spend_per_month = MoneyField(about=f"Charges in a calendar month; {_LOWERS}")
    include_byok_in_limit = YesNoField(about=_NO_BYOK)


class NewKeyForm(_KeyForm):
    """A new key."""

    name = LineField(about="A label.", required=True, example="laptop")

    @validates_schema
    def _check_reset(self, data: Mapping[str, Any], **options: Any) -> None:
        if data.get("limit_reset") is not None and data.get("limit") is None:
            raise ValidationError("goes with a limit", "limit_reset")


class KeyEditForm(_KeyForm):
    """What of a key is to change: what is not named stays."""

    name = LineField(about="A label.", example="laptop")
    disabled = YesNoField(about="Whether it is refused.")

    @validates_schema
    def _check_any(self, data: Mapping[str, Any], **options: Any) -> None:
        if not set(data) - {"include_byok_in_limit"}:
            raise ValidationError(
                "Nothing is to change: name, disabled, limit, limit_reset, expires_at, models or a limit of its pace"
            )


class KeyListForm(OfficeForm):
    """Which keys to list."""

    offset = WholeField(0, 10**9, about="How many to leave out before: 100 are shown.")
    include_disabled = YesNoField(about="Whether those that are disabled are shown as well.")


class ActivityForm(OfficeForm):
    """Which days, and what to sum by."""

    date = DayField(about="One day (UTC).")
    first = DayField(named="from", about="The first day; by default the thirtieth before the last.")
    last = DayField(named="to", about="The last day, which counts; by default today.")
    group_by = LinesField(40, about=f"What to sum by: {', '.join(ACTIVITY_GROUPS)}, or several; `model` by default.")
    api_key_hash = LineField(128, about=_KEY)
    user_id = LineField(64, about="Only the calls of keys that this member made, by the ID of the person.")

    @validates_schema
    def _check_days(self, data: Mapping[str, Any], **options: Any) -> None:
        if data.get("date") is not None and (data.get("first") is not None or data.get("last") is not None):
            raise ValidationError("goes with neither from nor to", "date")

    @post_load
    def _split(self, data: dict[str, Any], **options: Any) -> dict[str, Any]:
        groups = [name for text in data.get("group_by") or () for name in text.split(",")]
        unknown = [name for name in groups if name not in ACTIVITY_GROUPS]
        if unknown:
            raise ValidationError(f"must be of {', '.join(ACTIVITY_GROUPS)}, not {unknown[0]!r}", "group_by")
        return {**data, "group_by": list(dict.fromkeys(groups))}


class LogsForm(OfficeForm):
    """Which calls to show."""

    after = LineField(64, about="The ID of the last row of the page before.")
    limit = WholeField(1, 1000, about="How many rows; 100 by default.")
    since = MomentField(about="Not before.")
    until = MomentField(about="Before.")
    key = LineField(128, about=_KEY)
    model = LineField(256, about="Only calls for this model.")
    status = StatusField(about="Only of this status: `429`, or `5xx`.")
    error_code = LineField(64, about="Only calls that ended with this error.")
    streamed = YesNoField(about="Only streams, or only others.")
    request_id = LineField(128, about="Only this call, by our ID or the client's own.")
