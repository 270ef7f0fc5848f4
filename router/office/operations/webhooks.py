"""Webhooks as operators look at them: whose, where to, and what became of what was sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from router.errors import NotFound
from router.office.actor import Actor
from router.office.names import account_id
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, operation
from router.office.webhooks import endpoints, sent
from router.office.webhooks.endpoints import OVERLAP_S, EndpointEdits, MadeEndpoint
from router.office.webhooks.operators import OPERATORS_WEBHOOK, send_operators_test
from router.office.webhooks.shown import delivery_value, endpoint_value

__all__ = [
    "change_webhook",
    "create_webhook",
    "delete_webhook",
    "list_deliveries",
    "list_webhooks",
    "resend_delivery",
    "rotate_webhook",
    "test_webhook",
]

_LIMIT = 50
_ONCE = "The secret is shown this once: keep it, and verify each event with it."


@operation("webhooks list", "webhooks:WebhooksForm")
def list_webhooks(office: Office, *, account: str | None = None) -> OperationAnswer:
    """Customers' webhooks, oldest first."""
    whose = account_id(office.database, account) if account else ""
    return OperationAnswer([endpoint_value(one) for one in endpoints.list_endpoints(office, whose)])


@operation("webhooks create", "webhooks:NewWebhookForm", writes=True)
def create_webhook(
    office: Office,
    actor: Actor,
    *,
    account: str,
    url: str,
    about: str | None = None,
    events: Sequence[str] | None = None,
    low: str | None = None,
) -> OperationAnswer:
    """Have events of an account sent to a URL."""
    whose = account_id(office.database, account)
    made = endpoints.create_endpoint(office, actor, whose, url, about=about or "", events=events or (), low=low or "")
    return _with_secret(made)


@operation("webhooks change", "webhooks:WebhookEditForm", writes=True)
def change_webhook(
    office: Office,
    actor: Actor,
    *,
    webhook: str,
    url: str | None = None,
    about: str | None = None,
    events: Sequence[str] | None = None,
    low: str | None = None,
    disabled: bool | None = None,
) -> OperationAnswer:
    """Change where events go and which, or switch a webhook off or on again."""
    given = {"url": url, "about": about, "events": events, "low": low, "disabled": disabled}
    edits = EndpointEdits(**{name: value for name, value in given.items() if value is not None})  # type: ignore[typeddict-item]
    with _named("webhook", webhook, "webhooks list"):
        return OperationAnswer(endpoint_value(endpoints.change_endpoint(office, actor, webhook, edits)))


@operation("webhooks rotate", "webhooks:RotateForm", writes=True)
def rotate_webhook(office: Office, actor: Actor, *, webhook: str, overlap_s: int | None = None) -> OperationAnswer:
    """Give a webhook a new secret; events are signed with the old one as well for a while."""
    lasts = OVERLAP_S if overlap_s is None else float(overlap_s)
    with _named("webhook", webhook, "webhooks list"):
        return _with_secret(endpoints.rotate_secret(office, actor, webhook, overlap_s=lasts))


@operation("webhooks delete", "webhooks:WebhookForm", writes=True)
def delete_webhook(office: Office, actor: Actor, *, webhook: str) -> OperationAnswer:
    """Take a webhook away, with what waits for it and what is known of what was sent."""
    with _named("webhook", webhook, "webhooks list"):
        endpoints.drop_endpoint(office, actor, webhook)
    return OperationAnswer({"id": webhook, "deleted": True})


@operation("webhooks test", "webhooks:WebhookForm", writes=True)
def test_webhook(office: Office, actor: Actor, *, webhook: str) -> OperationAnswer:
    """Send a test event to a webhook; `operators` is that of [webhooks] url."""
    if webhook == OPERATORS_WEBHOOK:
        return OperationAnswer({"webhook": webhook, "delivery": send_operators_test(office, actor)})
    with _named("webhook", webhook, "webhooks list"):
        return OperationAnswer({"webhook": webhook, "delivery": endpoints.send_test(office, actor, webhook)})


@operation("webhooks deliveries", "webhooks:DeliveriesForm")
def list_deliveries(
    office: Office,
    *,
    webhook: str | None = None,
    account: str | None = None,
    status: str | None = None,
    before: str | None = None,
    limit: int | None = None,
) -> OperationAnswer:
    """What was sent to webhooks, newest first, and what became of it."""
    found = sent.list_deliveries(
        office,
        webhook_id=webhook or "",
        account_id=account_id(office.database, account) if account else "",
        status=status or "",
        before=before or "",
        limit=limit or _LIMIT,
    )
    return OperationAnswer([delivery_value(one) for one in found])


@operation("webhooks resend", "webhooks:DeliveryForm", writes=True)
def resend_delivery(office: Office, actor: Actor, *, delivery: str) -> OperationAnswer:
    """Send an event again, under the ID that it has."""
    with _named("delivery", delivery, "webhooks deliveries"):
        return OperationAnswer(delivery_value(sent.send_again(office, actor, delivery)))


@contextmanager
def _named(what: str, id: str, command: str) -> Iterator[None]:
    """Operators are told which ID is unknown, and where the known ones stand; customers get one text for all."""
    try:
        yield
    except NotFound as error:
        message = f"There is no {what} {id[:80]!r}: `router {command}` shows those that there are."
        raise NotFound(message, code=error.code, param=error.param) from None


def _with_secret(made: MadeEndpoint) -> OperationAnswer:
    return OperationAnswer({**endpoint_value(made.row), "secret": made.secret}, notes=[_ONCE])
