"""The end of an account, what its owner may read before, and what is forgotten in time."""

from __future__ import annotations

import json

import pytest
from people_kit import AWAY, HOME, PASSWORD, VISITOR, Clock, Made, at_once, joined, me, person, query, sign, ticket

from router.errors import BadRequest, NotFound, Unauthorized
from router.ledger.verify import verify
from router.office.keys import create_key, list_keys
from router.office.office import Office
from router.office.payments.means import list_means, waiting_means
from router.office.people.events import list_events
from router.office.people.factors import begin_totp
from router.office.people.login import check_password
from router.office.people.members import accept_invitation, invite, list_members, list_workspaces
from router.office.people.people import (
    change_profile,
    close_person,
    export_person,
    find_person,
    forget_old,
    get_person,
    list_people,
)
from router.office.people.records import Visit
from router.office.people.sessions import find_session, open_session
from router.office.people.tickets import send_login_link
from router.store.payments.means import MeansRow, insert_means

ADA, EVE = "ada@example.com", "eve@example.com"
DAY = 86_400.0


def test_closing_takes_all_that_is_personal_and_suspends_the_workspace(office: Office) -> None:
    ada = joined(office, ADA)
    change_profile(office, me(ada), ada.id, name="Ada Lovelace", zone="Europe/London", theme="dark", locale="ru")
    [workspace] = list_workspaces(office, ada.id)
    create_key(office, me(ada), workspace.account_id, "k")
    card = MeansRow("mean_1", "stripe", workspace.account_id, "sealed", "hash", "Visa 4242", "", office.clock())
    office.database.write(lambda connection: insert_means(connection, card, card.created_at))
    session = open_session(office, ada, HOME, complete=True)
    begin_totp(office, me(ada), ada.id)
    send_login_link(office, VISITOR, HOME, ADA, proof_ok=True)
    invite(office, me(ada), workspace.account_id, "friend@example.com", "viewer")
    with pytest.raises(BadRequest) as refused:
        close_person(office, me(ada), ada.id, "eve@example.com")
    assert refused.value.code == "other_email"
    close_person(office, me(ada), ada.id, " Ada@example.com ")
    gone = get_person(office, ada.id)
    assert (gone.status, gone.name, gone.has_password, gone.zone, gone.locale) == ("closed", "", False, "UTC", "")
    assert find_person(office, ADA) is None and find_session(office, session) is None
    assert [key.status for key in list_keys(office, workspace.account_id)] == ["revoked"]
    assert query(office, "SELECT status, name FROM accounts") == [("suspended", "closed")]
    assert list_means(office, workspace.account_id) == []
    assert [one.id for one in waiting_means(office, "stripe")] == ["mean_1"], "its method is told"
    for table in ("web_sessions", "tickets", "factors", "security_events", "members", "notices"):
        assert query(office, f"SELECT COUNT(*) FROM {table}") == [(0,)], table
    assert query(office, "SELECT COUNT(*) FROM outbox WHERE recipient = ?", ADA) == [(0,)]
    whole = json.dumps([query(office, f"SELECT * FROM {name}") for name in ("people", "signups", "accounts", "audit")])
    assert "Lovelace" not in whole and "ada@" not in whole.lower()
    with pytest.raises(Unauthorized):
        check_password(office, HOME, ADA, PASSWORD)
    with pytest.raises(NotFound):
        close_person(office, me(ada), ada.id, gone.email)
    assert [check.name for check in verify(office.database) if not check.ok] == []
    assert joined(office, ADA, visit=AWAY).id != ada.id, "the address is free again"


def test_a_workspace_that_somebody_else_owns_goes_on(office: Office) -> None:
    ada, eve = joined(office, ADA), joined(office, EVE, visit=AWAY)
    [workspace] = list_workspaces(office, ada.id)
    invite(office, me(ada), workspace.account_id, EVE, "owner")
    accept_invitation(office, me(eve), ticket(office, EVE, "invite"), eve)
    create_key(office, me(ada), workspace.account_id, "k")
    close_person(office, me(ada), ada.id, ADA)
    assert [one.email for one in list_members(office, workspace.account_id)] == [EVE]
    assert [key.status for key in list_keys(office, workspace.account_id)] == ["active"]
    assert ("active", "ada") in query(office, "SELECT status, name FROM accounts")


def test_two_owners_who_close_at_once_leave_no_open_workspace_without_owner(opened: Made) -> None:
    ours, theirs = opened(), opened()
    for number in range(3):
        one = joined(ours, f"a{number}@example.com", visit=Visit(f"203.0.{number}.1"))
        two = joined(ours, f"b{number}@example.com", visit=Visit(f"203.1.{number}.1"))
        account = list_workspaces(ours, one.id)[0].account_id
        invite(ours, me(one), account, two.email, "owner")
        accept_invitation(ours, me(two), ticket(ours, two.email, "invite"), two)
        done = at_once(
            lambda: close_person(ours, me(one), one.id, one.email),  # noqa: B023
            lambda: close_person(theirs, me(two), two.id, two.email),  # noqa: B023
        )
        assert done == [None, None]
        assert query(ours, "SELECT status FROM accounts WHERE id = ?", account) == [("suspended",)]


def test_an_export_has_all_and_no_secret(office: Office) -> None:
    ada = joined(office, ADA)
    text = open_session(office, ada, HOME, complete=True)
    start = begin_totp(office, me(ada), ada.id)
    told = export_person(office, ada.id)
    assert told["person"]["email"] == ADA and told["person"]["has_password"]
    assert [one["address"] for one in told["sessions"]] == [HOME.address]
    assert {one["kind"] for one in told["security_events"]} == {"login", "verified"}
    assert [one["verdict"] for one in told["signups"]] == ["given"]
    assert [one["purpose"] for one in told["mails"]] == ["verify"]
    whole = json.dumps(told)
    for secret in (text, start.secret, "argon2", "hash", "/app/t/"):
        assert secret not in whole
    with pytest.raises(NotFound):
        export_person(office, "pers_nobody")


def test_what_is_of_no_use_is_forgotten_in_time(office: Office, clock: Clock) -> None:
    ada = joined(office, ADA)
    sign(office, EVE, visit=AWAY)
    open_session(office, ada, HOME, complete=True)
    with pytest.raises(Unauthorized):
        check_password(office, HOME, ADA, "wrong")
    assert set(forget_old(office).values()) == {0}
    clock.pass_s(2 * DAY)
    found = forget_old(office)
    assert (found["tickets"], found["sessions"], found["people"]) == (1, 0, 0) and found["attempts"] > 0
    clock.pass_s(29 * DAY)
    found = forget_old(office)
    assert (found["sessions"], found["people"], found["events"]) == (1, 1, 0)
    assert find_person(office, EVE) is None and person(office, ADA).id == ada.id
    clock.pass_s(366 * DAY)
    forget_old(office)
    assert list_events(office, ada.id) == []
    joined(office, EVE, visit=AWAY)


def test_events_and_people_come_in_pages(office: Office, clock: Clock) -> None:
    people = []
    for number in range(5):
        clock.pass_s(1)
        people.append(joined(office, f"p{number}@example.com", visit=Visit(f"203.0.{number}.1")))
    first = list_people(office, limit=2)
    second = list_people(office, limit=2, after=first[-1].id)
    assert [one.email for one in [*first, *second]] == [f"p{n}@example.com" for n in (4, 3, 2, 1)]
    assert [one.email for one in list_people(office, search="P3@")] == ["p3@example.com"]
    assert list_people(office, search="%") == list_people(office, search="p_@") == []
    assert [one.id for one in list_people(office, search=people[0].id)] == [people[0].id]
    for _ in range(4):
        clock.pass_s(1)
        open_session(office, people[0], HOME, complete=True)
    events = list_events(office, people[0].id, limit=3)
    more = list_events(office, people[0].id, limit=3, before=events[-1].id)
    assert [one.kind for one in [*events, *more]] == ["login"] * 4 + ["verified"]
    assert list_events(office, people[1].id, before=events[0].id) == [], "another's event is no place"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 81),
        ("name", "a\u2066b"),
        ("name", "a\tb"),
        ("locale", "xx"),
        ("zone", "Nowhere/Else"),
        ("zone", "../etc/passwd"),
        ("zone", ""),
        ("theme", "pink"),
    ],
)
def test_what_is_no_setting_is_refused_by_name(local: Office, field: str, value: str) -> None:
    ada = joined(local, ADA)
    with pytest.raises(BadRequest) as refused:
        change_profile(local, me(ada), ada.id, **{field: value})
    assert refused.value.param == field
    assert change_profile(local, me(ada), ada.id, name=" Zoë ", zone="Asia/Ashgabat").name == "Zoë"
