"""API keys: made, shown once, limited, rotated, ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields, validate

from router.errors import BadRequest, Conflict, NotFound, RouterError
from router.money.amounts import format_nano
from router.office.accounts import get_account
from router.office.customers.standing import read_key_limits
from router.office.keys import (
    KeyEdits,
    KeyRow,
    change_key,
    create_key,
    disable_key,
    enable_key,
    list_keys,
    revoke_key,
    rotate_key,
    spent_of,
    status_of,
)
from router.office.usage import last_used, sum_keys
from router.portal.customer.own import maker_names, maker_of, own_key
from router.portal.web.fields import Amount, Count, Lines, PersonName
from router.portal.web.forms import Form, OnceField, empty_form, form_once, load_form
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest
from router.types.keys import Budget, Limits

__all__ = ["PAGES"]

PAGES = PageRoutes()

_DAY_S = 86_400
_SHOWN_DAYS = 30
_EXPIRIES = ("", "7", "30", "90", "365")
_PERIODS = ("", "day", "week", "month")
_GRACES = {"0": 0.0, "3600": 3600.0, "86400": 86_400.0, "604800": 604_800.0}


_LIMITS = ("requests_per_minute", "tokens_per_minute", "concurrent")


class _KeyForm(Schema):
    """What a key may do."""

    name = PersonName(required=True)
    budget = Amount(load_default=None)
    period = fields.String(load_default="", validate=validate.OneOf(_PERIODS))
    models = Lines(load_default=())
    expires = fields.String(load_default="", validate=validate.OneOf((*_EXPIRIES, "keep")))
    requests_per_minute = Count(load_default=None)
    tokens_per_minute = Count(load_default=None)
    concurrent = Count(load_default=None)
    once = OnceField(load_default="")


@PAGES.get("/app/keys", "viewer")
def keys_page(request: PageRequest) -> PageReply:
    """All keys of the workspace."""
    rows = [row for row in list_keys(request.office, request.account_id) if row.kind != "hidden"]
    live = [row for row in rows if row.status != "revoked"]
    shown = live if request.query.get("show") != "all" else rows
    since = request.now - _SHOWN_DAYS * _DAY_S
    return request.render(
        "customer/keys.html",
        keys=[_told(request, row) for row in shown],
        spent=sum_keys(request.office, request.account_id, since),
        used=last_used(request.office, request.account_id),
        ended=len(rows) - len(live),
    )


@PAGES.get("/app/keys/new", "developer")
def new_key_page(request: PageRequest) -> PageReply:
    """The form for a new key."""
    return request.render("customer/key_new.html", form=empty_form(period="month", once=form_once()))


@PAGES.post("/app/keys/new", "developer", step_up=True)
def make_key(request: PageRequest) -> PageReply:
    """Make a key, and show its text this once."""
    form = load_form(_KeyForm(), request.form)
    if not form.ok:
        return request.render("customer/key_new.html", status=422, form=form)
    values = form.values
    budget = Budget(values["budget"], values["period"]) if values["budget"] is not None else None
    try:
        made = create_key(
            request.office,
            request.actor,
            request.account_id,
            values["name"],
            scope=values["models"],
            expires_at=_expiry(request, values["expires"]),
            budget=budget,
            limits=_limits(request, values),
            once=values["once"],
        )
    except Conflict as error:
        return request.render("customer/key_new.html", status=error.status, form=_sent_before(request, form))
    except (BadRequest, NotFound) as error:
        return request.render("customer/key_new.html", status=422, form=_refused(form, error))
    return request.render("customer/key_made.html", status=201, key=made.row, text=made.text, until=None)


@PAGES.get("/app/keys/<key_id>", "viewer")
def key_page(request: PageRequest) -> PageReply:
    """One key."""
    return _show(request, own_key(request), None)


@PAGES.post("/app/keys/<key_id>", "developer", step_up=True)
def edit_key(request: PageRequest) -> PageReply:
    """Change what a key may do, from the next call on."""
    row = own_key(request)
    form = load_form(_KeyForm(), request.form)
    if not form.ok:
        return _show(request, row, form, 422)
    values = form.values
    edits = KeyEdits(scope=values["models"], budget_nano=values["budget"], limits=_limits(request, values))
    if values["name"] != row.name:
        edits["name"] = values["name"]
    if values["budget"] is not None:
        edits["budget_period"] = values["period"]
    if values["expires"] != "keep":
        edits["expires_at"] = _expiry(request, values["expires"])
    try:
        change_key(request.office, request.actor, row.id, edits)
    except (BadRequest, NotFound) as error:
        return _show(request, row, _refused(form, error), 422)
    return request.redirect(f"/app/keys/{row.id}", said="key_changed")


@PAGES.post("/app/keys/<key_id>/disable", "developer", step_up=True)
def stop_key(request: PageRequest) -> PageReply:
    """Refuse a key until it is enabled again."""
    row = own_key(request)
    disable_key(request.office, request.actor, row.id)
    return request.redirect(f"/app/keys/{row.id}", said="key_disabled")


@PAGES.post("/app/keys/<key_id>/enable", "developer", step_up=True)
def start_key(request: PageRequest) -> PageReply:
    """Accept a disabled key again."""
    row = own_key(request)
    enable_key(request.office, request.actor, row.id)
    return request.redirect(f"/app/keys/{row.id}", said="key_enabled")


@PAGES.post("/app/keys/<key_id>/rotate", "developer", step_up=True)
def replace_key(request: PageRequest) -> PageReply:
    """Make a new key in place of an old one, which works on for a while."""
    row = own_key(request)
    grace_s = _GRACES.get(request.form.get("grace", ""), 0.0)
    try:
        made = rotate_key(request.office, request.actor, row.id, grace_s=grace_s)
    except (BadRequest, Conflict) as error:
        return _show(request, row, empty_form().refuse(error), error.status)
    until = request.now + grace_s if grace_s else None
    return request.render("customer/key_made.html", status=201, key=made.row, text=made.text, until=until)


@PAGES.post("/app/keys/<key_id>/revoke", "developer", step_up=True)
def end_key(request: PageRequest) -> PageReply:
    """Refuse a key for good; who does it types its name."""
    row = own_key(request)
    typed = request.form.get("confirm", "")
    if typed.strip() != row.name:
        wrong = request.text("Type the name of the key exactly as it is to revoke it.")
        ending = Form({"confirm": typed}, errors={"confirm": [wrong]})
        return _show(request, row, None, 422, ending=ending)
    revoke_key(request.office, request.actor, row.id, now=True)
    return request.redirect("/app/keys", said="key_revoked")


def _sent_before(request: PageRequest, form: Form) -> Form:
    """The form as one that makes another key, should that be meant."""
    again = empty_form(**{**form.typed, "once": form_once()})
    return again.refuse(
        request.text(
            "This form was sent twice: one key was made, and its text was shown that once. If you did not keep it, "
            "revoke that key; to make another one, press the button again."
        )
    )


def _show(
    request: PageRequest, row: KeyRow, form: Form | None, status: int = 200, *, ending: Form | None = None
) -> PageReply:
    """A key's page.

    Args:
        form: what was wrong with its change.
        ending: what was wrong with its end.
    """
    since, limits = request.now - _SHOWN_DAYS * _DAY_S, read_key_limits(request.office, row)
    typed = form if form is not None and form.typed else _as_it_is(row, limits.asked, form)
    return request.render(
        "customer/key.html",
        status=status,
        key=_told(request, row),
        maker=maker_names(request, [row.made_by])[maker_of(row)],
        form=typed,
        ending=ending,
        limits=limits.limits,
        tier=get_account(request.office, request.account_id).tier,
        spent=sum_keys(request.office, request.account_id, since).get(row.id, 0),
        used=last_used(request.office, request.account_id).get(row.id),
    )


def _as_it_is(row: KeyRow, asked: Limits, form: Form | None) -> Form:
    made = empty_form(
        name=row.name,
        budget="" if row.budget_nano is None else format_nano(row.budget_nano),
        period=row.budget_period,
        models="\n".join(row.scope),
        expires="keep",
        **{name: getattr(asked, name) for name in _LIMITS},
    )
    if form is not None:
        made.errors = form.errors
    return made


def _told(request: PageRequest, row: KeyRow) -> dict[str, Any]:
    """A key as templates show it."""
    spent = spent_of(request.office, row)
    return {
        "row": row,
        "hint": f"{request.site.brand.key_prefix}\u2026{row.hint}",
        "status": status_of(row),
        "budget_used_nano": None if spent is None else spent.used_nano + spent.held_nano,
    }


def _limits(request: PageRequest, values: Mapping[str, Any]) -> dict[str, int | None]:
    """What is asked of a key, where limits are in force; else the form has no field of them."""
    return {name: values[name] for name in _LIMITS} if request.office.settings.gateway.limits else {}


def _expiry(request: PageRequest, days: str) -> float | None:
    return request.now + int(days) * _DAY_S if days.isdigit() else None


def _refused(form: Form, error: RouterError) -> Form:
    return form.refuse(error, _FIELDS)


_FIELDS: Sequence[str] = tuple(_KeyForm().fields)
