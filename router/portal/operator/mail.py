"""Mail: what was sent, what was not and why, and a test message."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from router.office.actor import Actor
from router.office.people.mailing import STATUSES, OutboxMail, list_outbox, mark_bounced, retry_mail, send_test_mail
from router.portal.operator.actions import ActionField, ConsoleAction, Reason, ReasonForm, action
from router.portal.operator.frame import list_page, show, typed
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_ONE = "/ops/mail/<mail_id>"


class _RecipientForm(ReasonForm):
    """An address; the message is its own reason."""

    reason = Reason(load_default="")
    email = fields.String(required=True, error_messages={"required": "Write an address."})


@PAGES.get("/ops/mail", "operator")
def mail_page(request: PageRequest) -> PageReply:
    """Mails that match, the newest first."""
    status, recipient, before = typed(request, "status"), typed(request, "to"), typed(request, "before")
    status = status if status in STATUSES else ""

    def read(limit: int) -> list[OutboxMail]:
        return list_outbox(request.office, status=status, recipient=recipient, before=before, limit=limit)

    found = list_page(read, lambda one: one.id)
    settings = request.office.settings.mail
    return show(
        request,
        "mail.html",
        found=found,
        chosen=status,
        statuses=STATUSES,
        filtered=bool(status or recipient),
        transport=settings.transport,
        server=f"{settings.host}:{settings.port}",
    )


def _retry(request: PageRequest) -> ConsoleAction:
    says = ("It is tried again at once, and for as long as a new one.",)
    return ConsoleAction("Try a mail again", "Try again", "/ops/mail", says, [("Mail", request.params["mail_id"])])


@action(PAGES, f"{_ONE}/retry", _retry, said="mail_again")
def try_again(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Try a mail again."""
    retry_mail(request.office, actor, request.params["mail_id"])


def _bounced(request: PageRequest) -> ConsoleAction:
    says = ("For a mail that was taken by the server and came back afterwards. Write below what the answer said.",)
    facts = [("Mail", request.params["mail_id"])]
    return ConsoleAction("A mail came back", "Mark it", "/ops/mail", says, facts, bad=True)


@action(PAGES, f"{_ONE}/bounced", _bounced, said="mail_bounced")
def bounced(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Note that a mail came back."""
    mark_bounced(request.office, actor, request.params["mail_id"], values["reason"])


def _test(request: PageRequest) -> ConsoleAction:
    email = ActionField("email", "To", required=True)
    says = ("It is sent while you wait, and not by way of the outbox: what the server says is shown here.",)
    shown = {"email": request.person.email}
    return ConsoleAction("Send a test message", "Send it", "/ops/mail", says, (), (email,), typed=shown, reasoned=False)


@action(PAGES, "/ops/mail/test", _test, said="mail_tested", schema=_RecipientForm)
def test(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Send a test message."""
    send_test_mail(request.office, actor, values["email"])
