"""Accounts as the operator's lists show them, and the notes that operators keep on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from router.db.transaction import Transaction
from router.metering.usage_hours import charged_since
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.store.accounts import Account, get_account, list_price_lists
from router.store.console.finding import emails_of, find_account_rows, holdings_of, names_of_people
from router.store.console.notes import AccountNote, insert_note, list_note_rows

__all__ = ["AccountLine", "AccountNote", "add_note", "find_accounts", "known_names", "list_notes", "price_lists"]

_SPENT_S = 30 * 86_400


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account in a list.

    Attributes:
        emails: its members' addresses, owners first.
        balance_nano: its money, holds included.
        held_nano: what its calls under way hold.
        spent_nano: what its calls of the last 30 days were charged.
        keys: how many of its keys are active.
    """

    account: Account
    emails: tuple[str, ...]
    balance_nano: int
    held_nano: int
    spent_nano: int
    keys: int


def find_accounts(
    office: Office, text: str = "", *, status: str = "", tier: str = "", before: str = "", limit: int = 50
) -> list[AccountLine]:
    """Accounts, newest first.

    Args:
        text: part of a name or of a member's address; the ID of an account, a key, a call or a person; the last four
            letters of a key; a transfer's reference. Empty for all.
        before: the ID of the last one of the page before; empty for the first page.

    Raises:
        ConfigError: the balances are in another currency than the configuration's.
    """
    _ = office.currency
    rows = find_account_rows(office.database, text.strip(), status=status, tier=tier, before=before, limit=limit)
    ids = [row.id for row in rows]
    if not ids:
        return []
    held, emails = holdings_of(office.database, ids), emails_of(office.database, ids)
    since = office.clock() - _SPENT_S
    spent = office.database.read(lambda connection: charged_since(connection, "account", since, ids))
    return [
        AccountLine(
            row,
            tuple(emails.get(row.id, ())),
            held[row.id].balance_nano,
            held[row.id].held_nano,
            spent.get(row.id, 0),
            held[row.id].keys,
        )
        for row in rows
    ]


def list_notes(office: Office, account_id: str, *, before: str = "", limit: int = 50) -> list[AccountNote]:
    """Operators' notes on an account, newest first.

    Raises:
        NotFound: there is no such account.
    """
    get_account(office.database, account_id)
    return list_note_rows(office.database, account_id, before=before, limit=limit)


def add_note(office: Office, actor: Actor, account_id: str, text: str) -> AccountNote:
    """Keep a note on an account. Customers never see it.

    Raises:
        NotFound: there is no such account.
        BadRequest: the text is empty, longer than 2,000 characters, or holds control characters.
    """

    def add(transaction: Transaction) -> Change[AccountNote]:
        get_account(transaction, account_id)
        note = insert_note(transaction, account_id, text, actor.name, office.clock())
        return Change(note, account_id, {"note": note.id})

    return write(office, actor, "accounts note", add)


def price_lists(office: Office) -> list[str]:
    """The names of the price lists that hold a price, sorted."""
    return list_price_lists(office.database)


def known_names(office: Office, actors: Iterable[str]) -> Mapping[str, str]:
    """Of actors' names those that are people's IDs -> their addresses."""
    ids = sorted({name for name in actors if name.startswith("pers_")})
    return names_of_people(office.database, ids)
