"""Sign-ups: the same page and the same time for an address that is known and one that is not; a mail says the rest."""

from __future__ import annotations

from router.config.portal import LANGUAGES
from router.db.ids import new_id
from router.db.transaction import Transaction
from router.errors import Conflict, Forbidden
from router.i18n.language import zone_names
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.abuse import is_refused
from router.office.people.events import record_event
from router.office.people.links import mail_tallies, mail_ticket, take, ticket_over
from router.office.people.people import check_person_name, person_of
from router.office.people.records import Person, Visit
from router.office.people.rules.addresses import EmailAddress, parse_email
from router.office.people.rules.attempts import admit, by_client, by_site, check_wait
from router.office.people.rules.credit import note_signup
from router.office.people.rules.passwords import check_new_password, hash_password
from router.office.people.tickets import look_at_ticket
from router.store.people.members import insert_member
from router.store.people.people import PersonRow, find_person_row, insert_person, update_person
from router.store.people.sessions import delete_sessions
from router.store.people.switches import is_off
from router.store.people.tickets import find_ticket, hash_of

__all__ = ["join_by_invitation", "may_sign_up", "new_person", "sign_up"]


def may_sign_up(office: Office) -> bool:
    """Whether the form is of any use: to everybody, or to who was invited."""
    return office.settings.portal.signup != "closed" and not is_off(office.database, "signup")


def sign_up(
    office: Office,
    actor: Actor,
    visit: Visit,
    *,
    email: str,
    password: str = "",
    name: str = "",
    proof_ok: bool,
) -> None:
    """Sign somebody up, and mail them the link that proves their address. Whoever has one already is mailed a link that
    logs in; where one has to be invited, and was not, nothing is sent.

    Args:
        password: empty for somebody who will log in by mailed links.
        proof_ok: whether the browser showed its work; without, free credit waits for an operator.

    Raises:
        BadRequest: the address, the password or the name is none that does; ``param`` says which.
        Forbidden: nobody may sign up (``signup_closed``), or not with this address or from here (``signup_refused``).
        RateLimited: too many do (``too_many_attempts``).
    """
    address, shown_name = parse_email(email), check_person_name(name)
    least = office.settings.portal.password_length
    chosen = check_new_password(password, least=least, email=address.key) if password else ""
    _check_open(office)
    if is_refused(office.database, address, visit.address):
        raise Forbidden("Nobody can sign up with this address: use another, or write to us.", code="signup_refused")
    counted = (by_client("signup", visit.address), by_site("signup"))
    tallies = (*counted, *mail_tallies(visit, address.key, proof_ok=proof_ok))
    now = office.clock()
    office.database.read(lambda connection: check_wait(connection, tallies, now), whole=False)  # before it is hashed
    hash = hash_password(chosen) if chosen else ""

    def sign(transaction: Transaction) -> Change[None]:
        admit(transaction.connection, tallies, office.clock())
        known = find_person_row(transaction, email_key=address.key, lock=True)
        if known is None:
            made = _first_time(transaction, office, visit, address, hash, shown_name, proof_ok=proof_ok)
            return Change(None, made, {}, made=bool(made))
        return Change(None, known.id, {"again": True}, made=_again(transaction, office, visit, known, hash, shown_name))

    write(office, actor, "people signup", sign)


def join_by_invitation(
    office: Office, actor: Actor, visit: Visit, text: str, *, password: str = "", name: str = ""
) -> Person:
    """Sign up whoever was mailed an invitation, and let them into its workspace: the link proves the address. They have
    no workspace of their own, and no free credit.

    Raises:
        NotFound: the link does not count any more (``ticket_over``).
        Conflict: somebody has the address already: they are to log in, and accept (``person_exists``).
        BadRequest: the password or the name is none that does.
        Forbidden: nobody may sign up (``signup_closed``).
    """
    shown, shown_name = look_at_ticket(office, text, "invite"), check_person_name(name)
    if shown is None:
        raise ticket_over()
    _check_open(office)
    least = office.settings.portal.password_length
    hash = hash_password(check_new_password(password, least=least, email=shown.email)) if password else ""

    def join(transaction: Transaction) -> Change[Person]:
        ticket = take(transaction, office, text, "invite")
        row = new_person(office, parse_email(ticket.email), visit, password=hash, name=shown_name, verified=True)
        if not insert_person(transaction, row):
            raise Conflict("There is a log-in with this address: log in, and accept then.", code="person_exists")
        insert_member(transaction, ticket.account_id, row.id, ticket.role, office.clock())
        record_event(transaction, office, row.id, "joined", visit=visit, detail={"account": ticket.account_id})
        return Change(person_of(row), row.id, {"account": ticket.account_id, "role": ticket.role})

    return write(office, actor, "members join", join)


def new_person(
    office: Office, email: EmailAddress, visit: Visit, *, password: str = "", name: str = "", verified: bool = False
) -> PersonRow:
    """The row of somebody new."""
    now = office.clock()
    return PersonRow(
        id=new_id("pers"),
        email=email.text,
        email_key=email.key,
        name=name,
        password=password,
        locale=visit.locale if visit.locale in LANGUAGES else "",
        zone=visit.zone if visit.zone in zone_names() else "UTC",
        theme="system",
        status="active",
        operator=False,
        verified_at=now if verified else None,
        created_at=now,
        seen_at=None,
    )


def _check_open(office: Office) -> None:
    """Raises:
    Forbidden: nobody may sign up (code ``signup_closed``).
    """
    if not may_sign_up(office):
        raise Forbidden("Sign-up is closed at present.", code="signup_closed")


def _first_time(
    transaction: Transaction, office: Office, visit: Visit, email: EmailAddress, hash: str, name: str, *, proof_ok: bool
) -> str:
    """Make a person; their ID, empty where one has to be invited and was not, or somebody else was first."""
    if office.settings.portal.signup == "invite" and not _is_invited(transaction, office, email):
        return ""
    row = new_person(office, email, visit, password=hash, name=name)
    if not insert_person(transaction, row):
        return ""
    note_signup(transaction, office, row.id, email, visit.address, proof_ok=proof_ok)
    mail_ticket(transaction, office, "verify", row, visit)
    return row.id


def _again(transaction: Transaction, office: Office, visit: Visit, known: PersonRow, hash: str, name: str) -> bool:
    """Answer a sign-up of an address that is known; whether anything was sent.

    As long as nobody has proved the address, the password is that of the newest sign-up. Where two browsers sign up
    with one address, whose password it was cannot be told: there is none, and only the mail lets anybody in.
    """
    if known.status != "active":
        return False
    if known.verified_at is not None:
        mail_ticket(transaction, office, "login", known, visit, mail="already")
        return True
    before = find_ticket(transaction, "verify", office.clock(), person_id=known.id)
    same = before is None or (bool(visit.browser) and before.browser == hash_of(visit.browser))
    update_person(transaction, known.id, {"password": hash if same else "", "name": name or known.name})
    delete_sessions(transaction.connection, known.id)
    mail_ticket(transaction, office, "verify", known, visit)
    return True


def _is_invited(transaction: Transaction, office: Office, email: EmailAddress) -> bool:
    now = office.clock()
    return any(find_ticket(transaction, "invite", now, email=text) for text in {email.text, email.key})
