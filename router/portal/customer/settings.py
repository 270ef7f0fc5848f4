"""What somebody sets for themselves: name, language, time zone, look; address and password; leaving."""

from __future__ import annotations

import json

from marshmallow import Schema, fields, validate

from router.errors import BadRequest, Conflict, RateLimited
from router.i18n.language import CODES, language_of, zone_names
from router.office.people.closing import close_person, export_person
from router.office.people.login import set_password
from router.office.people.people import change_profile
from router.office.people.sessions import step_up
from router.office.people.tickets import ask_email_change
from router.portal.web.forms import Form, empty_form, load_form
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_THEMES = ("system", "light", "dark")


class _ProfileForm(Schema):
    """What somebody prefers."""

    name = fields.String(load_default="", validate=validate.Length(max=80))
    locale = fields.String(load_default="", validate=validate.OneOf(("", *CODES)))
    zone = fields.String(load_default="UTC", validate=validate.Length(max=64))
    theme = fields.String(load_default="system", validate=validate.OneOf(_THEMES))


class _EmailForm(Schema):
    """A new address."""

    email = fields.Email(required=True, validate=validate.Length(max=254))


@PAGES.get("/app/settings", "person")
def settings_page(request: PageRequest) -> PageReply:
    """All of it."""
    return _show(request)


@PAGES.post("/app/settings", "person")
def save(request: PageRequest) -> PageReply:
    """Change what is preferred."""
    form = load_form(_ProfileForm(), request.form)
    if form.ok and form.values["zone"] not in zone_names():
        form.errors["zone"] = [request.text("Choose a time zone from the list.")]
    if not form.ok:
        return _show(request, form, status=422)
    try:
        change_profile(request.office, request.actor, request.person.id, **form.values)
    except BadRequest as error:
        return _show(request, form.refuse(error, form.values), status=422)
    reply = request.redirect("/app/settings", said="saved")
    reply.headers.append(request.site.cookies.prefer("theme", form.values["theme"]))
    if form.values["locale"]:
        reply.headers.append(request.site.cookies.prefer("lang", form.values["locale"]))
    return reply


@PAGES.post("/app/settings/email", "person", step_up=True)
def change_address(request: PageRequest) -> PageReply:
    """Mail a link to a new address, which takes the place of the old one once it is opened."""
    form = load_form(_EmailForm(), request.form)
    if form.ok:
        try:
            ask_email_change(request.office, request.actor, request.person.id, form.values["email"], request.visit)
        except (BadRequest, Conflict, RateLimited) as error:
            form.refuse(error, ["email"])
    if not form.ok:
        return _show(request, email_form=form, status=422)
    return request.redirect("/app/settings", said="mail_sent")


@PAGES.post("/app/settings/password", "person", step_up=True)
def change_password(request: PageRequest) -> PageReply:
    """Set a new password; all other sessions end."""
    form = empty_form(password="")
    try:
        set_password(request.office, request.actor, request.person.id, request.form.get("password", ""))
    except BadRequest as error:
        form.refuse(error, ["password"])
        return _show(request, password_form=form, status=422)
    text = step_up(request.office, request.session_text)
    reply = request.redirect("/app/settings", said="password_set")
    reply.headers.append(request.site.cookies.keep(request.site.cookies.session, text))
    return reply


@PAGES.get("/app/settings/export", "person")
def export(request: PageRequest) -> PageReply:
    """All that is kept of somebody, for themselves."""
    body = json.dumps(export_person(request.office, request.person.id), indent=2, ensure_ascii=False)
    shown = [("Content-Type", "application/json"), ("Content-Disposition", 'attachment; filename="my-data.json"')]
    return PageReply(body, 200, shown)


@PAGES.post("/app/settings/close", "person", step_up=True)
def close(request: PageRequest) -> PageReply:
    """Close the account; who does it types its address."""
    typed = request.form.get("confirm", "").strip()
    if typed.casefold() != request.person.email.casefold():
        form = empty_form(confirm=typed)
        form.errors["confirm"] = [request.text("Type your address exactly as it is.")]
        return _show(request, close_form=form, status=422)
    try:
        close_person(request.office, request.actor, request.person.id, typed)
    except Conflict as error:
        return _show(request, close_form=empty_form(confirm=typed).refuse(error), status=error.status)
    reply = request.redirect("/app/login", said="closed")
    cookies = request.site.cookies
    reply.headers += [cookies.forget(cookies.session), ("Clear-Site-Data", '"cache"')]
    return reply


def _show(
    request: PageRequest,
    form: Form | None = None,
    *,
    email_form: Form | None = None,
    password_form: Form | None = None,
    close_form: Form | None = None,
    status: int = 200,
) -> PageReply:
    person = request.person
    profile = empty_form(name=person.name, locale=person.locale, zone=person.zone or "UTC", theme=person.theme)
    return request.render(
        "customer/settings.html",
        status=status,
        form=form or profile,
        email_form=email_form or empty_form(),
        password_form=password_form or empty_form(),
        close_form=close_form or empty_form(),
        zones=[(one, one) for one in sorted(zone_names())],
        language_pairs=[(code, language_of(code).name) for code in CODES],
        password_length=request.site.settings.password_length,
    )
