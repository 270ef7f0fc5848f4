"""How somebody logs in: second factor, recovery codes, sessions, and what happened."""

from __future__ import annotations

import segno

from router.errors import BadRequest, ConfigError, Conflict, NotFound, RateLimited, Unauthorized
from router.office.people.events import list_events
from router.office.people.factors import (
    begin_totp,
    confirm_totp,
    count_recovery_codes,
    list_factors,
    new_recovery_codes,
    pending_totp,
    remove_factor,
)
from router.office.people.sessions import end_other_sessions, end_session, list_sessions
from router.portal.customer.own import nothing_here
from router.portal.web.forms import Form, empty_form
from router.portal.web.pages import Pages
from router.portal.web.replies import Reply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = Pages()

_EVENTS = 30


@PAGES.get("/app/settings/security", "person")
def security(request: PageRequest) -> Reply:
    """All of it."""
    return _show(request)


@PAGES.post("/app/settings/security/totp", "person", step_up=True)
def begin(request: PageRequest) -> Reply:
    """Begin to set up an authenticator."""
    try:
        begin_totp(request.office, request.actor, request.person.id, issuer=request.site.brand.name)
    except (Conflict, ConfigError) as error:
        return _show(request, empty_form().refuse(_said(request, error)), 409)
    return request.redirect("/app/settings/security/totp")


@PAGES.get("/app/settings/security/totp", "person")
def totp_page(request: PageRequest) -> Reply:
    """The secret to scan, until its first code has come."""
    return _show_totp(request, empty_form())


@PAGES.post("/app/settings/security/totp/confirm", "person")
def confirm(request: PageRequest) -> Reply:
    """Take the first code, and give recovery codes."""
    try:
        codes, text = confirm_totp(
            request.office, request.actor, request.visit, request.session_text, request.form.get("code", "")
        )
    except NotFound:
        return request.redirect("/app/settings/security")
    except (BadRequest, RateLimited, Unauthorized) as error:
        return _show_totp(request, empty_form(code="").refuse(error, ["code"]), error.status)
    reply = request.render("customer/recovery.html", codes=codes)
    reply.headers.append(request.site.cookies.keep(request.site.cookies.session, text))
    return reply


@PAGES.post("/app/settings/security/recovery", "person", step_up=True)
def renew_codes(request: PageRequest) -> Reply:
    """New recovery codes in place of the old ones."""
    try:
        codes = new_recovery_codes(request.office, request.actor, request.person.id)
    except (BadRequest, Conflict) as error:
        return _show(request, empty_form().refuse(error), error.status)
    return request.render("customer/recovery.html", codes=codes)


@PAGES.post("/app/settings/security/factors/<factor_id>/remove", "person", step_up=True)
def remove(request: PageRequest) -> Reply:
    """Log in without a second factor from now on."""
    try:
        remove_factor(request.office, request.actor, request.visit, request.person.id, request.params["factor_id"])
    except NotFound:
        raise nothing_here(request) from None
    except Conflict as error:
        return _show(request, empty_form().refuse(error), error.status)
    return request.redirect("/app/settings/security", said="factor_removed")


@PAGES.post("/app/settings/security/sessions/<session_id>/end", "person")
def end_one(request: PageRequest) -> Reply:
    """End one session."""
    try:
        end_session(request.office, request.actor, request.person.id, request.params["session_id"])
    except NotFound:
        raise nothing_here(request) from None
    return request.redirect("/app/settings/security", said="session_ended")


@PAGES.post("/app/settings/security/sessions/end-others", "person")
def end_others(request: PageRequest) -> Reply:
    """End all sessions but this one."""
    assert request.session is not None
    end_other_sessions(request.office, request.actor, request.person.id, request.session.id)
    return request.redirect("/app/settings/security", said="sessions_ended")


def _show(request: PageRequest, form: Form | None = None, status: int = 200) -> Reply:
    person = request.person
    return request.render(
        "customer/security.html",
        status=status,
        form=form or empty_form(),
        factors=[one for one in list_factors(request.office, person.id) if one.kind != "recovery"],
        codes_left=count_recovery_codes(request.office, person.id),
        sessions=list_sessions(request.office, person.id),
        events=list_events(request.office, person.id, limit=_EVENTS),
    )


def _show_totp(request: PageRequest, form: Form, status: int = 200) -> Reply:
    pending = pending_totp(request.office, request.person, issuer=request.site.brand.name)
    if pending is None:
        return request.redirect("/app/settings/security")
    code = segno.make(pending.uri, micro=False)
    path = code.svg_data_uri(scale=4, border=2, xmldecl=False, nl=False)
    return request.render("customer/totp.html", status=status, form=form, secret=pending.secret, image=path)


def _said(request: PageRequest, error: Conflict | ConfigError) -> str:
    if isinstance(error, ConfigError):
        return request.text("Second factors are not set up on this portal. Write to its operator.")
    return error.message
