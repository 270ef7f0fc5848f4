"""Customers' pages seen with a customer's eyes: an operator's log-in that looks at an account, and changes nothing."""

from __future__ import annotations

from router.db.transaction import Transaction
from router.errors import Conflict, Forbidden, Unauthorized
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.store.accounts import get_account
from router.store.people.members import member_role
from router.store.people.sessions import ACTING, find_session_row, last_workspace, set_session_account
from router.store.people.tickets import hash_of

__all__ = ["act_as", "end_acting"]


def act_as(office: Office, actor: Actor, text: str, account_id: str) -> None:
    """Have an operator's log-in look at an account, as a viewer of it does, until ``end_acting``.

    Args:
        text: of the log-in's cookie.

    Raises:
        NotFound: there is no such account.
        Conflict: the operator belongs to it, and needs no such look.
        Forbidden: it is no operator's log-in.
        Unauthorized: the log-in is over (code ``session_over``).
    """

    def look(transaction: Transaction) -> Change[None]:
        get_account(transaction, account_id)
        found = find_session_row(transaction, hash_of(text))
        if found is None:
            raise _over()
        if not (found.person.operator and found.second_factor and found.row.complete):
            raise Forbidden("Only an operator with a second factor may look at customers' pages.")
        if member_role(transaction, account_id, found.person.id):
            raise Conflict("You belong to this workspace: choose it among your own.", code="own_workspace")
        set_session_account(transaction, found.row.hash, ACTING + account_id)
        return Change(None, account_id, {})

    write(office, actor, "accounts act-as", look)


def end_acting(office: Office, actor: Actor, text: str) -> str:
    """Have a log-in look at its person's own workspace again; the account that it looked at, empty for none.

    Raises:
        Unauthorized: the log-in is over (code ``session_over``).
    """

    def end(transaction: Transaction) -> Change[str]:
        found = find_session_row(transaction, hash_of(text))
        if found is None:
            raise _over()
        looked = found.row.account_id
        if not looked.startswith(ACTING):
            return Change("", "", {}, made=False)
        own = last_workspace(transaction.connection, found.person.id)
        set_session_account(transaction, found.row.hash, own)
        return Change(looked.removeprefix(ACTING), looked.removeprefix(ACTING), {})

    return write(office, actor, "accounts act-as-end", end)


def _over() -> Unauthorized:
    return Unauthorized("This log-in is over: log in again.", code="session_over")
