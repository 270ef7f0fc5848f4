"""How somebody logs in: second factor, recovery codes, sessions, and what happened."""

from __future__ import annotations

import re

import pyotp
import segno

from router.errors import BadRequest, Conflict, Forbidden, NotFound, RateLimited, RouterError, Unauthorized, Unavailable
from router.office.people.events import list_events
from router.office.people.factors import (
    TotpStart,
    begin_totp,
    confirm_totp,
    list_factors,
    new_recovery_codes,
    recovery_codes_left,
    remove_factor,
)
from router.office.people.passkeys import add_passkey, new_passkey_options
from router.office.people.sessions import end_other_sessions, end_session, list_sessions, step_up
from router.portal.customer.own import nothing_here
from router.portal.web.forms import Form, empty_form
from router.portal.web.pages import PageRoutes
from router.portal.web.passkeys import passkeys_of
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_EVENTS = 30
_SECRET = re.compile(r"[A-Z2-7]{16,64}")


@PAGES.get("/app/settings/security", "person")
def security(request: PageRequest) -> PageReply:
    """All of it."""
    return _show(request)


@PAGES.post("/app/settings/security/totp", "person", step_up=True)
def begin(request: PageRequest) -> PageReply:
    """Begin to set up an authenticator: its secret is shown this once."""
    try:
        start = begin_totp(request.office, request.actor, request.person.id)
    except (Conflict, Unavailable) as error:
        return _show(request, empty_form().refuse(error), error.status)
    return _show_totp(request, start, empty_form())


@PAGES.post("/app/settings/security/totp/confirm", "person")
def confirm(request: PageRequest) -> PageReply:
    """Take the first code, and give recovery codes."""
    try:
        codes = confirm_totp(request.office, request.actor, request.person.id, request.form.get("code", ""))
    except NotFound:
        return request.redirect("/app/settings/security")
    except (BadRequest, RateLimited, Unauthorized) as error:
        secret = request.form.get("secret", "")
        if not _SECRET.fullmatch(secret):  # it is shown again alone: what counts is in the database
            return request.redirect("/app/settings/security")
        uri = pyotp.TOTP(secret).provisioning_uri(name=request.person.email, issuer_name=request.site.brand.name)
        start = TotpStart(secret, uri)
        return _show_totp(request, start, empty_form(code="").refuse(error, ["code"]), error)
    reply = request.render("customer/recovery.html", codes=codes)
    reply.headers.append(_stepped_up(request))
    return reply


@PAGES.post("/app/settings/security/passkeys", "person", step_up=True)
def begin_passkey(request: PageRequest) -> PageReply:
    """Ask the browser for a new passkey."""
    return _show_passkey(request, empty_form(name=""))


@PAGES.post("/app/settings/security/passkeys/add", "person")
def keep_passkey(request: PageRequest) -> PageReply:
    """Take what the browser has made; who had no second factor is given recovery codes."""
    site, person_id = passkeys_of(request), request.person.id
    name, answer = request.form.get("name", ""), request.form.get("credential", "")
    if site is None or not answer:
        return request.redirect("/app/settings/security")
    try:
        add_passkey(request.office, request.actor, site, person_id, answer, name)
    except (BadRequest, Conflict) as error:
        return _show_passkey(request, empty_form(name=name).refuse(error), error)
    if recovery_codes_left(request.office, person_id):
        reply = request.redirect("/app/settings/security", said="passkey_added")
    else:
        codes = new_recovery_codes(request.office, request.actor, person_id)
        reply = request.render("customer/recovery.html", codes=codes)
    reply.headers.append(_stepped_up(request))
    return reply


@PAGES.post("/app/settings/security/recovery", "person", step_up=True)
def renew_codes(request: PageRequest) -> PageReply:
    """New recovery codes in place of the old ones."""
    try:
        codes = new_recovery_codes(request.office, request.actor, request.person.id)
    except (BadRequest, Conflict, NotFound) as error:
        return _show(request, empty_form().refuse(error), error.status)
    return request.render("customer/recovery.html", codes=codes)


@PAGES.post("/app/settings/security/factors/<factor_id>/remove", "person", step_up=True)
def remove(request: PageRequest) -> PageReply:
    """Log in without a second factor from now on."""
    try:
        remove_factor(request.office, request.actor, request.person.id, request.params["factor_id"])
    except NotFound:
        raise nothing_here(request) from None
    except Conflict as error:
        return _show(request, empty_form().refuse(error), error.status)
    return request.redirect("/app/settings/security", said="factor_removed")


@PAGES.post("/app/settings/security/sessions/<session_id>/end", "person")
def end_one(request: PageRequest) -> PageReply:
    """End one session."""
    try:
        end_session(request.office, request.actor, request.params["session_id"], person_id=request.person.id)
    except NotFound:
        raise nothing_here(request) from None
    return request.redirect("/app/settings/security", said="session_ended")


@PAGES.post("/app/settings/security/sessions/end-others", "person")
def end_others(request: PageRequest) -> PageReply:
    """End all sessions but this one."""
    assert request.session is not None
    end_other_sessions(request.office, request.actor, request.person.id, request.session.id)
    return request.redirect("/app/settings/security", said="sessions_ended")


def _show(request: PageRequest, form: Form | None = None, status: int = 200) -> PageReply:
    person = request.person
    return request.render(
        "customer/security.html",
        status=status,
        form=form or empty_form(),
        factors=list_factors(request.office, person.id),
        codes_left=recovery_codes_left(request.office, person.id),
        passkeys=passkeys_of(request) is not None,
        sessions=list_sessions(request.office, person.id),
        events=list_events(request.office, person.id, limit=_EVENTS),
    )


def _stepped_up(request: PageRequest) -> tuple[str, str]:
    """The cookie of who has just shown what they have added."""
    text = step_up(request.office, request.session_text)
    return request.site.cookies.keep(request.site.cookies.session, text)


def _show_passkey(request: PageRequest, form: Form, error: RouterError | None = None) -> PageReply:
    site = passkeys_of(request)
    if site is None:
        return request.redirect("/app/settings/security")
    try:
        options = new_passkey_options(request.office, site, request.person.id)
    except (Conflict, Forbidden) as refusal:
        return _show(request, empty_form().refuse(refusal), refusal.status)
    status = error.status if error is not None else 200
    return request.render("customer/passkey.html", status=status, form=form, options=options)


def _show_totp(request: PageRequest, start: TotpStart, form: Form, error: RouterError | None = None) -> PageReply:
    image = segno.make(start.uri, micro=False).svg_data_uri(scale=4, border=2, xmldecl=False, nl=False)
    status = error.status if error is not None else 200
    return request.render("customer/totp.html", status=status, form=form, secret=start.secret, image=image)
