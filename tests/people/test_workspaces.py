"""Workspaces: invitations for the invited address alone, roles, and always an owner."""

from __future__ import annotations

import pytest
from people_kit import (
    ADMIN,
    AWAY,
    HOME,
    PASSWORD,
    VISITOR,
    Clock,
    Made,
    at_once,
    joined,
    mails,
    me,
    query,
    sign,
    ticket,
)

from router.errors import BadRequest, Conflict, Forbidden, NotFound, RateLimited
from router.office.office import Office
from router.office.people.login import check_password
from router.office.people.members import (
    accept_invitation,
    change_role,
    create_workspace,
    invite,
    leave,
    list_invitations,
    list_members,
    list_workspaces,
    remove_member,
    resend_invitation,
    revoke_invitation,
)
from router.office.people.people import find_person
from router.office.people.records import Person, Visit, may
from router.office.people.sessions import find_session, open_session
from router.office.people.signup import join_by_invitation, sign_up
from router.office.people.tickets import look_at_ticket
from router.store.people.members import insert_member

ADA, EVE, MAX = "ada@example.com", "eve@example.com", "max@example.com"


def home(office: Office, whom: Person) -> str:
    return list_workspaces(office, whom.id)[0].account_id


def invited(office: Office, by: Person, email: str, role: str = "developer") -> str:
    invite(office, me(by), home(office, by), email, role)
    return ticket(office, email, "invite")


def member(office: Office, by: Person, email: str, role: str) -> Person:
    whom = find_person(office, email) or joined(office, email, visit=Visit("203.0.113.50"))
    accept_invitation(office, me(whom), invited(office, by, email, role), whom)
    return whom


def roles(office: Office, account_id: str) -> dict[str, str]:
    return {one.email: one.role for one in list_members(office, account_id)}


def test_roles_include_those_before_them() -> None:
    assert (
        may("owner", "viewer") and may("viewer", "viewer") and not may("viewer", "developer") and not may("", "viewer")
    )


def test_an_invitation_says_what_for_and_makes_a_member(office: Office, clock: Clock) -> None:
    ada, eve = joined(office, ADA), joined(office, EVE, visit=AWAY)
    text = invited(office, ada, "Eve@example.com")
    shown = look_at_ticket(office, text, "invite")
    assert shown is not None
    assert (shown.email, shown.account_name, shown.role, shown.made_by) == ("Eve@example.com", "ada", "developer", ADA)
    [open_one] = list_invitations(office, home(office, ada))
    assert (open_one.email, open_one.made_by, open_one.expires_at) == ("Eve@example.com", ADA, clock.at + 7 * 86_400)
    clock.pass_s(1)
    workspace = accept_invitation(office, me(eve), text, eve)
    assert (workspace.account_id, workspace.role) == (home(office, ada), "developer")
    assert roles(office, home(office, ada)) == {ADA: "owner", EVE: "developer"}
    assert list_invitations(office, home(office, ada)) == []
    assert [one.role for one in list_workspaces(office, eve.id)] == ["owner", "developer"]


def test_nobody_else_accepts_it(office: Office) -> None:
    ada, eve = joined(office, ADA), joined(office, EVE, visit=AWAY)
    text = invited(office, ada, MAX)
    with pytest.raises(Forbidden, match="max@") as refused:
        accept_invitation(office, me(eve), text, eve)
    assert refused.value.code == "other_address"
    assert look_at_ticket(office, text) is not None, "nothing is used up"
    sign(office, MAX)
    unproved = find_person(office, MAX)
    assert unproved is not None
    with pytest.raises(Forbidden) as early:
        accept_invitation(office, me(unproved), text, unproved)
    assert early.value.code == "not_verified"


def test_of_two_acceptances_at_once_one_counts(opened: Made) -> None:
    ours, theirs = opened(), opened()
    ada, eve = joined(ours, ADA), joined(ours, EVE, visit=AWAY)
    for _ in range(4):
        text = invited(ours, ada, EVE)
        done = at_once(
            lambda: accept_invitation(ours, me(eve), text, eve),  # noqa: B023
            lambda: accept_invitation(theirs, me(eve), text, eve),  # noqa: B023
        )
        assert [type(one) for one in done].count(NotFound) == 1
        assert roles(ours, home(ours, ada))[EVE] == "developer"
        leave(ours, me(eve), home(ours, ada), eve.id)


def test_an_invitation_ends_by_time_by_a_newer_one_and_by_who_sent_it(office: Office, clock: Clock) -> None:
    ada = joined(office, ADA)
    first = invited(office, ada, EVE)
    clock.pass_s(1)
    [one] = list_invitations(office, home(office, ada))
    resend_invitation(office, me(ada), home(office, ada), one.id)
    second = ticket(office, EVE, "invite")
    assert look_at_ticket(office, first) is None and look_at_ticket(office, second) is not None
    [again] = list_invitations(office, home(office, ada))
    revoke_invitation(office, me(ada), home(office, ada), again.id)
    assert look_at_ticket(office, second) is None
    for call in (revoke_invitation, resend_invitation):
        with pytest.raises(NotFound) as refused:
            call(office, me(ada), home(office, ada), again.id)
        assert refused.value.code == "invitation_not_found"
    third = invited(office, ada, EVE)
    clock.pass_s(7 * 86_400)
    assert look_at_ticket(office, third) is None and list_invitations(office, home(office, ada)) == []


def test_another_workspace_s_invitation_is_not_there(office: Office) -> None:
    ada, eve = joined(office, ADA), joined(office, EVE, visit=AWAY)
    invited(office, ada, MAX)
    [theirs] = list_invitations(office, home(office, ada))
    for call in (revoke_invitation, resend_invitation):
        with pytest.raises(NotFound):
            call(office, me(eve), home(office, eve), theirs.id)
    with pytest.raises(NotFound):
        invite(office, me(eve), "acct_nothing", MAX, "viewer")


def test_members_are_not_invited_again_and_bad_ones_not_at_all(local: Office) -> None:
    ada = joined(local, ADA)
    with pytest.raises(Conflict) as refused:
        invite(local, me(ada), home(local, ada), "ADA@example.com", "viewer")
    assert refused.value.code == "member_already"
    with pytest.raises(BadRequest):
        invite(local, me(ada), home(local, ada), EVE, "king")
    with pytest.raises(BadRequest):
        invite(local, me(ada), home(local, ada), "eve", "viewer")
    for number in range(20):
        invite(local, me(ada), home(local, ada), f"p{number}@example.com", "viewer")
    with pytest.raises(RateLimited):
        invite(local, me(ada), home(local, ada), "p20@example.com", "viewer")


def test_whoever_is_new_joins_by_the_invitation_itself(office: Office) -> None:
    ada = joined(office, ADA)
    text = invited(office, ada, EVE)
    eve = join_by_invitation(office, VISITOR, AWAY, text, password=PASSWORD, name="Eve")
    assert eve.verified_at is not None and eve.name == "Eve"
    assert [one.role for one in list_workspaces(office, eve.id)] == ["developer"]
    assert query(office, "SELECT COUNT(*) FROM transfers") == [(1,)], "no credit of their own"
    check_password(office, AWAY, EVE, PASSWORD)
    with pytest.raises(NotFound):
        join_by_invitation(office, VISITOR, AWAY, text)
    with pytest.raises(Conflict) as refused:
        other = create_workspace(office, me(ada), ada.id, "Second")
        invite(office, me(ada), other.account_id, EVE, "viewer")
        join_by_invitation(office, VISITOR, AWAY, ticket(office, EVE, "invite"))
    assert refused.value.code == "person_exists"


def test_where_one_must_be_invited_only_those_are_sent_a_link(opened: Made) -> None:
    ada = joined(opened(), ADA)
    office = opened('signup = "invite"\n')
    sign_up(office, VISITOR, HOME, email=EVE, proof_ok=True)
    assert find_person(office, EVE) is None and mails(office, EVE) == []
    invite(office, me(ada), home(office, ada), EVE, "viewer")
    sign_up(office, VISITOR, HOME, email=EVE, proof_ok=True)
    assert mails(office, EVE) == ["invite", "verify"]


def test_the_last_owner_stays(office: Office) -> None:
    ada = joined(office, ADA)
    account = home(office, ada)
    eve = member(office, ada, EVE, "developer")
    for call in (
        lambda: leave(office, me(ada), account, ada.id),
        lambda: remove_member(office, me(eve), account, ada.id),
        lambda: change_role(office, me(ada), account, ada.id, "viewer"),
    ):
        with pytest.raises(Conflict) as refused:
            call()
        assert refused.value.code == "last_owner"
    change_role(office, me(ada), account, eve.id, "owner")
    leave(office, me(ada), account, ada.id)
    assert roles(office, account) == {EVE: "owner"}


def test_two_owners_who_go_at_once_leave_one(opened: Made) -> None:
    ours, theirs = opened(), opened()
    ada = joined(ours, ADA)
    account = home(ours, ada)
    eve = member(ours, ada, EVE, "owner")
    for _ in range(4):
        done = at_once(
            lambda: leave(ours, me(ada), account, ada.id),
            lambda: change_role(theirs, me(eve), account, eve.id, "viewer"),
        )
        assert [type(one) for one in done].count(Conflict) == 1
        assert list(roles(ours, account).values()).count("owner") == 1
        if ADA not in roles(ours, account):
            text = ticket_for(ours, eve, account, ADA)
            accept_invitation(ours, me(ada), text, ada)
            change_role(ours, me(eve), account, ada.id, "owner")
        change_role(ours, me(ada), account, eve.id, "owner")


def ticket_for(office: Office, by: Person, account_id: str, email: str) -> str:
    invite(office, me(by), account_id, email, "owner")
    return ticket(office, email, "invite")


def test_who_is_removed_sees_nothing_of_it_at_once(office: Office) -> None:
    ada = joined(office, ADA)
    account = home(office, ada)
    eve = member(office, ada, EVE, "viewer")
    text = open_session(office, eve, AWAY, complete=True)
    office.database.write(lambda c: c.execute("UPDATE web_sessions SET account_id = ?", (account,)))
    found = find_session(office, text)
    assert found is not None and (found.account_id, found.role) == (account, "viewer")
    remove_member(office, me(ada), account, eve.id)
    found = find_session(office, text)
    assert found is not None and (found.account_id, found.role) == ("", "")
    with pytest.raises(NotFound):
        remove_member(office, me(ada), account, eve.id)
    with pytest.raises(NotFound):
        change_role(office, me(ada), account, eve.id, "owner")


def test_who_is_a_member_keeps_the_role_at_another_invitation(office: Office) -> None:
    ada, eve = joined(office, ADA), joined(office, EVE, visit=AWAY)
    text, account = invited(office, ada, EVE, "owner"), home(office, ada)
    insert_member(office.database, account, eve.id, "viewer", 0.0)
    assert accept_invitation(office, me(eve), text, eve).role == "viewer"


def test_another_workspace_has_a_name_and_no_credit(local: Office) -> None:
    ada = joined(local, ADA)
    for name in ("", "  ", "x" * 81, "a\u202eb", "a\nb"):
        with pytest.raises(BadRequest):
            create_workspace(local, me(ada), ada.id, name)
    made = create_workspace(local, me(ada), ada.id, "Engines")
    assert (made.name, made.role) == ("Engines", "owner")
    assert query(local, "SELECT credits FROM balances WHERE account_id = ?", made.account_id) == [(0,)]
    for number in range(4):
        create_workspace(local, me(ada), ada.id, f"W{number}")
    with pytest.raises(RateLimited):
        create_workspace(local, me(ada), ada.id, "One more")


def test_an_operator_s_invitation_is_the_portal_s(local: Office) -> None:
    ada = joined(local, ADA)
    invite(local, ADMIN, home(local, ada), EVE, "viewer")
    [open_one] = list_invitations(local, home(local, ada))
    assert open_one.made_by == ""
