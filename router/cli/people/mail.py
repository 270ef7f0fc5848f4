"""``router mail``: what the portal sends, and whether it arrives."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import iso_time, table
from router.cli.support.references import MODEL
from router.cli.support.session import CommandSession, common
from router.cli.support.times import FUTURE
from router.office.people.mailing import STATUSES, list_outbox, mark_bounced, retry_mail, send_test_mail
from router.office.people.watching import announce_retirement, announce_trouble

__all__ = ["mail"]


@click.group(cls=Commands)
def mail() -> None:
    """What the portal sends to people, and what became of it."""


@mail.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only these.")
@click.option("--to", "recipient", metavar="ADDRESS", default="", help="Only those to this address.")
@click.option("--before", metavar="ID", default="", help="Only those written before this one: the next page.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="How many.")
@common
def list_(session: CommandSession, status: str | None, recipient: str, before: str, limit: int) -> None:
    """The newest mails first. What stood in one that was sent is not kept."""
    found = list_outbox(session.office, status=status or "", recipient=recipient, before=before, limit=limit)
    rows: list[dict[str, Any]] = [
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
    columns = {
        "id": "ID",
        "created_at": "WRITTEN",
        "recipient": "TO",
        "purpose": "PURPOSE",
        "status": "STATUS",
        "tries": "TRIES",
        "error": "ERROR",
    }
    session.show(rows, table(rows, columns, empty="No mail."))
    if len(rows) == limit:
        session.note(f"Older ones: --before {rows[-1]['id']}")


@mail.command()
@click.argument("mail_id", metavar="ID")
@common
def retry(session: CommandSession, mail_id: str) -> None:
    """Have a mail that was not sent tried again at once."""
    retry_mail(session.office, session.actor, mail_id)
    session.show({"id": mail_id, "status": "due"}, f"{mail_id} is tried again within seconds, where a gateway runs.")


@mail.command()
@click.argument("mail_id", metavar="ID")
@click.option("--reason", default="", help="What the answer said.")
@common
def bounced(session: CommandSession, mail_id: str, reason: str) -> None:
    """Note that a mail came back."""
    mark_bounced(session.office, session.actor, mail_id, reason)
    session.show({"id": mail_id, "status": "bounced"}, f"{mail_id} is noted as bounced.")


@mail.command()
@click.argument("address")
@common
def test(session: CommandSession, address: str) -> None:
    """Send a test mail to ADDRESS, and say what took it."""
    taker = send_test_mail(session.office, session.actor, address)
    session.show({"recipient": address, "taken_by": taker}, f"A mail to {address} was taken by {taker}.")


@mail.command()
@click.argument("model", type=MODEL, metavar="MODEL")
@click.option("--retires", type=FUTURE, metavar="TIME", help="When it retires: 30d, or 2027-01-31 (UTC).")
@click.option("--trouble", is_flag=True, help="That its calls fail.")
@common
def announce(session: CommandSession, model: str, retires: float | None, trouble: bool) -> None:
    """Tell those who used MODEL in the last 30 days, in their portal and by mail as they want it."""
    if trouble == (retires is not None):
        raise click.UsageError("give one of --retires TIME and --trouble")
    if retires is not None:
        told = announce_retirement(session.office, session.actor, model, retires)
    else:
        told = announce_trouble(session.office, session.actor, model)
    session.show({"model": model, "told": told}, f"{told} {'person was' if told == 1 else 'people were'} told.")
