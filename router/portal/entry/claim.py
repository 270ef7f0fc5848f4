"""The first operator: whoever is logged in and has the secret of ``router init``; no page once there is one."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from router.errors import Forbidden, NotFound, RateLimited, RouterError
from router.office.people.operators import claim_operator, has_operators
from router.office.people.sessions import open_session
from router.portal.entry.log_in import welcome
from router.portal.web.forms import Form, empty_form, load_form
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply, with_wait
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_SECRET_MAX = 200


class _ClaimForm(Schema):
    """The operator secret."""

    secret = fields.String(required=True, validate=validate.Length(1, _SECRET_MAX))


@PAGES.get("/app/claim", "person")
def claim_page(request: PageRequest) -> PageReply:
    """The form, as long as nobody runs the gateway."""
    _check_open(request)
    if request.person.verified_at is None:
        return request.redirect("/app/verify")
    return _show(request, empty_form())


@PAGES.post("/app/claim", "person")
def claim(request: PageRequest) -> PageReply:
    """Make whoever has the secret an operator, who is logged in anew as one."""
    _check_open(request)
    if request.person.verified_at is None:
        return request.redirect("/app/verify")
    form = load_form(_ClaimForm(), request.form)
    if not form.ok:
        return _show(request, form, status=422)
    try:
        person = claim_operator(request.office, request.actor, request.person.id, form.values["secret"], request.visit)
    except NotFound:  # somebody was faster
        raise _no_page(request) from None
    except Forbidden as error:
        wrong = request.text("This is not the secret that `router init` showed.")
        return _show(request, form.refuse(wrong if error.code == "wrong_secret" else error), error)
    except RateLimited as error:
        return _show(request, form.refuse(error), error)
    text = open_session(request.office, person, request.visit, complete=True)  # as complete as the one that it ends
    return welcome(request, text, "", "/app/settings/security")


def _check_open(request: PageRequest) -> None:
    if has_operators(request.office):
        raise _no_page(request)


def _no_page(request: PageRequest) -> NotFound:
    return NotFound(request.text("There is no such page."), code="not_found")


def _show(request: PageRequest, form: Form, error: RouterError | None = None, *, status: int = 200) -> PageReply:
    reply = request.render("entry/claim.html", status=status if error is None else error.status, form=form)
    return with_wait(reply, error)
