"""The OpenAPI description of the API of scripts: what a key asks of itself, and what a management key does."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from marshmallow import Schema

from router.errors import Conflict, Forbidden, NotFound, RateLimited, RouterError, TooLarge
from router.http import samples
from router.http.json_schema import of_request, of_values
from router.http.key_api import encode_exact, key_api_paths, subscription, total_usage, user_balance
from router.http.management.operators import EXPORT, OPERATORS_BASE
from router.http.management.own import OWN_ROUTES
from router.http.management.own_route import OwnRoute
from router.http.management.rows import activity_row, key_row, log_row
from router.http.operations import KEYS, Json, Operations, answer, idempotency_key, json_content, reference
from router.metering.usage_hours import UsageSum
from router.office.customers.own import KeyStanding
from router.office.forms.usage import ExportForm
from router.office.operations.operation import OfficeOperation
from router.office.operations.table import OPERATIONS
from router.office.usage import NamedCall
from router.office.webhooks.endpoints import EndpointRow
from router.office.webhooks.sent import Delivery
from router.office.webhooks.shown import delivery_value, endpoint_value
from router.store.keys import KeyRow
from router.types.keys import Limits

__all__ = ["body_of", "describe_key_api", "describe_operators", "describe_own", "query_of", "script_errors"]

_TEXT: Json = {"type": "string", "minLength": 1}
_PLACE = re.compile(r"<(\w+)>")
_AT = 1_764_500_000


def describe_key_api(made: Operations) -> dict[str, Json]:
    """The paths at which a key asks of itself."""
    dialect, currency = made.dialect, made.settings.currency
    credits, keys = samples.credits(currency), samples.key_statuses(currency)
    described: dict[str, tuple[str, list[Any]]] = {
        "generation": ("One call.", [*map(dialect.generation, samples.generations(currency))]),
        "key": ("The key's own limits and usage.", [*map(dialect.key_status, keys)]),
        "credits": ("What the account has.", [dialect.credits(credits)]),
        "balance": ("The balance, in DeepSeek's shape.", [user_balance(credits)]),
        "subscription": (
            "The key's budget, or all that was credited, in one-api's shape.",
            [subscription(credits, one) for one in keys],
        ),
        "usage": ("What of that was used, in one-api's shape.", [total_usage(credits, one) for one in keys]),
    }
    found = {}
    for path, what in key_api_paths(dialect).items():
        summary, shown = described[what]
        name = f"Key{what.capitalize()}"
        made.schemas[name] = of_values([json.loads(encode_exact(one)) for one in shown])
        errors = samples.key_errors() if what == "generation" else samples.keyed_errors()
        good = answer("The answer.", json_content(name))
        operation = made.operation(f"get{name}", summary, good, [*errors, _TOO_OFTEN], KEYS)
        if what == "generation":
            operation["parameters"] = [{"name": "id", "in": "query", "required": True, "schema": _TEXT}]
        found[path] = {"get": operation}
    return found


def describe_own(made: Operations) -> dict[str, Json]:
    """The paths of management keys."""
    shown = _own_samples(made.settings.currency)
    found: dict[str, Json] = {}
    for route in OWN_ROUTES:
        name = f"{route.name[:1].upper()}{route.name[1:]}Answer"
        made.schemas[name] = of_values([json.loads(encode_exact(one)) for one in shown[route.name]])
        good = answer("The answer.", json_content(name))
        operation = made.operation(route.name, route.about, good, script_errors(), KEYS)
        operation["parameters"] = _parameters(route)
        operation["responses"][str(route.status)] = operation["responses"].pop("200")
        if route.form is not None and route.reads_body:
            operation["requestBody"] = body_of(made, route.name, route.form)
        found.setdefault(_PLACE.sub(r"{\1}", route.path), {})[route.method.lower()] = operation
    return found


def describe_operators(made: Operations) -> dict[str, Json]:
    """The paths of operators' keys, made from the table of operations."""
    made.schemas["OperatorAnswer"] = _OPERATOR_ANSWER
    made.schemas["OperatorError"] = _OPERATOR_ERROR
    found: dict[str, Json] = {}
    for one in OPERATIONS.values():
        words = "".join(word.title() for word in one.name.replace("-", " ").split())
        name = f"operator{words}"
        operation = _operators(made, name, one.about, _content_of(one))
        if one.method == "GET":
            operation["parameters"] = query_of(one.form)
        else:
            operation["requestBody"] = {**body_of(made, name, one.form), "required": bool(one.form().fields)}
        if one.once:
            about = f"{_ONCE} {_UNLESS}" if one.takes_reference else _ONCE
            operation["parameters"] = [{**idempotency_key(about), "required": not one.takes_reference}]
        found[f"{OPERATORS_BASE}{one.path}"] = {one.method.lower(): operation}
    rows = {"text/csv": {"schema": {"type": "string"}}}
    operation = _operators(made, "operatorUsageExport", "All usage rows as CSV, in order of arrival.", rows)
    found[EXPORT] = {"get": {**operation, "parameters": query_of(ExportForm)}}
    return found


def _operators(made: Operations, name: str, about: str, content: Json) -> Json:
    """An operation of an operator's: what its key meets is told as the profile does, all else in a shape of its own."""
    errors = [
        *samples.keyed_errors(),
        Forbidden("This is for operators' keys.", code="operator_key_required"),
        _TOO_OFTEN,
    ]
    operation = made.operation(name, about, answer("The answer.", content), errors, KEYS)
    either = {"anyOf": [reference("OperatorError"), reference("Error")]}
    for status in ("400", "402", "403", "404", "409", "413", "429", "500", "502", "503"):
        operation["responses"][status] = answer("Refused.", {"application/json": {"schema": either}})
    return operation


def _content_of(operation: OfficeOperation) -> Json:
    if not operation.long:
        return json_content("OperatorAnswer")
    told = {"type": "object", "properties": {"progress": {"type": ["string", "null"]}}, "required": ["progress"]}
    line = {"anyOf": [told, reference("OperatorAnswer"), reference("OperatorError")]}
    return {"application/x-ndjson": {"schema": {"type": "string"}, "x-item-schema": line}}


_ONCE = "A repeat of this request is done no second time within 24 hours, and answered as the first."
_UNLESS = "To be sent unless there is a `reference`."
_TEXTS: Json = {"type": "array", "items": {"type": "string"}}
_OPERATOR_ANSWER: Json = {
    "type": "object",
    "description": "In `data` what the command prints with --json.",
    "properties": {"data": {}, "warnings": _TEXTS, "notes": _TEXTS},
    "required": ["data", "warnings", "notes"],
}
_OPERATOR_ERROR: Json = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {name: {"type": ["string", "null"]} for name in ("message", "type", "param", "code")},
            "required": ["message", "type", "param", "code"],
        }
    },
    "required": ["error"],
}


def body_of(made: Operations, name: str, form: type[Schema]) -> Json:
    """The body that a form takes; its schema becomes a component."""
    component = f"{name[:1].upper()}{name[1:]}Request"
    made.schemas[component] = of_request(form)
    return {"required": True, "content": {"application/json": {"schema": reference(component)}}}


def query_of(form: type[Schema]) -> list[Json]:
    """The parameters of a query that a form takes."""
    schema = of_request(form)
    needed = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": _without_null(shape)}
        for name, shape in schema["properties"].items()
    ]


def script_errors() -> list[RouterError]:
    """What any route of scripts may answer."""
    return [
        *samples.keyed_errors(),
        Forbidden("This needs a management key of the account.", code="management_key_required"),
        NotFound("There is no such key in this account.", code="key_not_found", param="hash"),
        Conflict("There is a transfer with this reference already.", code="reference_used"),
        TooLarge("The request body is larger than this gateway takes."),
        _TOO_OFTEN,
    ]


_TOO_OFTEN = RateLimited("This key asks too often.", code="api_rate_limit_exceeded", retry_after_s=1)


def _parameters(route: OwnRoute) -> list[Json]:
    places = [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in _PLACE.findall(route.path)]
    return places if route.form is None or route.reads_body else [*places, *query_of(route.form)]


def _without_null(shape: Json) -> Json:
    """What a query can say of a value: it has no null."""
    shape = dict(shape)
    if isinstance(shape.get("type"), list):
        kinds = [kind for kind in shape["type"] if kind != "null"]
        shape["type"] = kinds[0] if len(kinds) == 1 else kinds
    for name, null in (("anyOf", {"type": "null"}), ("enum", None)):
        if name in shape:
            shape[name] = [one for one in shape[name] if one != null]
    return shape


def _own_samples(currency: str) -> dict[str, list[Any]]:
    """Route -> examples of its answer."""
    full = KeyRow("key_1", "acct_1", "laptop", "0" * 64, "abcd", "active", _AT, _AT + 1.0, None, ("a/b",), 5, "day")
    bare = KeyRow("key_2", "acct_1", "ci", "1" * 64, "efgh", "active", _AT, made_by="pers_1")
    limits = Limits(1, 1, 1, 1, 1)
    keys = [key_row(one, "sk-", currency) for one in (KeyStanding(full, {}, 4, limits, limits), KeyStanding(bare))]
    sums = [
        UsageSum(group, 2, 1, 10, 5, 20, 0, 1_500_000_001, 0, 0)
        for group in (
            {"day": _AT, "model": "a/b"},
            {"hour": _AT, "key": "key_1"},
            {"hour": _AT, "key": "key_9", "member": "pers_1"},
            {"day": _AT, "member": ""},
        )
    ]
    calls = [NamedCall(view.record, "", name) for view in samples.generations(currency) for name in ("ci", "")]
    rows = [log_row(call, currency) for call in calls]
    one = [{"data": key} for key in keys]
    told = [{**answer, "warnings": []} for answer in one]
    return {
        "listKeys": [{"data": keys}],
        "createKey": [{**answer, "key": "sk-..."} for answer in told],
        "getKey": one,
        "updateKey": told,
        "deleteKey": [{"deleted": True}],
        "getActivity": [{"data": [activity_row(one, _AT, {full.id: full}) for one in sums], "currency": currency}],
        "listLogs": [{"data": rows, "next": after, "currency": currency} for after in ("req_1", None)],
        **_webhook_samples(),
    }


def _webhook_samples() -> dict[str, list[Any]]:
    """The same of routes of webhooks."""
    kept = ("active", "sealed", "sealed", _AT + 1.0, None, 20, 0, _AT + 1.0, _AT, "key_1")
    full = EndpointRow("hook_1", "acct_1", "https://example.com/", "books", ("credit.added",), *kept)
    bare = replace(full, about="", events=(), old_secret="", old_until=None, low_percent=None, failing_since=None)
    due = Delivery(
        "whd_1", "hook_1", "acct_1", "evt_1", "credit.added", "", "due", 1, 500, "answered 500", _AT, _AT, _AT
    )
    sent = replace(due, status="sent", code=200, error="")
    new = replace(due, tries=0, code=None, error="", tried_at=None)
    hooks = [{"data": endpoint_value(one)} for one in (full, bare)]
    made = [{**one, "secret": "whsec_"} for one in hooks]
    rows = [{"data": delivery_value(one)} for one in (due, sent, new)]
    return {
        "listWebhooks": [{"data": [one["data"] for one in hooks]}, {"data": []}],
        "createWebhook": made,
        "getWebhook": hooks,
        "updateWebhook": hooks,
        "deleteWebhook": [{"deleted": True}],
        "rotateWebhook": made,
        "testWebhook": rows,
        "listDeliveries": [{"data": [one["data"] for one in rows]}, {"data": []}],
        "resendDelivery": rows,
    }
