"""Topping up: what there is, and how more is got. No way to pay is set up in this version: that is said."""

from __future__ import annotations

from email.utils import parseaddr

from router.office.accounts import show_account
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()


@PAGES.get("/app/topup", "owner")
def topup_page(request: PageRequest) -> PageReply:
    """The balance, and whom to ask."""
    standing = show_account(request.office, request.account_id)
    return request.render("customer/topup.html", standing=standing, write_to=_write_to(request))


def _write_to(request: PageRequest) -> str:
    """The operator's address, as mails have it; empty where none are sent."""
    mail = request.office.settings.mail
    return parseaddr(mail.reply_to or mail.sender)[1] if mail.transport == "smtp" else ""
