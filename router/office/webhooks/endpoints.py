"""An account's endpoints: made with a secret that is shown once, changed, switched on and off, taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from urllib.parse import urlsplit

from router.db.ids import clean_text, new_id
from router.db.transaction import Transaction
from router.errors import BadRequest, Conflict, Forbidden, NotFound
from router.i18n.worded import worded
from router.money.amounts import format_nano, parse_nano
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.rules.passwords import off_loop
from router.office.providers import check_master_key_of
from router.office.webhooks.asking import check_asking
from router.office.webhooks.events import EVENTS, TEST, event_body, queue_event
from router.store.accounts import get_account
from router.store.people.members import lock_account
from router.store.people.proofs import use_form
from router.store.sealing import seal
from router.store.webhooks import endpoints as rows
from router.store.webhooks.deliveries import end_waiting
from router.store.webhooks.endpoints import EndpointRow
from router.types.keys import AMOUNT_MAX
from router.types.webhook_signing import new_signing_secret
from router.webhooks.sending import check_webhook_url

__all__ = [
    "OVERLAP_S",
    "EndpointEdits",
    "EndpointRow",
    "MadeEndpoint",
    "change_endpoint",
    "create_endpoint",
    "drop_endpoint",
    "get_endpoint",
    "list_endpoints",
    "low_text",
    "rotate_secret",
    "secret_purpose",
    "send_test",
]

OVERLAP_S = 86_400.0
"""How long events are signed with the old secret as well, once there is a new one."""

_OVERLAP_MAX_S = 7 * 86_400.0
_ABOUT_MAX = 200


@dataclass(frozen=True, slots=True)
class MadeEndpoint:
    """A new endpoint, or one with a new secret; ``secret`` is shown this once."""

    row: EndpointRow
    secret: str


class EndpointEdits(TypedDict, total=False):
    """What of an endpoint is changed: the fields that are given.

    Attributes:
        url: where events are sent.
        about: what its owner calls it.
        events: kinds of events; empty for all.
        low: below which a balance is low: an amount (``5``), a share of what was credited last (``20%``); empty: none.
        disabled: whether nothing is sent there.
    """

    url: str
    about: str
    events: Sequence[str]
    low: str
    disabled: bool


def create_endpoint(
    office: Office,
    actor: Actor,
    account_id: str,
    url: str,
    *,
    about: str = "",
    events: Sequence[str] = (),
    low: str = "",
    once: str = "",
) -> MadeEndpoint:
    """Have events of an account sent to a URL.

    Args:
        about, events, low: as ``EndpointEdits`` has them.
        once: of the form that asks for it: sent twice, it makes one.

    Raises:
        NotFound: there is no such account.
        BadRequest: something that is given is not right.
        Conflict: the account has as many as it may, or the form was sent twice.
        Forbidden: customers have no webhooks here.
        ConfigError: there is no master key, or it is too short.
    """
    if not office.settings.webhooks.customers:
        raise Forbidden("This gateway sends no events to customers' URLs.", code="webhooks_off")
    master = check_master_key_of(office)
    values = _checked(office, EndpointEdits(url=url, about=about, events=events, low=low))
    made, secret = rows.new_endpoint_id(), new_signing_secret()
    sealed = off_loop(seal, secret, master, secret_purpose(made))
    row = EndpointRow(
        id=made,
        account_id=account_id,
        status="active",
        secret=sealed,
        old_secret="",
        old_until=None,
        dropped=0,
        failing_since=None,
        created_at=office.clock(),
        made_by=actor.name,
        **values,
    )

    def create(transaction: Transaction) -> Change[EndpointRow]:
        get_account(transaction, account_id)
        lock_account(transaction.connection, account_id)
        most = office.settings.webhooks.endpoints
        if rows.count_endpoints(transaction, account_id) >= most:
            message = worded("An account has %(most)s webhooks at most: delete one first.", most=most)
            raise Conflict(message, code="too_many_webhooks")
        if not use_form(transaction.connection, account_id, once, office.clock()):
            raise Conflict("This form was sent twice.", code="sent_twice")
        rows.insert_endpoint(transaction, row)
        return Change(row, row.id, _told(row))

    return MadeEndpoint(write(office, actor, "webhooks create", create), secret)


def list_endpoints(office: Office, account_id: str = "") -> list[EndpointRow]:
    """An account's endpoints, or all, oldest first."""
    return rows.list_endpoints(office.database, account_id)


def get_endpoint(office: Office, endpoint_id: str, account_id: str = "") -> EndpointRow:
    """One, of an account where one is given.

    Raises:
        NotFound: there is none.
    """
    return _found(rows.find_endpoint(office.database, endpoint_id, account_id))


def change_endpoint(office: Office, actor: Actor, endpoint_id: str, edits: EndpointEdits) -> EndpointRow:
    """Change an endpoint, from the next event on. One that is disabled gives up what waits for it.

    Raises:
        NotFound: there is none.
        BadRequest: something that is given is not right.
    """
    values = _checked(office, edits)

    def change(transaction: Transaction) -> Change[EndpointRow]:
        before = _found(rows.find_endpoint(transaction, endpoint_id))
        changes = dict(values)
        if "disabled" in edits:
            changes["status"] = "disabled" if edits["disabled"] else "active"
            if not edits["disabled"]:
                changes["failing_since"] = None
            else:
                end_waiting(transaction.connection, endpoint_id, "the webhook was disabled")
        if changes:
            rows.update_endpoint(transaction, endpoint_id, **changes)
        after = _found(rows.find_endpoint(transaction, endpoint_id))
        return Change(after, endpoint_id, _told(after), made=after != before)

    return write(office, actor, "webhooks change", change)


def rotate_secret(office: Office, actor: Actor, endpoint_id: str, *, overlap_s: float = OVERLAP_S) -> MadeEndpoint:
    """Give an endpoint a new secret; events are signed with the old one as well for a while.

    Args:
        overlap_s: for how long; 0 where the old one is known to others.

    Raises:
        NotFound: there is none.
        BadRequest: that is too long.
        ConfigError: there is no master key, or it is too short.
    """
    if not 0 <= overlap_s <= _OVERLAP_MAX_S:
        raise BadRequest("The old secret is good for seven days more at most.", param="overlap")
    master, secret = check_master_key_of(office), new_signing_secret()
    sealed = off_loop(seal, secret, master, secret_purpose(endpoint_id))

    def rotate(transaction: Transaction) -> Change[EndpointRow]:
        before = _found(rows.find_endpoint(transaction, endpoint_id))
        until = office.clock() + overlap_s if overlap_s else None
        old = before.secret if overlap_s else ""
        rows.update_endpoint(transaction, endpoint_id, secret=sealed, old_secret=old, old_until=until)
        after = _found(rows.find_endpoint(transaction, endpoint_id))
        return Change(after, endpoint_id, {"overlap_s": overlap_s})

    return MadeEndpoint(write(office, actor, "webhooks rotate", rotate), secret)


def drop_endpoint(office: Office, actor: Actor, endpoint_id: str) -> None:
    """Take an endpoint away, with what waits for it and what is known of what was sent.

    Raises:
        NotFound: there is none.
    """

    def drop(transaction: Transaction) -> Change[None]:
        row = _found(rows.find_endpoint(transaction, endpoint_id))
        rows.delete_endpoint(transaction, endpoint_id)
        return Change(None, endpoint_id, {"account": row.account_id, "host": urlsplit(row.url).hostname})

    write(office, actor, "webhooks delete", drop)


def send_test(office: Office, actor: Actor, endpoint_id: str) -> str:
    """Have a test event sent, whatever kinds the endpoint wants; the ID of its delivery.

    Raises:
        NotFound: there is none.
        Conflict: it is off, or too much waits.
        RateLimited: its owners asked for too many.
    """

    def test(transaction: Transaction) -> Change[str]:
        row = _found(rows.find_endpoint(transaction, endpoint_id))
        if row.status != "active":
            raise Conflict("Nothing is sent to this webhook while it is off: switch it on first.", code="webhook_off")
        check_asking(transaction, office, actor, "test", row)
        body = event_body(office, TEST, {"account": row.account_id, "webhook": row.id})
        made = queue_event(transaction, office, row, TEST, f"{TEST}/{new_id('evt')}", body)
        if not made:
            raise Conflict("Too many events wait already.", code="too_many_waiting")
        return Change(made, endpoint_id, {"account": row.account_id})

    return write(office, actor, "webhooks test", test)


def secret_purpose(endpoint_id: str) -> str:
    """What an endpoint's secret is sealed for: it can be read for that endpoint alone."""
    return f"webhook:{endpoint_id}"


def low_text(row: EndpointRow) -> str:
    """What ``EndpointEdits.low`` said."""
    if row.low_percent is not None:
        return f"{row.low_percent}%"
    return "" if row.low_nano is None else format_nano(row.low_nano)


def _found(row: EndpointRow | None) -> EndpointRow:
    if row is None:
        raise NotFound("There is no such webhook.", code="webhook_not_found", param="webhook")
    return row


def _checked(office: Office, edits: EndpointEdits) -> dict[str, Any]:
    """Edits as columns. Raises ``BadRequest``."""
    values: dict[str, Any] = {}
    if "url" in edits:
        check_webhook_url(edits["url"], allow_loopback=office.settings.webhooks.allow_loopback)
        values["url"] = edits["url"]
    if "about" in edits:
        values["about"] = " ".join(clean_text(edits["about"]).split())
        if len(values["about"]) > _ABOUT_MAX or not (values["about"].isprintable()):
            message = worded("A description is one line of %(most)s characters at most.", most=_ABOUT_MAX)
            raise BadRequest(message, param="about")
    if "events" in edits:
        values["events"] = tuple(dict.fromkeys(edits["events"]))
        unknown = next((one for one in values["events"] if one not in EVENTS), None)
        if unknown is not None:
            named = {"event": repr(unknown[:40]), "known": ", ".join(EVENTS)}
            raise BadRequest(worded("There is no event %(event)s: there are %(known)s.", **named), param="events")
    if "low" in edits:
        values["low_nano"], values["low_percent"] = _low(edits["low"])
    return values


def _low(text: str) -> tuple[int | None, int | None]:
    """An amount and a share, at most one of which is given."""
    said = text.strip()
    share = said.removesuffix("%").strip()
    try:
        if share != said:
            percent = int(share) if share.isascii() and share.isdigit() and len(share) < 4 else 0
            if 1 <= percent <= 100:
                return None, percent
        elif said in ("", "0"):
            return None, None
        elif 0 < (nano := parse_nano(said)) <= AMOUNT_MAX:
            return nano, None
    except ValueError:
        pass
    raise BadRequest(
        worded(
            "A balance is low below an amount such as 5, or a share of what was credited last, such as 20%%: %(said)s "
            "is neither.",
            said=repr(said[:40]),
        ),
        param="low",
    )


def _told(row: EndpointRow) -> dict[str, Any]:
    return {
        "account": row.account_id,
        "host": urlsplit(row.url).hostname,  # paths hold secrets of receivers
        "about": row.about,
        "events": list(row.events),
        "low": low_text(row),
        "status": row.status,
    }
