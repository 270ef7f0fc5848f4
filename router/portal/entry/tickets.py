"""One-time links. To open one changes nothing, whoever opens it; what it is for happens by the button on its page."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from router.errors import BadRequest, Conflict, Forbidden, NotFound, RateLimited, RouterError
from router.office.people.factors import has_second_factor
from router.office.people.members import accept_invitation
from router.office.people.operators import use_operator_link
from router.office.people.records import Person, TicketView
from router.office.people.sessions import open_session, step_up
from router.office.people.signup import join_by_invitation
from router.office.people.tickets import (
    change_email,
    look_at_ticket,
    reset_password,
    send_reset,
    use_login_link,
    use_step_link,
    verify_email,
)
from router.portal.entry.log_in import welcome
from router.portal.entry.proof import PROOF_FIELD, challenge_of, proof_ok
from router.portal.web.forms import Form, empty_form, load_form
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply, with_wait
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_EMAIL_MAX = 254
_PASSWORD_MAX = 256


class _AskResetForm(Schema):
    """Whose password is forgotten."""

    email = fields.Email(required=True, validate=validate.Length(max=_EMAIL_MAX))


@PAGES.get("/app/t/<ticket>", "public")
def ticket_page(request: PageRequest) -> PageReply:
    """Whom a link is for, and the button."""
    return _show(request, look_at_ticket(request.office, request.params["ticket"]), empty_form())


@PAGES.post("/app/t/<ticket>", "public")
def use_ticket(request: PageRequest) -> PageReply:
    """Do what the link is for."""
    text = request.params["ticket"]
    view = look_at_ticket(request.office, text)
    if view is None:
        return _show(request, None, empty_form())
    try:
        return _USES[view.purpose](request, view, text)
    except (BadRequest, Forbidden, RateLimited) as error:
        return _show(request, view, empty_form().refuse(error, ["password"]), error)
    except NotFound:  # used meanwhile
        return _show(request, None, empty_form())


@PAGES.get("/app/reset", "public")
def reset_page(request: PageRequest) -> PageReply:
    """The form of who has forgotten a password."""
    return _reset_form(request, empty_form(email=request.query.get("email", "")))


@PAGES.post("/app/reset", "public")
def ask_reset(request: PageRequest) -> PageReply:
    """Mail a link, and say the same whether or not the address is known."""
    form = load_form(_AskResetForm(), request.form)
    if not form.ok:
        return _reset_form(request, form, 422)
    try:
        send_reset(request.office, request.actor, request.visit, form.values["email"], proof_ok=proof_ok(request))
    except RateLimited as error:
        return with_wait(_reset_form(request, form.refuse(error), error.status), error)
    return request.render("entry/look_into_mail.html", email=form.values["email"], again="/app/reset")


def _verify(request: PageRequest, view: TicketView, text: str) -> PageReply:
    done = verify_email(request.office, request.actor, text, request.visit)
    if not done.same_browser:
        return request.redirect("/app/login", said="verified", email=done.person.email)
    return _logged_in(request, done.person, "/app/?said=verified")


def _log_in(request: PageRequest, view: TicketView, text: str) -> PageReply:
    return _logged_in(request, use_login_link(request.office, request.actor, text, request.visit), "/app/")


def _reset(request: PageRequest, view: TicketView, text: str) -> PageReply:
    reset_password(request.office, request.actor, text, request.form.get("password", ""))
    return request.redirect("/app/login", said="password_set", email=view.email)


def _change_email(request: PageRequest, view: TicketView, text: str) -> PageReply:
    change_email(request.office, request.actor, text)
    return request.redirect("/app/settings" if request.session is not None else "/app/login", said="email_changed")


def _accept(request: PageRequest, view: TicketView, text: str) -> PageReply:
    if request.session is None or not request.session.complete:
        return _join(request, view, text)
    accept_invitation(request.office, request.actor, text, request.person)
    return request.redirect("/app/", said="joined")


def _join(request: PageRequest, view: TicketView, text: str) -> PageReply:
    """Sign up whoever was invited; who has an account already logs in first."""
    password, name = request.form.get("password", ""), request.form.get("name", "")
    try:
        person = join_by_invitation(request.office, request.actor, request.visit, text, password=password, name=name)
    except Conflict:
        return request.redirect("/app/login", next=request.path, email=view.email)
    return _logged_in(request, person, "/app/?said=joined")


def _become_operator(request: PageRequest, view: TicketView, text: str) -> PageReply:
    person = use_operator_link(request.office, request.actor, text, request.visit)
    return _logged_in(request, person, "/app/settings/security")


def _prove(request: PageRequest, view: TicketView, text: str) -> PageReply:
    """Whoever is logged in as the person that was mailed has proved it; for everybody else the link is for nothing."""
    if request.session is None or not request.session.complete:
        return request.redirect("/app/login", next=request.path, email=view.email)
    use_step_link(request.office, request.actor, text, request.session.person.id)
    return welcome(request, step_up(request.office, request.session_text), "", "/app/?said=proved")


_USES = {
    "verify": _verify,
    "login": _log_in,
    "reset": _reset,
    "email": _change_email,
    "invite": _accept,
    "operator": _become_operator,
    "step": _prove,
}


def _logged_in(request: PageRequest, person: Person, target: str) -> PageReply:
    more = has_second_factor(request.office, person.id)
    text = open_session(request.office, person, request.visit, complete=not more)
    return welcome(request, text, "/app/login/second" if more else "", target)


def _show(request: PageRequest, view: TicketView | None, form: Form, error: RouterError | None = None) -> PageReply:
    if view is None:
        return request.render("entry/ticket_gone.html", status=410)
    status = error.status if error is not None else 200
    own = request.session is not None and request.session.person.email.casefold() == view.email.casefold()
    length = request.site.settings.password_length
    shown = {"view": view, "form": form, "own": own, "password_length": length}
    return with_wait(request.render("entry/ticket.html", status=status, **shown), error)


def _reset_form(request: PageRequest, form: Form, status: int = 200) -> PageReply:
    shown = {"form": form, "challenge": challenge_of(request), "proof_field": PROOF_FIELD}
    return request.render("entry/reset.html", status=status, **shown)
