"""Who belongs to the workspace, and who is invited."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from router.errors import BadRequest, Conflict, Forbidden, NotFound, RateLimited
from router.office.accounts import rename_account
from router.office.people.members import (
    change_role,
    create_workspace,
    invite,
    leave,
    list_invitations,
    list_members,
    list_workspaces,
    remove_member,
    resend_invitation,
    revoke_invitation,
)
from router.office.people.records import ROLES
from router.office.people.sessions import choose_workspace
from router.portal.customer.own import nothing_here
from router.portal.web.fields import PersonName
from router.portal.web.forms import Form, OnceField, empty_form, form_once, load_form
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()


class _InviteForm(Schema):
    """Whom to invite, as what."""

    email = fields.Email(required=True, validate=validate.Length(max=254))
    role = fields.String(load_default="developer", validate=validate.OneOf(ROLES))


class _WorkspaceForm(Schema):
    """How a workspace is called."""

    name = PersonName(required=True)
    once = OnceField(load_default="")


@PAGES.get("/app/team", "viewer")
def team(request: PageRequest) -> PageReply:
    """Members and invitations."""
    return _show(request, empty_form(role="developer"))


@PAGES.post("/app/team/invite", "owner", step_up=True)
def send_invitation(request: PageRequest) -> PageReply:
    """Invite somebody by mail."""
    form = load_form(_InviteForm(), request.form)
    if not form.ok:
        return _show(request, form, 422)
    try:
        invite(request.office, request.actor, request.account_id, form.values["email"], form.values["role"])
    except (BadRequest, Conflict, RateLimited) as error:
        return _show(request, form.refuse(error), error.status)
    return request.redirect("/app/team", said="invited")


@PAGES.post("/app/team/invitations/<ticket_id>/again", "owner")
def invite_again(request: PageRequest) -> PageReply:
    """Mail an invitation once more."""
    _check_invitation(request)
    try:
        resend_invitation(request.office, request.actor, request.account_id, request.params["ticket_id"])
    except RateLimited as error:
        return _show(request, empty_form().refuse(error), error.status)
    return request.redirect("/app/team", said="invited")


@PAGES.post("/app/team/invitations/<ticket_id>/end", "owner")
def end_invitation(request: PageRequest) -> PageReply:
    """Withdraw an invitation."""
    _check_invitation(request)
    revoke_invitation(request.office, request.actor, request.account_id, request.params["ticket_id"])
    return request.redirect("/app/team", said="invitation_ended")


@PAGES.post("/app/team/<person_id>/role", "owner", step_up=True)
def set_role(request: PageRequest) -> PageReply:
    """Change what a member may do."""
    _check_member(request)
    try:
        role = request.form.get("role", "")
        change_role(request.office, request.actor, request.account_id, request.params["person_id"], role)
    except (BadRequest, Conflict) as error:
        return _show(request, empty_form().refuse(error), error.status)
    return request.redirect("/app/team", said="member_changed")


@PAGES.post("/app/team/<person_id>/remove", "owner", step_up=True)
def remove(request: PageRequest) -> PageReply:
    """Take somebody out of the workspace."""
    _check_member(request)
    try:
        remove_member(request.office, request.actor, request.account_id, request.params["person_id"])
    except Conflict as error:
        return _show(request, empty_form().refuse(error), error.status)
    return request.redirect("/app/team", said="member_removed")


@PAGES.post("/app/team/leave", "viewer")
def leave_it(request: PageRequest) -> PageReply:
    """Leave the workspace."""
    try:
        leave(request.office, request.actor, request.account_id, request.person.id)
    except Conflict as error:
        return _show(request, empty_form().refuse(error), error.status)
    return request.redirect("/app/workspaces", said="left")


@PAGES.post("/app/team/name", "owner")
def rename(request: PageRequest) -> PageReply:
    """Call the workspace otherwise."""
    form = load_form(_WorkspaceForm(), request.form)
    if not form.ok:
        return _show(request, form, 422)
    rename_account(request.office, request.actor, request.account_id, form.values["name"])
    return request.redirect("/app/team", said="saved")


@PAGES.get("/app/workspaces", "person")
def workspaces(request: PageRequest) -> PageReply:
    """The workspaces that somebody belongs to."""
    return _show_workspaces(request, empty_form(once=form_once()))


@PAGES.post("/app/workspaces", "person")
def choose(request: PageRequest) -> PageReply:
    """Look at another workspace."""
    assert request.session is not None
    try:
        choose_workspace(request.office, request.session_text, request.form.get("account", ""))
    except (NotFound, Forbidden):
        raise nothing_here(request) from None
    return request.redirect("/app/")


@PAGES.post("/app/workspaces/new", "person")
def make(request: PageRequest) -> PageReply:
    """Make a workspace of one's own."""
    assert request.session is not None
    if request.person.verified_at is None:
        return request.redirect("/app/verify")
    form = load_form(_WorkspaceForm(), request.form)
    if form.ok:
        try:
            made = create_workspace(
                request.office, request.actor, request.person.id, form.values["name"], once=form.values["once"]
            )
        except Conflict:
            said = request.text("This form was sent twice: one workspace was made.")
            return _show_workspaces(request, empty_form(once=form_once()).refuse(said), 409)
        except (BadRequest, RateLimited) as error:
            form.refuse(error)
        else:
            choose_workspace(request.office, request.session_text, made.account_id)
            return request.redirect("/app/", said="workspace_made")
    return _show_workspaces(request, form, 422)


def _show(request: PageRequest, form: Form, status: int = 200) -> PageReply:
    members = list_members(request.office, request.account_id)
    invitations = list_invitations(request.office, request.account_id) if request.may("owner") else []
    return request.render("customer/team.html", status=status, members=members, invitations=invitations, form=form)


def _show_workspaces(request: PageRequest, form: Form, status: int = 200) -> PageReply:
    found = list_workspaces(request.office, request.person.id)
    return request.render("customer/workspaces.html", status=status, workspaces=found, form=form)


def _check_member(request: PageRequest) -> None:
    members = list_members(request.office, request.account_id)
    if all(one.person_id != request.params["person_id"] for one in members):
        raise nothing_here(request)


def _check_invitation(request: PageRequest) -> None:
    invitations = list_invitations(request.office, request.account_id)
    if all(one.id != request.params["ticket_id"] for one in invitations):
        raise nothing_here(request)
