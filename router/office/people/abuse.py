"""Abuse of sign-ups: what is turned off, who is blocked, and who was given free credit, was not, or waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from router.config.networks import network_of as parse_network
from router.db.ids import check_name
from router.db.transaction import Runner, Transaction
from router.errors import BadRequest, Conflict, NotFound
from router.ledger.balances import read_balance
from router.money.amounts import format_nano
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.notices import notify_members
from router.office.people.rules.addresses import EmailAddress, canonical, network_of, parse_email
from router.office.people.rules.credit import free_credit_of, give_free_credit
from router.store.people.signups import (
    SignupRow,
    count_by,
    list_signup_rows,
    lock_signup,
    update_signup,
    was_given,
)
from router.store.people.switches import (
    BlockRow,
    SwitchRow,
    delete_block,
    insert_block,
    is_blocked,
    list_block_rows,
    list_switch_rows,
    lock_switch,
    write_switch,
)

__all__ = [
    "BLOCKS",
    "SWITCHES",
    "BlockRow",
    "SignupRow",
    "SwitchRow",
    "add_block",
    "canonical",
    "count_signups",
    "decide_signup",
    "is_refused",
    "list_blocks",
    "list_signups",
    "list_switches",
    "network_of",
    "remove_block",
    "set_switch",
    "tell_credit",
]

SWITCHES = ("signup", "free_credit", "topup")
"""What an operator can turn off while the gateway runs."""

BLOCKS = ("domain", "address", "network")
"""By what sign-ups are refused."""

_REASON_MAX = 500


def list_switches(office: Office) -> list[SwitchRow]:
    """All switches; one that was never used is on."""
    known = list_switch_rows(office.database)
    return [known.get(name, SwitchRow(name, False, "", 0.0)) for name in SWITCHES]


def set_switch(office: Office, actor: Actor, name: str, off: bool, *, reason: str) -> SwitchRow:
    """Turn something off, or on again; it holds at once.

    Raises:
        NotFound: there is no such switch.
        BadRequest: no reason is given.
    """
    if name not in SWITCHES:
        raise NotFound(f"There is no switch {name[:40]!r}: there are {', '.join(SWITCHES)}.", code="switch_not_found")
    row = SwitchRow(name, off, check_name(reason, "a reason", longest=_REASON_MAX), office.clock())

    def change(transaction: Transaction) -> Change[SwitchRow]:
        before = lock_switch(transaction.connection, name)
        write_switch(transaction.connection, row)
        told = {True: "off", False: "on"}
        return Change(row, name, {"now": told[off], "before": told[before], "reason": row.reason})

    return write(office, actor, "signups switch", change)


def list_blocks(office: Office) -> list[BlockRow]:
    """All blocks, by kind and value."""
    return list_block_rows(office.database)


def add_block(office: Office, actor: Actor, kind: str, value: str, *, reason: str) -> BlockRow:
    """Refuse sign-ups of a domain (and those below it), an address (whatever its aliases) or a network.

    Raises:
        BadRequest: there is no such kind, the value is none of it, or no reason is given.
    """
    row = BlockRow(kind, _blocked(kind, value), check_name(reason, "a reason", longest=_REASON_MAX), office.clock())

    def add(transaction: Transaction) -> Change[BlockRow]:
        insert_block(transaction.connection, row)
        return Change(row, f"{kind}:{row.value}", {"reason": row.reason})

    return write(office, actor, "signups block", add)


def remove_block(office: Office, actor: Actor, kind: str, value: str) -> None:
    """Lift a block.

    Raises:
        NotFound: there is none such.
    """

    def remove(transaction: Transaction) -> Change[None]:
        if not delete_block(transaction.connection, kind, value):
            raise NotFound(f"There is no block of the {kind[:20]} {value[:80]!r}.", code="block_not_found")
        return Change(None, f"{kind}:{value}", {})

    write(office, actor, "signups unblock", remove)


def is_refused(database: Runner, email: EmailAddress, address: str) -> bool:
    """Whether a sign-up is blocked by its address, its domain, or where it comes from."""
    parts = email.domain.split(".")
    domains = tuple(".".join(parts[place:]) for place in range(len(parts)))
    network = network_of(address)
    return (
        is_blocked(database, "domain", domains)
        or is_blocked(database, "address", (email.key, email.canonical))
        or (bool(network) and is_blocked(database, "network", (network,)))
    )


def list_signups(office: Office, *, before: str = "", limit: int = 50, verdict: str = "") -> list[SignupRow]:
    """Sign-ups, newest first.

    Args:
        before: the ID of the last one of the page before; empty for the first page.
        verdict: only those ``given``, ``waits``, ``refused`` or ``none``.
    """
    return list_signup_rows(office.database, before=before, limit=limit, verdict=verdict)


def count_signups(office: Office, by: str, *, since: float, limit: int = 20) -> Sequence[tuple[str, int]]:
    """The domains or networks with most sign-ups since a time, and how many each.

    Args:
        by: ``domain`` or ``network``.
    """
    return count_by(office.database, by, since, limit)


def decide_signup(office: Office, actor: Actor, signup_id: str, give: bool, *, reason: str = "") -> SignupRow:
    """Give a sign-up that waits its free credit, or none.

    Raises:
        NotFound: there is no such sign-up.
        Conflict: it does not wait (``decided``), or its address was given some before (``used_before``).
        BadRequest: there is no free credit to give (``no_free_credit``).
        ConfigError: the balances are in another currency than the configuration's.
    """
    free = free_credit_of(office)
    if give and not free.amount_nano:
        why = free.problem or "[portal] free_credit says that there is none"
        raise BadRequest(f"There is no free credit to give: {why}.", code="no_free_credit")

    def decide(transaction: Transaction) -> Change[SignupRow]:
        connection = transaction.connection
        lock_switch(connection, "free_credit")
        row = lock_signup(connection, signup_id)
        if row is None:
            raise NotFound(f"There is no sign-up {signup_id[:40]!r}.", code="signup_not_found")
        if row.verdict != "waits":
            raise Conflict(f"This sign-up does not wait: its verdict is {row.verdict!r}.", code="decided")
        decided, made = replace(row, verdict="refused", decided_by=actor.name), ""
        if give:
            if was_given(connection, row.canonical):
                raise Conflict("This address was given free credit before.", code="used_before")
            settled = give_free_credit(transaction, decided, free.amount_nano)
            decided, made = settled.row, settled.reference
        update_signup(connection, decided)
        tell_credit(transaction, office, decided)
        told = {"verdict": decided.verdict, "account": row.account_id, "reason": reason}
        detail = {**told, "credit": format_nano(decided.credit_nano) if give else "", "made": made}
        return Change(decided, signup_id, detail)

    return write(office, actor, "signups decide", decide)


def tell_credit(transaction: Transaction, office: Office, row: SignupRow) -> None:
    """Tell an account's owner of free credit, where a sign-up was given some."""
    if row.verdict == "given":
        has = read_balance(transaction.connection, row.account_id).balance
        told = {"amount_nano": str(row.credit_nano), "balance_nano": str(has)}
        notify_members(transaction, office, row.account_id, "credit_given", row.id, "once", told)


def _blocked(kind: str, value: str) -> str:
    """What is compared for a block."""
    text = value.strip().lower()
    if kind == "domain":
        return parse_email(f"x@{text.lstrip('@').strip('.')}").domain
    if kind == "address":
        return canonical(parse_email(text).key)
    if kind == "network":
        return _network(text)
    raise BadRequest(f"A block is of a {', '.join(BLOCKS)}.", code="unknown_block", param="kind")


def _network(text: str) -> str:
    """A network as sign-ups are counted by it: /24, of IPv6 /64."""
    try:
        network = parse_network(text)
    except ValueError as error:
        raise BadRequest(f"{error}.", param="value") from None
    length = 24 if network.version == 4 else 64
    if network.prefixlen < length:
        raise BadRequest(
            f"{text!r} is wider than sign-ups are counted: block its networks of /{length} one by one.", param="value"
        )
    return network_of(str(network.network_address))
