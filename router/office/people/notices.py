"""Notices: what people are told, in their portal and by mail, once within its period, as they want it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from router.db.transaction import Runner, Transaction
from router.errors import BadRequest
from router.i18n.worded import worded
from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.outbox import queue_mail, sender_of
from router.office.people.records import ROLES, may
from router.office.webhooks.events import tell_account
from router.store.accounts import get_account
from router.store.people import notices as rows
from router.store.people.due_notices import LOW_NANO
from router.store.people.notices import Listener
from router.types.keys import AMOUNT_MAX

__all__ = [
    "TYPES",
    "Notice",
    "NoticeSetting",
    "NoticeType",
    "list_notice_settings",
    "list_notices",
    "mark_read",
    "notify_members",
    "notify_person",
    "roles_of",
    "set_notice_setting",
    "unread_notices",
]

_LIMIT_MAX = 200


@dataclass(frozen=True, slots=True)
class NoticeType:
    """A kind of notice.

    Attributes:
        least: the role that one must have in a workspace to be told of it; empty where it is the person's own.
        mail: whether it is mailed to whoever has not said.
        fixed: whether it cannot be turned off.
    """

    least: str = "developer"
    mail: bool = True
    fixed: bool = False


TYPES: Mapping[str, NoticeType] = {
    "low_balance": NoticeType(),
    "budget": NoticeType(),
    "topup": NoticeType("owner"),
    "payment_failed": NoticeType("owner"),
    "refund": NoticeType("owner"),
    "dispute": NoticeType("owner", fixed=True),
    "credit_expired": NoticeType("owner"),
    "credit_given": NoticeType("owner", mail=False),
    "key_expires": NoticeType(),
    "model_retires": NoticeType(),
    "price_changes": NoticeType(),
    "provider_trouble": NoticeType(mail=False),
    "webhook_off": NoticeType(),
    "new_device": NoticeType("", fixed=True),
}
"""Every kind of notice, in the order in which pages show them."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice, in somebody's language.

    Attributes:
        id: ``noti_...``.
        account_id: the workspace that it is about; empty for none.
        title, text: what is told, in a few words and in a sentence.
        path: the page that it leads to.
        read_at: Unix seconds; None: not yet.
    """

    id: str
    account_id: str
    type: str
    title: str
    text: str
    path: str
    created_at: float
    read_at: float | None


@dataclass(frozen=True, slots=True)
class NoticeSetting:
    """How a person wants one kind of notice.

    Attributes:
        fixed: whether it cannot be turned off.
        threshold_nano: of a low balance: below which it is told; None for other kinds.
    """

    type: str
    in_app: bool
    mail: bool
    fixed: bool = False
    threshold_nano: int | None = None


def roles_of(type: str) -> tuple[str, ...]:
    """The roles that are told of a kind."""
    return tuple(role for role in ROLES if may(role, TYPES[type].least))


def notify_person(
    transaction: Transaction,
    office: Office,
    person_id: str,
    type: str,
    subject: str,
    period: str,
    values: Mapping[str, str],
    *,
    account_id: str = "",
) -> bool:
    """Tell a person something, as part of a transaction; whether it was told.

    It is not where the same was told within its period before, where the person cannot log in, and where they want
    this kind neither in their portal nor by mail.

    Args:
        subject: what it is about: an ID.
        period: any text: with another one the same may be told again.
        values: what the kind's mail needs (``router.mail.purposes.NOTICES``), written as for ``queue_mail``.
        account_id: the workspace that it is about, if any.
    """
    found = rows.listeners(transaction, type, person_id=person_id)
    return any(_tell(transaction, office, one, type, subject, period, values, account_id) for one in found)


def notify_members(
    transaction: Transaction,
    office: Office,
    account_id: str,
    type: str,
    subject: str,
    period: str,
    values: Mapping[str, str],
) -> int:
    """The same to those members of a workspace whose role is told of this kind, and as an event to its webhooks; how
    many members were told.

    ``workspace`` among the values is its name.
    """
    tell_account(transaction, office, account_id, type, subject, period, values)
    found = rows.listeners(transaction, type, account_id=account_id, roles=roles_of(type))
    if not found:
        return 0
    named = {"workspace": get_account(transaction, account_id).name, **values}
    return sum([_tell(transaction, office, one, type, subject, period, named, account_id) for one in found])


def list_notices(
    office: Office, person_id: str, *, language: str, zone: str = "", before: str = "", limit: int = 50
) -> list[Notice]:
    """A person's notices, newest first, but for those of workspaces that they have left, and of kinds that are off.

    Args:
        language: the code of the language that they are written in.
        zone: IANA name of the time zone of the times in them.
        before: the ID of one: only older ones, for the next page.
    """
    from router.mail.message import notice_text

    sender = sender_of(office)
    found = []
    for one in rows.read_notices(office.database, person_id, before=before, limit=max(1, min(limit, _LIMIT_MAX))):
        told = notice_text(sender, one.type, language, one.detail, zone=zone)
        shown = (told.title, told.text, told.path, one.created_at, one.read_at)
        found.append(Notice(one.id, one.account_id, one.type, *shown))
    return found


def unread_notices(office: Office, person_id: str) -> int:
    """How many a person has not read; 100 stands for more."""
    return rows.count_unread(office.database, person_id)


def mark_read(office: Office, person_id: str, notice_ids: Collection[str] | None = None) -> None:
    """Note that a person has read some of their notices, or all; no entry in the audit log, as reading is none."""
    rows.mark_notices(office.database, person_id, office.clock(), notice_ids)


def list_notice_settings(office: Office, person_id: str) -> list[NoticeSetting]:
    """How a person wants each kind."""
    return _settings(office.database, person_id)


def set_notice_setting(
    office: Office,
    actor: Actor,
    person_id: str,
    type: str,
    *,
    in_app: bool,
    mail: bool,
    threshold_nano: int | None = None,
) -> None:
    """Set how a person wants one kind.

    Args:
        threshold_nano: of a low balance, in nano-units, 0 for never; None leaves it as it is.

    Raises:
        BadRequest: there is no such kind, it cannot be turned off, or the threshold is none.
    """
    if type not in TYPES:
        raise BadRequest(f"There is no kind of notice {type[:40]!r}: there are {', '.join(TYPES)}.", param="type")
    if TYPES[type].fixed and not (in_app and mail):
        raise BadRequest("This notice cannot be turned off: it tells of what others may do.", param="type")
    if threshold_nano is not None and (type != "low_balance" or not 0 <= threshold_nano <= AMOUNT_MAX):
        most = format_nano(AMOUNT_MAX)
        raise BadRequest(
            worded("A threshold is from 0 to %(most)s, and of low balances alone.", most=most), param="threshold"
        )

    def change(transaction: Transaction) -> Change[None]:
        before = next(one for one in _settings(transaction, person_id) if one.type == type)
        threshold = before.threshold_nano if threshold_nano is None else threshold_nano
        after = NoticeSetting(type, in_app, mail, before.fixed, threshold)
        rows.store_setting(transaction, person_id, type, in_app=in_app, mail=mail, threshold_nano=threshold)
        told = {"type": type, "in_app": str(in_app), "mail": str(mail)}
        if threshold is not None:
            told["threshold"] = format_nano(threshold)
        return Change(None, person_id, told, made=after != before)

    write(office, actor, "notices set", change)


def _settings(database: Runner, person_id: str) -> list[NoticeSetting]:
    said = rows.stored_settings(database, person_id)
    found = []
    for type, kind in TYPES.items():
        own = said.get(type, {})
        threshold = own.get("threshold_nano")
        if type == "low_balance" and threshold is None:
            threshold = LOW_NANO
        found.append(
            NoticeSetting(type, bool(own.get("in_app", True)), bool(own.get("mail", kind.mail)), kind.fixed, threshold)
        )
    return found


def _tell(
    transaction: Transaction,
    office: Office,
    listener: Listener,
    type: str,
    subject: str,
    period: str,
    values: Mapping[str, str],
    account_id: str,
) -> bool:
    kind = TYPES[type]
    in_app = kind.fixed or listener.in_app is not False
    by_mail = kind.fixed or (kind.mail if listener.mail is None else listener.mail)
    if not in_app and not by_mail:
        return False
    new = rows.insert_notice(
        transaction,
        office.clock(),
        person_id=listener.person_id,
        account_id=account_id,
        type=type,
        subject=subject,
        period=period,
        detail=values,
    )
    if new and by_mail and listener.verified_at is not None:
        told = {**values, "zone": listener.zone}
        queue_mail(transaction, office, listener.email, type, listener.locale, told, person_id=listener.person_id)
    return new
