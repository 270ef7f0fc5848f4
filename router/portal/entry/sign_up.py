"""Signing up. Whether an address is known already is told to its mailbox alone."""

from __future__ import annotations

from dataclasses import replace

from marshmallow import Schema, fields, validate

from router.errors import BadRequest, Forbidden, RateLimited, RouterError
from router.office.people.records import Visit
from router.office.people.signup import sign_up as make_person
from router.office.people.tickets import resend_verification, send_login_link
from router.portal.entry.proof import PROOF_FIELD, challenge_of, proof_ok
from router.portal.web.forms import Form, empty_form, load_form
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply, with_wait
from router.portal.web.requests import PageRequest
from router.portal.web.serving import new_visitor

__all__ = ["PAGES"]

PAGES = PageRoutes()

_EMAIL_MAX = 254
_NAME_MAX = 80
_PASSWORD_MAX = 256
_VISITOR_S = 86_400


class _SignUpForm(Schema):
    """Who wants an account; without a password they log in by mailed links."""

    email = fields.Email(required=True, validate=validate.Length(max=_EMAIL_MAX))
    password = fields.String(load_default="", validate=validate.Length(max=_PASSWORD_MAX))
    name = fields.String(load_default="", validate=validate.Length(max=_NAME_MAX))
    zone = fields.String(load_default="", validate=validate.Length(max=64))
    terms = fields.Boolean(load_default=False)


class _AgainForm(Schema):
    """Who waits for the mail."""

    email = fields.Email(required=True, validate=validate.Length(max=_EMAIL_MAX))


@PAGES.get("/app/signup", "public")
def sign_up_page(request: PageRequest) -> PageReply:
    """The form."""
    if request.session is not None and request.session.complete:
        return request.redirect("/app/")
    return _form(request, empty_form(email=request.query.get("email", "")))


@PAGES.post("/app/signup", "public")
def sign_up(request: PageRequest) -> PageReply:
    """Take the form. The answer is the same for known and unknown addresses."""
    form = load_form(_SignUpForm(), request.form)
    if form.ok and request.site.settings.terms_url and not form.values["terms"]:
        form.errors["terms"] = [request.text("Please accept the terms.")]
    if not form.ok:
        return _form(request, form, 422)
    visit, cookie = _with_visitor(request)
    values = form.values
    try:
        make_person(
            request.office,
            request.actor,
            replace(visit, zone=values["zone"]),
            email=values["email"],
            password=values["password"],
            name=values["name"],
            proof_ok=proof_ok(request),
        )
    except (BadRequest, Forbidden, RateLimited) as error:
        return _form(request, form.refuse(error, _SignUpForm().fields), error.status, error)
    reply = _signed_up(request, empty_form(email=values["email"]))
    reply.headers += cookie
    return reply


@PAGES.post("/app/signup/again", "public")
def mail_again(request: PageRequest) -> PageReply:
    """Mail the link once more, and say the same whether or not the address is known: to who has proved it already goes
    a link that logs in, as after a sign-up.
    """
    form = load_form(_AgainForm(), request.form)
    if not form.ok:
        return _form(request, form, 422)
    try:
        send_login_link(request.office, request.actor, request.visit, form.values["email"], proof_ok=proof_ok(request))
    except BadRequest as error:
        return _form(request, form.refuse(error), error.status)
    except RateLimited as error:
        return _signed_up(request, form.refuse(error), error)
    return _signed_up(request, form, said=request.text("Sent again. Open the newest message: older links end with it."))


@PAGES.get("/app/verify", "person")
def verify_page(request: PageRequest) -> PageReply:
    """What to do while the address is not proved."""
    if request.person.verified_at is not None:
        return request.redirect("/app/")
    return request.render("entry/verify.html", form=empty_form())


@PAGES.post("/app/verify", "person")
def send_again(request: PageRequest) -> PageReply:
    """Send the link once more."""
    try:
        resend_verification(request.office, request.actor, request.visit, request.person.email)
    except RateLimited as error:
        return with_wait(
            request.render("entry/verify.html", status=error.status, form=empty_form().refuse(error)), error
        )
    return request.redirect("/app/verify", said="mail_sent")


def _with_visitor(request: PageRequest) -> tuple[Visit, list[tuple[str, str]]]:
    """The visit with something that tells this browser from others, and the cookie that makes it so."""
    if request.visit.browser:
        return request.visit, []
    text = new_visitor()
    cookies = request.site.cookies
    return replace(request.visit, browser=text), [cookies.keep(cookies.visitor, text, _VISITOR_S)]


def _signed_up(request: PageRequest, form: Form, error: RateLimited | None = None, **said: str) -> PageReply:
    """What is to be done after the sign-up, with the wait where the mail was asked for too often."""
    shown = {"form": form, "challenge": challenge_of(request), "proof_field": PROOF_FIELD, **said}
    status, email = (error.status if error is not None else 200), form.typed["email"]
    reply = request.render("entry/signed_up.html", status=status, email=email, again="/app/signup", **shown)
    return with_wait(reply, error)


def _form(request: PageRequest, form: Form, status: int = 200, error: RouterError | None = None) -> PageReply:
    settings = request.site.settings
    shown = {
        "form": form,
        "challenge": challenge_of(request),
        "proof_field": PROOF_FIELD,
        "terms_url": settings.terms_url,
        "closed": settings.signup == "closed",
        "password_length": settings.password_length,
        "credit_nano": request.site.free_credit_nano,
    }
    return with_wait(request.render("entry/sign_up.html", status=status, **shown), error)
