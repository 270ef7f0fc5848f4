"""Sign-ups, what is turned off and who is blocked, and the mails that were sent, as operators look at them."""

from __future__ import annotations

from typing import Any

from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, operation
from router.office.people import abuse, mailing, watching
from router.office.people.abuse import BlockRow, SignupRow, SwitchRow
from router.types.periods import iso_time

__all__ = [
    "add_block",
    "announce_retirement",
    "announce_trouble",
    "decide_signup",
    "list_blocks",
    "list_mails",
    "list_signups",
    "list_switches",
    "note_bounce",
    "remove_block",
    "retry_mail",
    "send_test_mail",
    "turn_switch",
]

_LIMIT = 50


@operation("people switch", "people:TurnForm", writes=True)
def turn_switch(office: Office, actor: Actor, *, name: str, state: str, reason: str) -> OperationAnswer:
    """Turn sign-ups, free credit or top-ups off, or on again, at once and in every process."""
    row = abuse.set_switch(office, actor, name.replace("-", "_"), state == "off", reason=reason)
    return OperationAnswer(_switch(row))


@operation("people switches", "form:NothingForm")
def list_switches(office: Office) -> OperationAnswer:
    """Which of sign-ups, free credit and top-ups are turned off, and why."""
    return OperationAnswer([_switch(one) for one in abuse.list_switches(office)])


@operation("people block", "people:BlockForm", writes=True)
def add_block(office: Office, actor: Actor, *, kind: str, value: str, reason: str) -> OperationAnswer:
    """Refuse sign-ups of a domain with all below it, an address with its aliases, or a network."""
    return OperationAnswer(_block(abuse.add_block(office, actor, kind, value, reason=reason)))


@operation("people unblock", "people:UnblockForm", writes=True)
def remove_block(office: Office, actor: Actor, *, kind: str, value: str) -> OperationAnswer:
    """Lift a block."""
    abuse.remove_block(office, actor, kind, value)
    return OperationAnswer({"kind": kind, "value": value})


@operation("people blocks", "form:NothingForm")
def list_blocks(office: Office) -> OperationAnswer:
    """What is blocked, and why."""
    return OperationAnswer([_block(one) for one in abuse.list_blocks(office)])


@operation("people signups", "people:SignupsForm")
def list_signups(
    office: Office, *, verdict: str | None = None, limit: int | None = None, before: str | None = None
) -> OperationAnswer:
    """Sign-ups, newest first: what became of their free credit, and by which reasons."""
    found = abuse.list_signups(office, before=before or "", limit=limit or _LIMIT, verdict=verdict or "")
    return OperationAnswer([_signup(one) for one in found])


@operation("people decide", "people:DecideForm", writes=True)
def decide_signup(
    office: Office, actor: Actor, *, signup: str, verdict: str, reason: str | None = None
) -> OperationAnswer:
    """Give a sign-up that waits its free credit, or refuse that."""
    return OperationAnswer(_signup(abuse.decide_signup(office, actor, signup, verdict == "give", reason=reason or "")))


@operation("mail list", "people:MailsForm")
def list_mails(
    office: Office,
    *,
    status: str | None = None,
    recipient: str | None = None,
    before: str | None = None,
    limit: int | None = None,
) -> OperationAnswer:
    """The newest mails first; what stood in one that was sent is not kept."""
    found = mailing.list_outbox(
        office, status=status or "", recipient=recipient or "", before=before or "", limit=limit or _LIMIT
    )
    return OperationAnswer(
        [
            {
                "id": one.id,
                "created_at": iso_time(one.created_at),
                "recipient": one.recipient,
                "purpose": one.purpose,
                "status": one.status,
                "tries": one.tries,
                "due_at": iso_time(one.due_at) if one.status == "due" else None,
                "sent_at": iso_time(one.sent_at) if one.sent_at is not None else None,
                "error": one.error or None,
            }
            for one in found
        ]
    )


@operation("mail retry", "people:MailForm", writes=True)
def retry_mail(office: Office, actor: Actor, *, mail: str) -> OperationAnswer:
    """Have a mail that was not sent tried again at once."""
    mailing.retry_mail(office, actor, mail)
    return OperationAnswer({"id": mail, "status": "due"})


@operation("mail bounced", "people:BounceForm", writes=True)
def note_bounce(office: Office, actor: Actor, *, mail: str, reason: str | None = None) -> OperationAnswer:
    """Note that a mail came back."""
    mailing.mark_bounced(office, actor, mail, reason or "")
    return OperationAnswer({"id": mail, "status": "bounced"})


@operation("mail test", "people:TestMailForm", writes=True)
def send_test_mail(office: Office, actor: Actor, *, address: str) -> OperationAnswer:
    """Send a test mail, and say what took it."""
    return OperationAnswer({"recipient": address, "taken_by": mailing.send_test_mail(office, actor, address)})


@operation("mail announce retirement", "people:RetirementForm", writes=True)
def announce_retirement(office: Office, actor: Actor, *, model: str, retires: float) -> OperationAnswer:
    """Tell those who used a model lately that it retires."""
    return OperationAnswer({"model": model, "told": watching.announce_retirement(office, actor, model, retires)})


@operation("mail announce trouble", "people:TroubleForm", writes=True)
def announce_trouble(office: Office, actor: Actor, *, model: str) -> OperationAnswer:
    """Tell those who used a model lately that its calls fail."""
    return OperationAnswer({"model": model, "told": watching.announce_trouble(office, actor, model)})


def _switch(row: SwitchRow) -> dict[str, Any]:
    return {
        "name": row.name.replace("_", "-"),
        "state": "off" if row.off else "on",
        "reason": row.reason or None,
        "changed_at": iso_time(row.changed_at) if row.changed_at else None,
    }


def _block(row: BlockRow) -> dict[str, Any]:
    return {"kind": row.kind, "value": row.value, "reason": row.reason, "created_at": iso_time(row.created_at)}


def _signup(row: SignupRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": iso_time(row.at),
        "person": row.person_id,
        "account": row.account_id or None,
        "domain": row.domain,
        "network": row.network,
        "verdict": row.verdict,
        "reasons": list(row.reasons),
        "credit": format_nano(row.credit_nano) if row.credit_nano else None,
        "decided_by": row.decided_by or None,
    }
