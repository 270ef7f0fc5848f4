"""With what the playground calls models: a key of the person's own, which is on no list and is never shown.

Its text is kept nowhere. It is made anew, each time, of two secrets of which the database has but one: what the cookie
of the log-in says, and a random secret of the database. So neither who reads the database nor who leaves the workspace
has a key. All of somebody's are counted as one, and have one budget.
"""

from __future__ import annotations

import hashlib
import hmac

from router.db.ids import checked_text
from router.db.transaction import Transaction
from router.errors import Forbidden
from router.money.amounts import parse_nano
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.keys import KeyEdits, change_key
from router.office.office import Office
from router.office.people.records import WebSession
from router.store import keys as table
from router.store.lookup import find_key, first_hidden
from router.store.people.members import revoke_idle_hidden
from router.store.people.pepper import pepper
from router.types.keys import Budget, Key

__all__ = ["UNUSED_S", "playground_budget", "playground_key", "revoke_idle_keys"]

UNUSED_S = 30 * 86_400.0
"""After how long without a call a key is revoked: as long as a log-in lasts, without which no page can call with it."""

_NAME_MAX = 200


def playground_budget(office: Office) -> Budget | None:
    """What each person may spend there; None for what their workspace has. An amount of 0 switches it off."""
    text = office.settings.portal.playground_budget
    return Budget(parse_nano(text), "month") if text else None


def playground_key(office: Office, actor: Actor, session: WebSession, session_text: str) -> str:
    """The text of the key with which somebody's calls are made in the workspace that they look at.

    Args:
        session: complete, in a workspace.
        session_text: what its cookie says.

    Raises:
        Forbidden: the playground is switched off.
    """
    budget = playground_budget(office)
    if budget is not None and not budget.amount_nano:
        raise Forbidden("The playground is switched off here.", code="playground_off")
    seed = hmac.new(pepper(office.database), _told(session_text, session.account_id), hashlib.sha512).digest()
    known = find_key(office.database, table.hash_key(_text(office, seed)))
    if known is None:
        _make(office, actor, session, seed, budget)
    elif _differs(known.key, budget):
        edits: KeyEdits = {"budget_nano": None} if budget is None else {"budget_nano": budget.amount_nano}
        if budget is not None:
            edits["budget_period"] = budget.period
        change_key(office, actor, known.key.id, edits)
    return _text(office, seed)


def revoke_idle_keys(office: Office, actor: Actor) -> int:
    """Revoke what no page will call with again: keys that ran out, that were not used for ``UNUSED_S``, or whose person
    has left the workspace, only looks at it, is suspended or closed; how many. A leased job's work: harmless when it is
    run twice.
    """
    revoked = 0
    while True:
        some = write(office, actor, "keys revoke-hidden", lambda transaction: _revoked(office, transaction))
        if not some:
            return revoked
        revoked += some


def _revoked(office: Office, transaction: Transaction) -> Change[int]:
    now = office.clock()
    ended = revoke_idle_hidden(transaction.connection, now, now - UNUSED_S)
    return Change(len(ended), "", {"keys": ended}, made=bool(ended))


def _make(office: Office, actor: Actor, session: WebSession, seed: bytes, budget: Budget | None) -> None:
    account_id, person_id = session.account_id, session.person.id

    def create(transaction: Transaction) -> Change[None]:
        if find_key(transaction, table.hash_key(_text(office, seed))) is not None:  # another page was as fast
            return Change(None, "", {}, made=False)
        row, _ = table.create_key(
            transaction,
            account_id,
            f"Playground ({session.person.email})"[:_NAME_MAX],
            prefix=office.key_prefix,
            length=office.key_length,
            expires_at=session.expires_at,
            budget=budget,
            kind="hidden",
            made_by=person_id,
            origin=first_hidden(transaction, account_id, person_id),
            seed=seed,
        )
        return Change(None, row.id, {"account": account_id, "name": row.name, "kind": row.kind})

    write(office, actor, "keys create", create)


def _differs(key: Key, budget: Budget | None) -> bool:
    return key.status == "active" and key.budget != budget


def _told(session_text: str, account_id: str) -> bytes:
    return f"playground\0{session_text}\0{account_id}".encode("utf-8", "surrogatepass")


def _text(office: Office, seed: bytes) -> str:
    return checked_text(office.key_prefix, office.key_length, seed)
