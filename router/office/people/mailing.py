"""The outbox is emptied: mails are sent, tried again, given up; and what operators see and do of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from router.db.connection import Connection
from router.db.transaction import Transaction
from router.errors import BadRequest, Conflict, NotFound, Unavailable
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.outbox import sender_of
from router.store.people import outbox as rows
from router.store.people.outbox import OutboxMail

if TYPE_CHECKING:
    from router.mail.transport import HandedOver, MailTransport

__all__ = [
    "STATUSES",
    "OutboxMail",
    "deliver_due",
    "list_outbox",
    "mark_bounced",
    "retry_mail",
    "send_test_mail",
    "tidy_outbox",
]

STATUSES = ("due", "sent", "failed", "bounced")
"""What can become of a mail."""

_AT_ONCE = 8
_ROUNDS_MAX = 25  # in one run: another worker may want to go on
_CLAIM_TIMEOUTS = 30  # of ``[mail] timeout_s``: far longer than a mail may take
_PAUSE_S = 60.0  # after the first failure; twice as long after each further one
_PAUSE_MAX_S = 3_600.0
_EMPTIED_AFTER_S = 7 * 86_400.0
_FORGOTTEN_AFTER_S = 90 * 86_400.0
_LIMIT_MAX = 1_000


def deliver_due(office: Office, transport: MailTransport | None = None) -> int:
    """Send the mails that are due; how many were handed to the server, or the log.

    A mail is claimed before it is sent, so that two workers that run this at once do not send it twice. Where a worker
    is killed after the server has taken a mail and before that is written down, it is sent again, with the same ID.

    Args:
        transport: what takes them; what ``[mail]`` says where None.
    """
    from router.mail.sending import transport_of

    taker = transport or transport_of(office.settings.mail)
    sent = 0
    for _ in range(_ROUNDS_MAX):
        if not rows.has_due_mail(office.database, office.clock()):
            break
        for_s = _CLAIM_TIMEOUTS * office.settings.mail.timeout_s
        claimed = rows.claim_mails(office.database, office.clock(), limit=_AT_ONCE, for_s=for_s)
        if not claimed:
            break
        with ThreadPoolExecutor(len(claimed)) as pool:
            outcomes = list(pool.map(lambda mail: _hand_over(office, taker, mail), claimed))
        sent += sum(one.status == "sent" for one in outcomes)
        if not any(one.ready for one in outcomes):
            break  # nobody is there: the others wait for the next run
    return sent


def tidy_outbox(office: Office) -> None:
    """Empty mails that were not taken for a week, and forget those that are done with after a quarter of a year."""
    now = office.clock()

    def tidy(connection: Connection) -> None:
        rows.empty_mails(connection, now - _EMPTIED_AFTER_S)
        rows.forget_mails(connection, now - _FORGOTTEN_AFTER_S)

    office.database.write(tidy)


def list_outbox(
    office: Office, *, status: str = "", recipient: str = "", before: str = "", limit: int = 50
) -> list[OutboxMail]:
    """Mails, newest first, without what stands in them.

    Args:
        status: ``due``, ``sent``, ``failed`` or ``bounced``; empty for all.
        recipient: only those to this address.
        before: the ID of one: only those written before it, for the next page.
        limit: how many; 1,000 at most.
    """
    count = max(1, min(limit, _LIMIT_MAX))
    return rows.list_mails(office.database, status=status, recipient=recipient, before=before, limit=count)


def retry_mail(office: Office, actor: Actor, mail_id: str) -> None:
    """Have a mail that was not sent tried again at once, and for as long as a new one.

    Raises:
        NotFound: there is no such mail.
        Conflict: it was sent, or is empty by now.
    """

    def change(transaction: Transaction) -> Change[None]:
        mail = _found(transaction, mail_id)
        if not mail.text:
            said = "was sent" if mail.status == "sent" else "is older than a week, and was emptied"
            raise Conflict(f"The mail {mail.id} {said}: have a new one written.", code="mail_is_empty")
        rows.release_mail(transaction, mail.id, office.clock(), again=True)
        return Change(None, mail.id, {"recipient": mail.recipient, "purpose": mail.purpose})

    write(office, actor, "mail retry", change)


def mark_bounced(office: Office, actor: Actor, mail_id: str, reason: str) -> None:
    """Note that a mail came back, whatever became of it here.

    Raises:
        NotFound: there is no such mail.
    """

    def change(transaction: Transaction) -> Change[None]:
        mail = _found(transaction, mail_id)
        rows.mark_mail(transaction, mail, "bounced", office.clock(), error=reason)
        return Change(None, mail.id, {"recipient": mail.recipient, "reason": reason}, made=mail.status != "bounced")

    write(office, actor, "mail bounced", change)


def send_test_mail(office: Office, actor: Actor, recipient: str) -> str:
    """Send a test mail, and not by way of the outbox; what took it.

    Raises:
        BadRequest: the server does not take mail for this address, or it is none.
        Unavailable: the server took nothing; the message has its words.
    """
    from router.mail.message import write_mail
    from router.mail.sending import transport_of

    settings = office.settings
    mail = write_mail(sender_of(office), recipient, "test", settings.portal.language, {})
    write(office, actor, "mail test", lambda _: Change(None, recipient, {}))
    outcome = transport_of(settings.mail).send(mail, f"test-{int(office.clock())}", office.clock())
    if outcome.status == "refused":
        raise BadRequest(f"The mail to {recipient[:100]!r} was refused: {outcome.words}", code="mail_refused")
    if outcome.status != "sent":
        where = settings.where("mail")
        raise Unavailable(f"The mail was not taken: {outcome.words}. Look at {where}.", code="mail_not_taken")
    return "the log" if settings.mail.transport == "log" else f"{settings.mail.host}:{settings.mail.port}"


def _hand_over(office: Office, transport: MailTransport, mail: OutboxMail) -> HandedOver:
    """Try one mail that was claimed, and write down what became of it."""
    from router.mail.message import Mail

    letter = Mail(mail.recipient, mail.subject, mail.text, mail.html)
    outcome = transport.send(letter, mail.id, mail.created_at)
    now = office.clock()
    if outcome.status == "sent":
        rows.mark_mail(office.database, mail, "sent", now)
    elif outcome.status == "refused":
        rows.mark_mail(office.database, mail, "bounced", now, error=outcome.words)
    elif now - mail.created_at >= office.settings.mail.give_up_after_s:
        rows.mark_mail(office.database, mail, "failed", now, error=outcome.words)
    else:
        pause_s = min(_PAUSE_S * 2 ** min(mail.tries - 1, 16), _PAUSE_MAX_S)
        rows.release_mail(office.database, mail.id, now + pause_s, error=outcome.words)
    return outcome


def _found(transaction: Transaction, mail_id: str) -> OutboxMail:
    mail = rows.find_mail(transaction, mail_id)
    if mail is None:
        raise NotFound(f"There is no mail {mail_id[:40]!r}. `router mail list` shows all.", code="mail_not_found")
    return mail
