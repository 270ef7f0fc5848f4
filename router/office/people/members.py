"""Workspaces and who belongs to them. One always has an owner."""

from __future__ import annotations

from dataclasses import asdict

from router.db.transaction import Transaction
from router.errors import BadRequest, Conflict, Forbidden, NotFound
from router.i18n.worded import worded
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office
from router.office.people.events import record_event
from router.office.people.links import LASTS_S, take
from router.office.people.outbox import queue_mail, sender_of
from router.office.people.people import check_person_name, check_verified, person_row
from router.office.people.records import ROLES, Invitation, Member, Person, Workspace
from router.office.people.rules.addresses import parse_email
from router.office.people.rules.attempts import admit, by_address, by_person, by_site
from router.store.accounts import create_account, get_account, set_account_tier
from router.store.people.members import (
    count_owners,
    delete_member,
    insert_member,
    list_member_rows,
    list_workspace_rows,
    lock_account,
    member_role,
    revoke_account_keys,
    set_member_role,
)
from router.store.people.people import find_person_row
from router.store.people.proofs import use_form
from router.store.people.tickets import TicketShown, delete_tickets, find_ticket, issue_ticket, list_tickets

__all__ = [
    "accept_invitation",
    "change_role",
    "create_workspace",
    "invite",
    "leave",
    "list_invitations",
    "list_members",
    "list_workspaces",
    "remove_member",
    "resend_invitation",
    "revoke_invitation",
]


def list_workspaces(office: Office, person_id: str) -> list[Workspace]:
    """What somebody belongs to, in the order in which they came to it."""
    return [Workspace(**asdict(row)) for row in list_workspace_rows(office.database, person_id)]


def list_members(office: Office, account_id: str) -> list[Member]:
    """Who belongs to a workspace, in the order in which they came."""
    return [Member(**asdict(row)) for row in list_member_rows(office.database, account_id)]


def create_workspace(office: Office, actor: Actor, person_id: str, name: str, *, once: str = "") -> Workspace:
    """Make somebody another workspace, which they own. There is no free credit for it.

    Args:
        once: of a form, what it is known by when it is sent again.

    Raises:
        Conflict: the form was sent before (``form_sent_before``).
        NotFound: there is no such person.
        Forbidden: their address is not proved yet (``not_verified``).
        BadRequest: the name is none.
        RateLimited: they made too many.
    """
    shown = check_person_name(name)
    if not shown:
        raise BadRequest("A workspace has a name.", param="name")

    def create(transaction: Transaction) -> Change[Workspace]:
        check_verified(person_row(transaction, person_id))
        if not use_form(transaction.connection, person_id, once, office.clock()):
            raise Conflict("This form was sent before, and the workspace was made then.", code="form_sent_before")
        admit(transaction.connection, (by_person("workspace", person_id),), office.clock())
        account = create_account(transaction, shown)
        if office.settings.portal.new_tier:
            set_account_tier(transaction, account.id, office.settings.portal.new_tier)
        insert_member(transaction, account.id, person_id, "owner", office.clock())
        made = Workspace(account.id, account.name, "owner", account.status)
        return Change(made, account.id, {"name": account.name, "owner": person_id})

    return write(office, actor, "members create-workspace", create)


def list_invitations(office: Office, account_id: str) -> list[Invitation]:
    """A workspace's invitations that nobody answered yet, oldest first."""
    return [_invitation(one) for one in list_tickets(office.database, "invite", account_id, office.clock())]


def invite(office: Office, actor: Actor, account_id: str, email: str, role: str) -> None:
    """Mail somebody a link by which they become a member; it takes the place of an older one.

    Args:
        actor: the person who invites, where it is one: their name stands in the mail.

    Raises:
        NotFound: there is no such workspace.
        BadRequest: the address or the role is none.
        Conflict: they are a member already (``member_already``).
        RateLimited: too many were invited, or too many mails went there.
    """
    address, _ = parse_email(email), _checked_role(role)

    def send(transaction: Transaction) -> Change[None]:
        _lock(transaction, account_id)
        known = find_person_row(transaction, email_key=address.key)
        if known is not None and member_role(transaction, account_id, known.id):
            raise Conflict("They are a member already.", code="member_already", param="email")
        _send_invitation(transaction, office, actor, account_id, address.text, role)
        return Change(None, account_id, {"role": role})

    write(office, actor, "members invite", send)


def resend_invitation(office: Office, actor: Actor, account_id: str, invitation_id: str) -> None:
    """Mail an invitation again, with a new link.

    Raises:
        NotFound: there is no such invitation, or it has run out (``invitation_not_found``).
        RateLimited: too many were invited, or too many mails went there.
    """

    def send(transaction: Transaction) -> Change[None]:
        _lock(transaction, account_id)
        row = find_ticket(transaction, "invite", office.clock(), id=invitation_id, account_id=account_id)
        if row is None:
            raise _no_invitation()
        _send_invitation(transaction, office, actor, account_id, row.email, row.role)
        return Change(None, account_id, {"role": row.role, "again": True})

    write(office, actor, "members invite", send)


def revoke_invitation(office: Office, actor: Actor, account_id: str, invitation_id: str) -> None:
    """Take an invitation back.

    Raises:
        NotFound: there is no such invitation, or it was answered (``invitation_not_found``).
    """

    def revoke(transaction: Transaction) -> Change[None]:
        if not delete_tickets(transaction.connection, ("invite",), id=invitation_id, account_id=account_id):
            raise _no_invitation()
        return Change(None, account_id, {"invitation": invitation_id})

    write(office, actor, "members revoke-invitation", revoke)


def accept_invitation(office: Office, actor: Actor, text: str, person: Person) -> Workspace:
    """Become a member by the link of an invitation. Who is one already keeps their role.

    Raises:
        NotFound: the link does not count any more (``ticket_over``), or the workspace is gone.
        Forbidden: it was sent to another address (``other_address``), or the person's is not proved (``not_verified``).
    """

    def accept(transaction: Transaction) -> Change[Workspace]:
        row = person_row(transaction, person.id, lock=True)
        ticket = take(transaction, office, text, "invite")
        if parse_email(ticket.email).key != row.email_key:
            raise Forbidden(
                worded(
                    "This invitation was sent to %(email)s: log in with that address to accept it.", email=ticket.email
                ),
                code="other_address",
            )
        check_verified(row)
        made = insert_member(transaction, ticket.account_id, row.id, ticket.role, office.clock())
        if made:
            told = {"account": ticket.account_id}
            record_event(transaction, office, row.id, "joined", address=actor.address, detail=told)
        account, role = get_account(transaction, ticket.account_id), member_role(transaction, ticket.account_id, row.id)
        joined = Workspace(account.id, account.name, role, account.status)
        return Change(joined, account.id, {"person": row.id, "role": role, "invited_by": ticket.made_by})

    return write(office, actor, "members join", accept)


def change_role(office: Office, actor: Actor, account_id: str, person_id: str, role: str) -> None:
    """Give a member another role.

    Raises:
        NotFound: there is no such member (``member_not_found``).
        BadRequest: there is no such role.
        Conflict: nobody else is an owner (``last_owner``).
    """
    _checked_role(role)

    def change(transaction: Transaction) -> Change[None]:
        before = _member(transaction, account_id, person_id)
        if before == "owner" != role:
            _check_other_owner(transaction, account_id)
        set_member_role(transaction, account_id, person_id, role)
        detail = {"person": person_id, "role": role, "before": before}
        record_event(transaction, office, person_id, "role_changed", address=actor.address, detail=detail)
        return Change(None, account_id, detail, made=before != role)

    write(office, actor, "members role", change)


def remove_member(office: Office, actor: Actor, account_id: str, person_id: str) -> None:
    """End a membership. Keys that the member made are the workspace's, and go on.

    Raises:
        NotFound: there is no such member (``member_not_found``).
        Conflict: nobody else is an owner (``last_owner``).
    """
    _end(office, actor, "members remove", account_id, person_id)


def leave(office: Office, actor: Actor, account_id: str, person_id: str) -> None:
    """End one's own membership. Raises as ``remove_member``."""
    _end(office, actor, "members leave", account_id, person_id)


def _end(office: Office, actor: Actor, action: str, account_id: str, person_id: str) -> None:
    def end(transaction: Transaction) -> Change[None]:
        before = _member(transaction, account_id, person_id)
        if before == "owner":
            _check_other_owner(transaction, account_id)
        delete_member(transaction, account_id, person_id)
        revoke_account_keys(transaction.connection, account_id, hidden_of=person_id)
        detail = {"person": person_id, "before": before}
        record_event(transaction, office, person_id, "left", address=actor.address, detail={"account": account_id})
        return Change(None, account_id, detail)

    write(office, actor, action, end)


def _send_invitation(
    transaction: Transaction, office: Office, actor: Actor, account_id: str, email: str, role: str
) -> None:
    tallies = (by_person("invite", account_id), by_address("mail", email), by_site("mail"))
    admit(transaction.connection, tallies, office.clock())
    inviting = find_person_row(transaction, id=actor.name) if actor.kind == "person" else None
    invited = find_person_row(transaction, email_key=parse_email(email).key)
    lasts_s = LASTS_S["invite"]
    _, text = issue_ticket(
        transaction.connection,
        "invite",
        office.clock(),
        lasts_s=lasts_s,
        email=email,
        account_id=account_id,
        role=role,
        made_by=inviting.id if inviting is not None else "",
    )
    by = (inviting.name or inviting.email) if inviting is not None else sender_of(office).name
    workspace = get_account(transaction, account_id).name
    told = {"ticket": text, "lasts_s": str(lasts_s), "workspace": workspace, "invited_by": by, "role": role}
    language = next((one.locale for one in (invited, inviting) if one is not None and one.locale), "")
    whose = invited.id if invited is not None else ""
    queue_mail(transaction, office, email, "invite", language, told, person_id=whose)


def _lock(transaction: Transaction, account_id: str) -> None:
    """Keep others from deciding about a workspace's members meanwhile."""
    if not lock_account(transaction.connection, account_id):
        raise NotFound("There is no such workspace.", code="account_not_found")


def _member(transaction: Transaction, account_id: str, person_id: str) -> str:
    """The role of a member, in a workspace whose members nobody else changes meanwhile."""
    role = member_role(transaction, account_id, person_id) if lock_account(transaction.connection, account_id) else ""
    if not role:
        raise NotFound("There is no such member.", code="member_not_found")
    return role


def _check_other_owner(transaction: Transaction, account_id: str) -> None:
    if count_owners(transaction, account_id) < 2:
        raise Conflict("A workspace has an owner: make somebody else one first.", code="last_owner")


def _checked_role(role: str) -> str:
    if role not in ROLES:
        raise BadRequest(worded("The roles are %(roles)s.", roles=", ".join(ROLES)), code="unknown_role", param="role")
    return role


def _no_invitation() -> NotFound:
    return NotFound("There is no such invitation.", code="invitation_not_found")


def _invitation(shown: TicketShown) -> Invitation:
    row = shown.row
    return Invitation(row.id, row.account_id, row.email, row.role, shown.made_by_email, row.created_at, row.expires_at)
