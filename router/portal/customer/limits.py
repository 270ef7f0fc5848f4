"""Limits: what holds for the workspace and its keys, why, and how much of it is used."""

from __future__ import annotations

from router.office.customers.standing import read_standing
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()


@PAGES.get("/app/limits", "viewer")
def limits_page(request: PageRequest) -> PageReply:
    """All that a call of this workspace may be refused for."""
    return request.render("customer/limits.html", standing=read_standing(request.office, request.account_id))
