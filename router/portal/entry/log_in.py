"""Logging in and out: by password, mailed link or passkey, the second factor, and the proof before money and keys."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from router.errors import BadRequest, Forbidden, RateLimited, RouterError, Unauthorized
from router.office.people.factors import check_second_factor, has_second_factor
from router.office.people.login import check_password, confirm_password
from router.office.people.passkeys import check_passkey, passkey_log_in
from router.office.people.records import WebSession
from router.office.people.sessions import complete_session, end_session, find_session, open_session, step_up
from router.office.people.tickets import send_login_link, send_step_link
from router.portal.entry.proof import PROOF_FIELD, challenge_of, proof_ok
from router.portal.web.forms import empty_form, load_form
from router.portal.web.pages import PageRoutes
from router.portal.web.passkeys import passkeys_asked, passkeys_of
from router.portal.web.refusing import next_path
from router.portal.web.replies import PageReply, with_wait
from router.portal.web.requests import PageRequest
from router.portal.web.stepping import form_again, show_log_in, step_up_page, waits

__all__ = ["PAGES", "welcome"]

PAGES = PageRoutes()

_EMAIL_MAX = 254
_PASSWORD_MAX = 256


class _LogInForm(Schema):
    """An address and a password."""

    email = fields.String(required=True, validate=validate.Length(1, _EMAIL_MAX))
    password = fields.String(required=True, validate=validate.Length(1, _PASSWORD_MAX))


class _LinkForm(Schema):
    """An address to which a link is sent."""

    email = fields.Email(required=True, validate=validate.Length(max=_EMAIL_MAX))


@PAGES.get("/app/login", "public")
def log_in_page(request: PageRequest) -> PageReply:
    """The form."""
    if request.session is not None and request.session.complete:
        return request.redirect(next_path(request.query.get("next", "")))
    return show_log_in(request, empty_form(email=request.query.get("email", "")))


@PAGES.post("/app/login", "public")
def log_in(request: PageRequest) -> PageReply:
    """Check the password."""
    form = load_form(_LogInForm(), request.form)
    if not form.ok:
        return show_log_in(request, form, 422)
    try:
        person = check_password(request.office, request.visit, form.values["email"], form.values["password"])
    except (Forbidden, RateLimited, Unauthorized) as error:
        return show_log_in(request, form.refuse(error), error.status, error)
    needs_more = has_second_factor(request.office, person.id)
    text = open_session(request.office, person, request.visit, complete=not needs_more)
    target = next_path(request.form.get("next", ""))
    if not needs_more or not waits(request):
        return welcome(request, text, "/app/login/second" if needs_more else "", target)
    request.session = find_session(request.office, text)
    reply = _second_form(request, empty_form(), target)
    reply.headers.append(request.site.cookies.keep(request.site.cookies.session, text))
    return reply


@PAGES.post("/app/login/passkey", "public")
def log_in_by_passkey(request: PageRequest) -> PageReply:
    """Take the answer of a passkey, which is both factors at once."""
    site, answer = passkeys_of(request), request.form.get("credential", "")
    if site is None or not answer:
        return request.redirect("/app/login")
    try:
        person = passkey_log_in(request.office, site, answer, request.visit)
    except (Forbidden, RateLimited, Unauthorized) as error:
        return show_log_in(request, empty_form().refuse(error), error.status, error)
    text = open_session(request.office, person, request.visit, complete=True)
    return welcome(request, text, "", next_path(request.form.get("next", "")))


@PAGES.get("/app/login/link", "public")
def link_page(request: PageRequest) -> PageReply:
    """The form that asks for a mailed link."""
    return _link_form(request, empty_form(email=request.query.get("email", "")))


@PAGES.post("/app/login/link", "public")
def send_link(request: PageRequest) -> PageReply:
    """Mail a link, and say the same whether or not the address is known."""
    form = load_form(_LinkForm(), request.form)
    if not form.ok:
        return _link_form(request, form, 422)
    try:
        send_login_link(request.office, request.actor, request.visit, form.values["email"], proof_ok=proof_ok(request))
    except (BadRequest, RateLimited) as error:
        return _link_form(request, form.refuse(error), error.status, error)
    return request.render("entry/look_into_mail.html", email=form.values["email"], again="/app/login/link")


@PAGES.get("/app/login/second", "public")
def second_page(request: PageRequest) -> PageReply:
    """The form for the second factor."""
    if request.session is None:
        return request.redirect("/app/login")
    if request.session.complete:
        return request.redirect(next_path(request.query.get("next", "")))
    return _second_form(request, empty_form(), next_path(request.query.get("next", "")))


@PAGES.post("/app/login/second", "public")
def second(request: PageRequest) -> PageReply:
    """Check the second factor."""
    session = request.session
    if session is None:
        return request.redirect("/app/login")
    target = next_path(request.form.get("next", ""))
    try:
        _check_factor(request, session)
    except (RateLimited, Unauthorized) as error:
        return with_wait(_second_form(request, empty_form().refuse(error), target, error.status), error)
    return welcome(request, complete_session(request.office, request.session_text), "", target)


@PAGES.post("/app/logout", "public")
def leave(request: PageRequest) -> PageReply:
    """End the session."""
    if request.session_text:
        end_session(request.office, request.actor, request.session_text)
    reply = request.redirect("/app/login", said="logged_out")
    cookies = request.site.cookies
    reply.headers += [cookies.forget(cookies.session), ("Clear-Site-Data", '"cache"')]
    return reply


@PAGES.post("/app/step-up", "person")
def prove(request: PageRequest) -> PageReply:
    """Check the proof, and give the form back that had to wait."""
    assert request.session is not None
    person = request.session.person
    try:
        if request.session.second_factor:
            _check_factor(request, request.session, again=True)
        else:
            confirm_password(request.office, request.visit, person.id, request.form.get("password", ""))
    except (RateLimited, Unauthorized) as error:
        return with_wait(step_up_page(request, wrong=error.message), error)
    text = step_up(request.office, request.session_text)
    reply = form_again(request)
    reply.headers.append(request.site.cookies.keep(request.site.cookies.session, text))
    return reply


@PAGES.post("/app/step-up/link", "person")
def mail_proof(request: PageRequest) -> PageReply:
    """Mail the link by which somebody proves it who has no password."""
    try:
        send_step_link(request.office, request.actor, request.visit, request.person.id)
    except RateLimited as error:
        return with_wait(step_up_page(request, wrong=error.message), error)
    return request.render("entry/look_into_mail.html", email=request.person.email, again="")


def welcome(request: PageRequest, session_text: str, first: str, then: str) -> PageReply:
    """Set the session's cookie and lead on: to the form that waited for the log-in, if one did.

    Args:
        first: a page before that; empty for none.
    """
    if first:
        reply = request.redirect(first, next=then)
    else:
        reply = form_again(request) if waits(request) else request.redirect(then)
    reply.headers.append(request.site.cookies.keep(request.site.cookies.session, session_text))
    return reply


def _second_form(request: PageRequest, form: object, target: str, status: int = 200) -> PageReply:
    asked = passkeys_asked(request)
    shown = {"form": form, "next": target, "passkey": asked, "waiting": waits(request)}
    return request.render("entry/second.html", status=status, **shown)


def _check_factor(request: PageRequest, session: WebSession, *, again: bool = False) -> None:
    """Check the second factor that was shown: the answer of a passkey, or a code."""
    site, answer = passkeys_of(request), request.form.get("credential", "")
    if site is not None and answer:
        check_passkey(request.office, site, session.person, session.id, answer, request.visit, again=again)
    else:
        check_second_factor(request.office, session.person, request.form.get("code", ""), request.visit, again=again)


def _link_form(request: PageRequest, form: object, status: int = 200, error: RouterError | None = None) -> PageReply:
    shown = {"form": form, "challenge": challenge_of(request), "proof_field": PROOF_FIELD}
    return with_wait(request.render("entry/link.html", status=status, **shown), error)
