"""``router webhooks``: events that are sent to customers' URLs and to the operator's, and what became of them."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import pairs, table
from router.cli.support.references import ACCOUNT
from router.cli.support.session import CommandSession, remotely
from router.office.operations import webhooks as operations
from router.office.webhooks.events import EVENTS
from router.office.webhooks.sent import STATUSES

__all__ = ["webhooks"]

_EVENT = click.option(
    "--event", "events", type=click.Choice(list(EVENTS)), multiple=True, help="A kind that is sent; several times."
)
_LOW = click.option("--low", metavar="AMOUNT|SHARE", help="Below which a balance is low: 5, or 20% of the last credit.")
_ABOUT = click.option("--about", metavar="TEXT", help="What it is called.")


@click.group(cls=Commands)
def webhooks() -> None:
    """Events that are sent to URLs of customers, and to the operator's own."""


@webhooks.command("list")
@click.option("--account", type=ACCOUNT, help="Only this account's.")
@remotely
def list_(session: CommandSession, account: str | None) -> None:
    """Customers' webhooks, oldest first."""
    rows = session.run(operations.list_webhooks, account=account)
    columns = {"id": "ID", "account": "ACCOUNT", "url": "URL", "status": "STATUS", "failing_since": "FAILING SINCE"}
    session.show(rows, table(rows, columns, empty="No webhook."))


@webhooks.command()
@click.argument("account", type=ACCOUNT)
@click.argument("url")
@_EVENT
@_LOW
@_ABOUT
@remotely
def create(session: CommandSession, events: tuple[str, ...], **given: Any) -> None:
    """Have events of ACCOUNT sent to URL: all kinds, or those that are named."""
    value = session.run(operations.create_webhook, events=list(events) or None, **given)
    session.show(value, pairs(value))


@webhooks.command()
@click.argument("webhook")
@click.option("--url", help="Where events are sent.")
@_EVENT
@_LOW
@_ABOUT
@remotely
def change(session: CommandSession, webhook: str, events: tuple[str, ...], **given: Any) -> None:
    """Change where events go, or which."""
    value = session.run(operations.change_webhook, webhook=webhook, events=list(events) or None, **given)
    session.show(value, pairs(value))


@webhooks.command()
@click.argument("webhook")
@click.option("--overlap", "overlap_s", type=click.IntRange(0, 604_800), help="Seconds; a day if omitted.")
@remotely
def rotate(session: CommandSession, webhook: str, overlap_s: int | None) -> None:
    """Give a webhook a new secret; the old one signs as well for a while."""
    value = session.run(operations.rotate_webhook, webhook=webhook, overlap_s=overlap_s)
    session.show(value, pairs(value))


@webhooks.command()
@click.argument("webhook")
@remotely
def disable(session: CommandSession, webhook: str) -> None:
    """Send nothing there until it is enabled; what waits is given up."""
    value = session.run(operations.change_webhook, webhook=webhook, disabled=True)
    session.show(value, f"Nothing is sent to {webhook} any more.")


@webhooks.command()
@click.argument("webhook")
@remotely
def enable(session: CommandSession, webhook: str) -> None:
    """Send events there again."""
    value = session.run(operations.change_webhook, webhook=webhook, disabled=False)
    session.show(value, f"Events are sent to {webhook} again.")


@webhooks.command()
@click.argument("webhook")
@remotely
def delete(session: CommandSession, webhook: str) -> None:
    """Take a webhook away, with what is known of what was sent."""
    session.show(session.run(operations.delete_webhook, webhook=webhook), f"{webhook} is deleted.")


@webhooks.command()
@click.argument("webhook")
@remotely
def test(session: CommandSession, webhook: str) -> None:
    """Send a test event to WEBHOOK; `operators` is the one of [webhooks] url."""
    value = session.run(operations.test_webhook, webhook=webhook)
    told = f"A test event is on its way, where a gateway runs: `router webhooks deliveries --webhook {webhook}`."
    session.show(value, told)


@webhooks.command()
@click.option("--webhook", metavar="ID", help="Only those to this one; `operators` is that of [webhooks] url.")
@click.option("--account", type=ACCOUNT, help="Only those of this account.")
@click.option("--status", type=click.Choice(STATUSES), help="Only these.")
@click.option("--before", metavar="ID", help="Only those written before this one: the next page.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="How many.")
@remotely
def deliveries(session: CommandSession, limit: int, **chosen: Any) -> None:
    """What was sent, newest first, and what became of it."""
    rows = session.run(operations.list_deliveries, limit=limit, **chosen)
    columns = {
        "id": "ID",
        "created_at": "TIME",
        "webhook": "WEBHOOK",
        "type": "EVENT",
        "status": "STATUS",
        "tries": "TRIES",
        "code": "ANSWER",
        "error": "ERROR",
    }
    session.show(rows, table(rows, columns, empty="Nothing was sent."))
    if len(rows) == limit:
        session.note(f"Older ones: --before {rows[-1]['id']}")


@webhooks.command()
@click.argument("delivery")
@remotely
def resend(session: CommandSession, delivery: str) -> None:
    """Send an event again, under the ID that it has."""
    value = session.run(operations.resend_delivery, delivery=delivery)
    session.show(value, f"{delivery} is sent again within seconds, where a gateway runs.")
