"""An account's own API for scripts, by a management key: keys as OpenRouter has them, activity, and logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from router.http.management.own_route import OwnAnswer, OwnRequest, OwnRoute
from router.http.management.own_webhooks import WEBHOOK_ROUTES
from router.http.management.rows import activity_row, key_row, log_row
from router.office.customers import own
from router.office.forms.own import RESETS, ActivityForm, KeyEditForm, KeyListForm, LogsForm, NewKeyForm
from router.office.keys import KeyEdits, change_key, create_key, list_keys, revoke_key
from router.types.keys import KEY_KINDS, Budget, Limits

__all__ = ["OWN_ROUTES", "OwnAnswer", "OwnRequest", "OwnRoute"]

_KEYS = "/api/v1/keys"
_PAGE = 100
_LOGS = 100
_DAYS = 30
_LIMITS = tuple(one.name for one in fields(Limits))


def _list_keys(request: OwnRequest) -> OwnAnswer:
    office, values = request.office, request.values
    offset, disabled = values.get("offset") or 0, bool(values.get("include_disabled"))
    found = own.list_own_keys(office, request.key.account, offset=offset, limit=_PAGE, disabled=disabled)
    return OwnAnswer({"data": [key_row(one, office.key_prefix, office.currency) for one in found]})


def _make_key(request: OwnRequest) -> OwnAnswer:
    values = request.values
    limit, reset = values.get("limit"), values.get("limit_reset")
    made = create_key(
        request.office,
        request.actor,
        request.key.account,
        values["name"],
        scope=values.get("models") or (),
        expires_at=values.get("expires_at"),
        budget=None if limit is None else Budget(limit, RESETS.get(reset or "", "")),
        limits=_limits(values),
    )
    return OwnAnswer({"data": request.shown(made.row), "key": made.text, "warnings": list(made.warnings)}, 201)


def _show_key(request: OwnRequest) -> OwnAnswer:
    return OwnAnswer({"data": request.shown(request.named_key())})


def _edit_key(request: OwnRequest) -> OwnAnswer:
    made = change_key(request.office, request.actor, request.named_key().id, _edits(request.values))
    return OwnAnswer({"data": request.shown(made.row), "warnings": list(made.warnings)})


def _edits(values: Mapping[str, Any]) -> KeyEdits:
    edits = KeyEdits()
    if values.get("name") is not None:
        edits["name"] = values["name"]
    if values.get("disabled") is not None:
        edits["disabled"] = values["disabled"]
    if "limit" in values:
        edits["budget_nano"] = values["limit"]
    if "limit_reset" in values:
        edits["budget_period"] = RESETS.get(values["limit_reset"] or "")
    if "expires_at" in values:
        edits["expires_at"] = values["expires_at"]
    if "models" in values:
        edits["scope"] = values["models"] or ()
    if limits := _limits(values):
        edits["limits"] = limits
    return edits


def _limits(values: Mapping[str, Any]) -> dict[str, int | None]:
    """What is asked of a key; what is not named stays."""
    return {name: values[name] for name in _LIMITS if name in values}


def _drop_key(request: OwnRequest) -> OwnAnswer:
    revoke_key(request.office, request.actor, request.named_key().id)
    return OwnAnswer({"deleted": True})


def _activity(request: OwnRequest) -> OwnAnswer:
    office, values, account = request.office, request.values, request.key.account
    today = datetime.fromtimestamp(office.clock(), UTC).date()
    last = values.get("date") or values.get("last") or max(today, values.get("first") or today)
    first = values.get("date") or values.get("first") or last - timedelta(days=_DAYS)
    groups = values.get("group_by") or ["model"]
    by = ["hour" if "hour" in groups else "day", *(name for name in ("model", "key", "member") if name in groups)]
    wanted = values.get("api_key_hash")
    key = own.own_key_id(office, account, wanted) if wanted else None
    sums = own.list_own_activity(office, account, first, last, by=by, key=key, member=values.get("user_id"))
    keys = {row.id: row for row in list_keys(office, account, kinds=KEY_KINDS)} if "key" in by else {}
    rows = [activity_row(one, office.clock(), keys) for one in sums]
    return OwnAnswer({"data": rows, "currency": office.currency})


def _logs(request: OwnRequest) -> OwnAnswer:
    office, values, account = request.office, dict(request.values), request.key.account
    limit, key, before = values.pop("limit", None) or _LOGS, values.pop("key", None), values.pop("after", None)
    if key is not None:
        values["key"] = own.own_key_id(office, account, key)
    if values.get("model") is not None:  # what clients ask for: never what serves it
        values["asked_model"] = values.pop("model")
    found = own.list_own_calls(office, account, before=before, limit=limit + 1, **values)
    rows = [log_row(call, office.currency) for call in found[:limit]]
    after = rows[-1]["id"] if len(found) > limit else None
    return OwnAnswer({"data": rows, "next": after, "currency": office.currency})


OWN_ROUTES = (
    OwnRoute("GET", _KEYS, "listKeys", "The account's keys for calls, a hundred at a time.", KeyListForm, _list_keys),
    OwnRoute(
        "POST", _KEYS, "createKey", "Make a key: its text is in this answer alone.", NewKeyForm, _make_key, status=201
    ),
    OwnRoute("GET", f"{_KEYS}/<hash>", "getKey", "One key.", None, _show_key),
    OwnRoute("PATCH", f"{_KEYS}/<hash>", "updateKey", "Change a key: what is not named stays.", KeyEditForm, _edit_key),
    OwnRoute("DELETE", f"{_KEYS}/<hash>", "deleteKey", "Revoke a key for good.", None, _drop_key),
    OwnRoute(
        "GET",
        "/api/v1/activity",
        "getActivity",
        "What the account's calls came to, by day (UTC) and model, or by what is asked for; today is not complete.",
        ActivityForm,
        _activity,
    ),
    OwnRoute("GET", "/api/v1/logs", "listLogs", "The account's calls, newest first, page by page.", LogsForm, _logs),
    *WEBHOOK_ROUTES,
)
"""What a management key is served."""
