"""Looking at customers' pages with a customer's eyes: read only, announced by a banner, noted in the audit log."""

from __future__ import annotations

from typing import Any

from router.office.actor import Actor
from router.office.console.acting import act_as, end_acting
from router.portal.operator.accounts import account_of
from router.portal.operator.actions import ConsoleAction, action
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()


def _look(request: PageRequest) -> ConsoleAction:
    account = account_of(request).account
    says = (
        "You see the customers' pages of this workspace as one of its viewers does: nothing there can be changed.",
        "It ends when you end it, choose a workspace of your own, or log out. It is noted in the audit log.",
    )
    facts = [("Workspace", f"{account.name} ({account.id})")]
    return ConsoleAction(f"Look as {account.name}", "Look", f"/ops/accounts/{account.id}", says, facts)


@action(PAGES, "/ops/accounts/<account_id>/act-as", _look, said="")
def look_as(request: PageRequest, values: dict[str, Any], actor: Actor) -> str:
    """Look at a customer's pages."""
    act_as(request.office, actor, request.session_text, request.params["account_id"])
    return "/app/"


@PAGES.post("/app/act-as/end", "person")
def end_look(request: PageRequest) -> PageReply:
    """Look with one's own eyes again."""
    account_id = end_acting(request.office, request.actor, request.session_text)
    if not account_id:
        return request.redirect("/app/")
    return request.redirect(f"/ops/accounts/{account_id}", said="act_over")
