"""An account's own webhooks, by a management key."""

from __future__ import annotations

from router.http.management.own_route import OwnAnswer, OwnRequest, OwnRoute
from router.office.forms.webhooks import OwnDeliveriesForm, OwnWebhookEditForm, OwnWebhookForm, SecretForm
from router.office.webhooks import endpoints, sent
from router.office.webhooks.endpoints import OVERLAP_S, EndpointEdits, EndpointRow
from router.office.webhooks.shown import delivery_value, endpoint_value

__all__ = ["WEBHOOK_ROUTES"]

_HOOKS = "/api/v1/webhooks"
_ONE = f"{_HOOKS}/<webhook>"
_SHOWN = 50


def _named(request: OwnRequest) -> EndpointRow:
    """The webhook that the path names. Raises ``NotFound``: it is none of the account's."""
    return endpoints.get_endpoint(request.office, request.places["webhook"], request.key.account)


def _list(request: OwnRequest) -> OwnAnswer:
    found = endpoints.list_endpoints(request.office, request.key.account)
    return OwnAnswer({"data": [endpoint_value(one) for one in found]})


def _make(request: OwnRequest) -> OwnAnswer:
    values = request.values
    made = endpoints.create_endpoint(
        request.office,
        request.actor,
        request.key.account,
        values["url"],
        about=values.get("about") or "",
        events=values.get("events") or (),
        low=values.get("low") or "",
    )
    return OwnAnswer({"data": endpoint_value(made.row), "secret": made.secret}, 201)


def _show(request: OwnRequest) -> OwnAnswer:
    return OwnAnswer({"data": endpoint_value(_named(request))})


def _edit(request: OwnRequest) -> OwnAnswer:
    given = {name: value for name, value in request.values.items() if value is not None}
    edits = EndpointEdits(**given)  # type: ignore[typeddict-item] # the form has no other names
    made = endpoints.change_endpoint(request.office, request.actor, _named(request).id, edits)
    return OwnAnswer({"data": endpoint_value(made)})


def _drop(request: OwnRequest) -> OwnAnswer:
    endpoints.drop_endpoint(request.office, request.actor, _named(request).id)
    return OwnAnswer({"deleted": True})


def _rotate(request: OwnRequest) -> OwnAnswer:
    overlap = request.values.get("overlap_s")
    lasts = OVERLAP_S if overlap is None else float(overlap)
    made = endpoints.rotate_secret(request.office, request.actor, _named(request).id, overlap_s=lasts)
    return OwnAnswer({"data": endpoint_value(made.row), "secret": made.secret})


def _test(request: OwnRequest) -> OwnAnswer:
    made = endpoints.send_test(request.office, request.actor, _named(request).id)
    return OwnAnswer({"data": delivery_value(sent.get_delivery(request.office, made))}, 202)


def _deliveries(request: OwnRequest) -> OwnAnswer:
    values, row = request.values, _named(request)
    limit, before = values.get("limit") or _SHOWN, values.get("before") or ""
    if before:
        sent.get_delivery(request.office, before, row.id)
    found = sent.list_deliveries(
        request.office, webhook_id=row.id, status=values.get("status") or "", before=before, limit=limit
    )
    return OwnAnswer({"data": [delivery_value(one) for one in found]})


def _resend(request: OwnRequest) -> OwnAnswer:
    row = _named(request)
    made = sent.send_again(request.office, request.actor, request.places["delivery"], row.id)
    return OwnAnswer({"data": delivery_value(made)}, 202)


WEBHOOK_ROUTES = (
    OwnRoute("GET", _HOOKS, "listWebhooks", "The account's webhooks, oldest first.", None, _list),
    OwnRoute(
        "POST",
        _HOOKS,
        "createWebhook",
        "Have events sent to a URL: the secret that they are signed with is in this answer alone.",
        OwnWebhookForm,
        _make,
        status=201,
    ),
    OwnRoute("GET", _ONE, "getWebhook", "One webhook.", None, _show),
    OwnRoute("PATCH", _ONE, "updateWebhook", "Change a webhook: what is not named stays.", OwnWebhookEditForm, _edit),
    OwnRoute("DELETE", _ONE, "deleteWebhook", "Take a webhook away.", None, _drop),
    OwnRoute(
        "POST",
        f"{_ONE}/rotate",
        "rotateWebhook",
        "Give a webhook a new secret; events are signed with the old one as well for a while.",
        SecretForm,
        _rotate,
    ),
    OwnRoute("POST", f"{_ONE}/test", "testWebhook", "Send a test event.", None, _test, status=202),
    OwnRoute(
        "GET",
        f"{_ONE}/deliveries",
        "listDeliveries",
        "What was sent to a webhook, newest first, and what became of it.",
        OwnDeliveriesForm,
        _deliveries,
    ),
    OwnRoute(
        "POST",
        f"{_ONE}/deliveries/<delivery>/resend",
        "resendDelivery",
        "Send an event again, under the ID that it has.",
        None,
        _resend,
        status=202,
    ),
)
"""What a management key is served of webhooks."""
