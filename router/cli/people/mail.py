"""``router mail``: what the portal sends, and whether it arrives."""

from __future__ import annotations

import click

from router.cli.support.groups import Commands
from router.cli.support.output import table
from router.cli.support.references import MODEL
from router.cli.support.session import CommandSession, remotely
from router.cli.support.times import FUTURE
from router.office.operations import signups as operations
from router.office.people.mailing import STATUSES

__all__ = ["mail"]


@click.group(cls=Commands)
def mail() -> None:
    """What the portal sends to people, and what became of it."""


@mail.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only these.")
@click.option("--to", "recipient", metavar="ADDRESS", default="", help="Only those to this address.")
@click.option("--before", metavar="ID", default="", help="Only those written before this one: the next page.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="How many.")
@remotely
def list_(session: CommandSession, status: str | None, recipient: str, before: str, limit: int) -> None:
    """The newest mails first. What stood in one that was sent is not kept."""
    filters = {"status": status, "recipient": recipient or None, "before": before or None}
    rows = session.run(operations.list_mails, **filters, limit=limit)
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
@remotely
def retry(session: CommandSession, mail_id: str) -> None:
    """Have a mail that was not sent tried again at once."""
    value = session.run(operations.retry_mail, mail=mail_id)
    session.show(value, f"{mail_id} is tried again within seconds, where a gateway runs.")


@mail.command()
@click.argument("mail_id", metavar="ID")
@click.option("--reason", default="", help="What the answer said.")
@remotely
def bounced(session: CommandSession, mail_id: str, reason: str) -> None:
    """Note that a mail came back."""
    value = session.run(operations.note_bounce, mail=mail_id, reason=reason or None)
    session.show(value, f"{mail_id} is noted as bounced.")


@mail.command()
@click.argument("address")
@remotely
def test(session: CommandSession, address: str) -> None:
    """Send a test mail to ADDRESS, and say what took it."""
    value = session.run(operations.send_test_mail, address=address)
    session.show(value, f"A mail to {address} was taken by {value['taken_by']}.")


@mail.command()
@click.argument("model", type=MODEL, metavar="MODEL")
@click.option("--retires", type=FUTURE, metavar="TIME", help="When it retires: 30d, or 2027-01-31 (UTC).")
@click.option("--trouble", is_flag=True, help="That its calls fail.")
@remotely
def announce(session: CommandSession, model: str, retires: float | None, trouble: bool) -> None:
    """Tell those who used MODEL in the last 30 days, in their portal and by mail as they want it."""
    if trouble == (retires is not None):
        raise click.UsageError("give one of --retires TIME and --trouble")
    if retires is not None:
        value = session.run(operations.announce_retirement, model=model, retires=retires)
    else:
        value = session.run(operations.announce_trouble, model=model)
    told = value["told"]
    session.show(value, f"{told} {'person was' if told == 1 else 'people were'} told.")
