"""Free credit: who is given it by rule, who waits for an operator, who is given none, and why.

It is given once to an address, whatever its aliases, and so often a day. Whatever goes wrong on the way, or is not
known, lets it wait: the sign-up itself goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from router.db.ids import new_id
from router.db.transaction import Transaction
from router.errors import RouterError
from router.ledger.transfers import post_free
from router.money.amounts import parse_nano
from router.office.office import Office
from router.office.people.rules.addresses import EmailAddress, network_of
from router.store.accounts import create_account, set_account_tier
from router.store.people.members import insert_member
from router.store.people.people import PersonRow
from router.store.people.pepper import keyed_hash, pepper
from router.store.people.signups import SignupRow, count_given, find_signup, insert_signup, update_signup, was_given
from router.store.people.switches import lock_switch

__all__ = [
    "REASONS",
    "FreeCredit",
    "Settled",
    "free_credit_of",
    "give_free_credit",
    "is_disposable",
    "note_signup",
    "open_workspace",
    "settle_credit",
]

_log = logging.getLogger("router.office.people")

_DAY_S = 86_400.0
_REFUSED = ("used_before", "disposable", "blocked")
REASONS = (*_REFUSED, "no_proof", "switched_off", "network_limit", "day_limit", "failed")
"""Why somebody was not given free credit; the first ones are for good, the others wait for an operator."""


@dataclass(frozen=True, slots=True)
class FreeCredit:
    """What a verified sign-up is given.

    Attributes:
        amount_nano: 0 for nothing.
        problem: why that is not known; empty where it is.
    """

    amount_nano: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """What was decided.

    Attributes:
        row: the sign-up with its verdict.
        reference: of the transfer; empty where nothing was given.
    """

    row: SignupRow
    reference: str = ""


def free_credit_of(office: Office) -> FreeCredit:
    """What a sign-up is given now: what the configuration says, or else the profile."""
    try:
        text = office.settings.portal.free_credit or office.dialect.free_credit
        amount = parse_nano(text) if text else 0
        return FreeCredit(amount) if not amount or office.currency else FreeCredit(0, "there is no currency")
    except (RouterError, ValueError) as error:
        _log.error("Free credit waits for an operator: what it comes to is not known: %s", error)
        return FreeCredit(0, str(error))


def note_signup(
    transaction: Transaction, office: Office, person_id: str, email: EmailAddress, address: str, *, proof_ok: bool
) -> None:
    """Keep a sign-up: what is known of it until its address is proved."""
    reasons = () if proof_ok or not office.settings.portal.proof_of_work else ("no_proof",)
    row = SignupRow(
        id=new_id("sign"),
        canonical=keyed_hash(pepper(transaction), "signup", email.canonical),
        domain=email.domain,
        network=network_of(address),
        person_id=person_id,
        account_id="",
        at=office.clock(),
        verdict="none",
        reasons=reasons,
        credit_nano=0,
        decided_by="",
    )
    insert_signup(transaction.connection, row)


def open_workspace(
    transaction: Transaction, office: Office, person: PersonRow, free: FreeCredit, *, refused: bool
) -> Settled | None:
    """Make the workspace of somebody whose address was proved just now, and decide about its free credit.

    Args:
        refused: whether an operator has blocked the sign-up meanwhile.

    Returns:
        None where there was no sign-up: the person was invited, or made by an operator.
    """
    signup = find_signup(transaction, person_id=person.id)
    if signup is None:
        return None
    account = create_account(transaction, person.name or person.email.partition("@")[0])
    if office.settings.portal.new_tier:
        set_account_tier(transaction, account.id, office.settings.portal.new_tier)
    insert_member(transaction, account.id, person.id, "owner", office.clock())
    reasons = (*signup.reasons, "blocked") if refused else signup.reasons
    return settle_credit(transaction, office, replace(signup, account_id=account.id, reasons=reasons), free)


def settle_credit(transaction: Transaction, office: Office, row: SignupRow, free: FreeCredit) -> Settled:
    """Decide about a sign-up whose address was proved just now, and give what it is given.

    Args:
        row: with the account; its reasons are those that were known before.
        free: what ``free_credit_of`` said before the transaction.
    """
    connection, now = transaction.connection, office.clock()
    off = lock_switch(connection, "free_credit")  # of two sign-ups at once, the second sees the first
    if not free.amount_nano and not free.problem:
        return _kept(transaction, Settled(replace(row, at=now, verdict="none")))
    settings = office.settings.portal
    known: list[tuple[str, Callable[[], bool]]] = [
        ("used_before", lambda: was_given(connection, row.canonical)),
        ("disposable", lambda: is_disposable(row.domain)),
        ("switched_off", lambda: off),
        ("failed", lambda: bool(free.problem)),
        ("day_limit", lambda: count_given(connection, now - _DAY_S) >= settings.free_credit_per_day),
        (
            "network_limit",
            lambda: (
                not row.network
                or count_given(connection, now - _DAY_S, row.network) >= settings.free_credit_per_network
            ),
        ),
    ]
    reasons = (*row.reasons, *(reason for reason, holds in known if holds()))
    verdict = "refused" if set(reasons) & set(_REFUSED) else "waits" if reasons else "given"
    decided = replace(row, at=now, verdict=verdict, reasons=reasons)
    if verdict != "given":
        return _kept(transaction, Settled(decided))
    try:
        with connection.savepoint():
            return _kept(transaction, give_free_credit(transaction, decided, free.amount_nano))
    except RouterError as error:
        _log.error("Free credit of %s waits for an operator: %s", row.id, error)
        return _kept(transaction, Settled(replace(decided, verdict="waits", reasons=("failed",))))


def give_free_credit(transaction: Transaction, row: SignupRow, amount_nano: int) -> Settled:
    """Give a sign-up its credit; its row, which is still to be kept.

    Raises:
        Conflict: its address was given some before.
        BadRequest, NotFound: as ``router.ledger.transfers.post``.
    """
    made = post_free(transaction.connection, row.account_id, amount_nano, reference=row.canonical[:32])
    return Settled(replace(row, verdict="given", credit_nano=amount_nano), made.reference)


def is_disposable(domain: str) -> bool:
    """Whether a domain gives addresses for a few minutes; so do those below it."""
    parts = domain.split(".")
    known = _disposable()
    return any(".".join(parts[place:]) in known for place in range(len(parts) - 1))


@cache
def _disposable() -> frozenset[str]:
    from disposable_email_domains import blocklist  # ten thousand names, which most processes never need

    return frozenset(blocklist)


def _kept(transaction: Transaction, settled: Settled) -> Settled:
    update_signup(transaction.connection, settled.row)
    return settled
