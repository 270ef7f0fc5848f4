"""Webhooks: where events are sent by HTTP, with which secret, and what became of what was sent."""

from __future__ import annotations

from collections.abc import Sequence

from marshmallow import Schema, fields, validate

from router.errors import BadRequest, ConfigError, Conflict, Forbidden, NotFound, RateLimited, RouterError
from router.office.providers import master_key_problem
from router.office.webhooks.endpoints import (
    EndpointEdits,
    EndpointRow,
    change_endpoint,
    create_endpoint,
    drop_endpoint,
    get_endpoint,
    list_endpoints,
    low_text,
    rotate_secret,
    send_test,
)
from router.office.webhooks.events import EVENTS
from router.office.webhooks.sent import list_deliveries, send_again
from router.portal.customer.own import nothing_here
from router.portal.web.forms import Form, OnceField, empty_form, form_once, load_form
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply, with_wait
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_SHOWN = 30
_OVERLAPS = {"0": 0.0, "3600": 3600.0, "86400": 86_400.0, "604800": 604_800.0}


class _WebhookForm(Schema):
    """Where events go, and which."""

    url = fields.String(required=True)
    about = fields.String(load_default="", validate=validate.Length(max=200))
    low = fields.String(load_default="", validate=validate.Length(max=40))
    once = OnceField(load_default="")


@PAGES.get("/app/webhooks", "developer")
def webhooks_page(request: PageRequest) -> PageReply:
    """All webhooks of the workspace."""
    office = request.office
    return request.render(
        "customer/webhooks.html",
        webhooks=list_endpoints(office, request.account_id),
        most=office.settings.webhooks.endpoints,
        possible=office.settings.webhooks.customers and not master_key_problem(office.settings),
    )


@PAGES.get("/app/webhooks/new", "developer")
def new_webhook_page(request: PageRequest) -> PageReply:
    """The form for a new webhook."""
    return _show_new(request, empty_form(low="20%", once=form_once()), tuple(EVENTS))


@PAGES.post("/app/webhooks/new", "developer", step_up=True)
def make_webhook(request: PageRequest) -> PageReply:
    """Make a webhook, and show its secret this once."""
    form, events = load_form(_WebhookForm(), request.form), _events(request)
    if not form.ok:
        return _show_new(request, form, events, 422)
    values = form.values
    try:
        made = create_endpoint(
            request.office,
            request.actor,
            request.account_id,
            values["url"].strip(),
            about=values["about"],
            events=_stored(events),
            low=values["low"],
            once=values["once"],
        )
    except Conflict as error:
        form.typed = {**form.typed, "once": form_once()}
        return _show_new(request, form.refuse(error), events, error.status)
    except ConfigError:
        said = request.text("Webhooks cannot be made here yet: whoever runs this service has not set a master key.")
        return _show_new(request, form.refuse(said), events, 422)
    except (BadRequest, Forbidden) as error:
        return _show_new(request, _refused(form, error), events, 422)
    return request.render("customer/webhook_made.html", status=201, webhook=made.row, secret=made.secret, until=None)


@PAGES.get("/app/webhooks/<webhook_id>", "developer")
def webhook_page(request: PageRequest) -> PageReply:
    """One webhook, and what was sent there."""
    return _show(request, _own(request), None)


@PAGES.post("/app/webhooks/<webhook_id>", "developer", step_up=True)
def edit_webhook(request: PageRequest) -> PageReply:
    """Change where events go, and which."""
    row, form = _own(request), load_form(_WebhookForm(), request.form)
    if not form.ok:
        return _show(request, row, form, 422)
    values = form.values
    edits = EndpointEdits(about=values["about"], low=values["low"], events=_stored(_events(request)))
    edits["url"] = values["url"].strip()
    try:
        change_endpoint(request.office, request.actor, row.id, edits)
    except BadRequest as error:
        return _show(request, row, _refused(form, error), 422)
    return request.redirect(f"/app/webhooks/{row.id}", said="webhook_changed")


@PAGES.post("/app/webhooks/<webhook_id>/rotate", "developer", step_up=True)
def new_secret(request: PageRequest) -> PageReply:
    """Give it a new secret; the old one is good for a while."""
    row = _own(request)
    overlap_s = _OVERLAPS.get(request.form.get("overlap", ""), 0.0)
    try:
        made = rotate_secret(request.office, request.actor, row.id, overlap_s=overlap_s)
    except ConfigError:
        said = request.text("Webhooks cannot be made here yet: whoever runs this service has not set a master key.")
        return _show(request, row, empty_form().refuse(said), 422)
    until = made.row.old_until
    return request.render("customer/webhook_made.html", status=201, webhook=made.row, secret=made.secret, until=until)


@PAGES.post("/app/webhooks/<webhook_id>/test", "developer")
def test_webhook(request: PageRequest) -> PageReply:
    """Send a test event."""
    row = _own(request)
    try:
        send_test(request.office, request.actor, row.id)
    except (Conflict, RateLimited) as error:
        return with_wait(_show(request, row, empty_form().refuse(error), error.status), error)
    return request.redirect(f"/app/webhooks/{row.id}", said="webhook_sending")


@PAGES.post("/app/webhooks/<webhook_id>/resend", "developer")
def resend_event(request: PageRequest) -> PageReply:
    """Send an event again, under its ID."""
    row = _own(request)
    try:
        send_again(request.office, request.actor, request.form.get("delivery", ""), row.id)
    except NotFound:
        raise nothing_here(request) from None
    except (Conflict, RateLimited) as error:
        return with_wait(_show(request, row, empty_form().refuse(error), error.status), error)
    return request.redirect(f"/app/webhooks/{row.id}", said="webhook_sending")


@PAGES.post("/app/webhooks/<webhook_id>/disable", "developer")
def stop_webhook(request: PageRequest) -> PageReply:
    """Send nothing there until it is switched on again."""
    row = _own(request)
    change_endpoint(request.office, request.actor, row.id, EndpointEdits(disabled=True))
    return request.redirect(f"/app/webhooks/{row.id}", said="webhook_disabled")


@PAGES.post("/app/webhooks/<webhook_id>/enable", "developer", step_up=True)
def start_webhook(request: PageRequest) -> PageReply:
    """Send events there again."""
    row = _own(request)
    change_endpoint(request.office, request.actor, row.id, EndpointEdits(disabled=False))
    return request.redirect(f"/app/webhooks/{row.id}", said="webhook_enabled")


@PAGES.post("/app/webhooks/<webhook_id>/delete", "developer", step_up=True)
def delete_webhook(request: PageRequest) -> PageReply:
    """Take it away, with what is known of what was sent."""
    drop_endpoint(request.office, request.actor, _own(request).id)
    return request.redirect("/app/webhooks", said="webhook_deleted")


def _own(request: PageRequest) -> EndpointRow:
    """The webhook that the path names. Raises ``NotFound``: there is none, or it is another workspace's."""
    try:
        return get_endpoint(request.office, request.params["webhook_id"], request.account_id)
    except NotFound:
        raise nothing_here(request) from None


def _events(request: PageRequest) -> tuple[str, ...]:
    """The kinds that are ticked."""
    return tuple(one for one in EVENTS if f"event-{one}" in request.form)


def _stored(events: Sequence[str]) -> Sequence[str]:
    """The same as it is kept: all, and none, are those that there will be as well."""
    return () if len(events) in (0, len(EVENTS)) else events


def _refused(form: Form, error: RouterError) -> Form:
    return form.refuse(error, _FIELDS)


def _show_new(request: PageRequest, form: Form, events: Sequence[str], status: int = 200) -> PageReply:
    return request.render("customer/webhook_new.html", status=status, form=form, events=tuple(EVENTS), ticked=events)


def _show(request: PageRequest, row: EndpointRow, form: Form | None, status: int = 200) -> PageReply:
    sent = form is not None and bool(form.typed)
    shown = empty_form(url=row.url, about=row.about, low=low_text(row))
    if form is not None:
        shown = form if sent else shown
        shown.errors = form.errors
    return request.render(
        "customer/webhook.html",
        status=status,
        webhook=row,
        form=shown,
        events=tuple(EVENTS),
        ticked=_events(request) if sent else row.events or tuple(EVENTS),
        deliveries=list_deliveries(request.office, webhook_id=row.id, limit=_SHOWN),
    )


_FIELDS: Sequence[str] = tuple(_WebhookForm().fields)
