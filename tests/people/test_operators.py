"""Operators: made by the command line or by the first who has the secret, and never by anybody else."""

from __future__ import annotations

import hashlib

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
    person,
    sign,
    ticket,
)

from router.config.operator_secret import OPERATOR_FILE
from router.errors import Conflict, Forbidden, NotFound, RateLimited, Unauthorized
from router.office.audit import list_audit
from router.office.office import Office
from router.office.people.closing import close_person
from router.office.people.login import check_password
from router.office.people.members import list_workspaces
from router.office.people.operators import (
    claim_operator,
    has_operators,
    is_ready,
    list_operators,
    make_operator,
    unmake_operator,
    use_operator_link,
)
from router.office.people.people import get_person
from router.office.people.sessions import find_session, open_session
from router.office.people.tickets import look_at_ticket

ADA, EVE = "ada@example.com", "eve@example.com"
SECRET = "op-a-secret-of-the-test"


def made(office: Office, email: str) -> str:
    return use_operator_link(office, VISITOR, make_operator(office, ADMIN, email), HOME).id


def with_secret(office: Office) -> Office:
    hashed = hashlib.sha256(SECRET.encode()).hexdigest()
    office.settings.path.with_name(OPERATOR_FILE).write_text(hashed + "\n")
    return office


def test_somebody_new_is_an_operator_once_the_link_is_used(office: Office) -> None:
    text = make_operator(office, ADMIN, ADA)
    assert mails(office, ADA) == ["operator"] and ticket(office, ADA, "operator") == text
    assert not person(office, ADA).operator and not has_operators(office)
    shown = look_at_ticket(office, text)
    assert shown is not None and (shown.purpose, shown.email) == ("operator", ADA)
    ada = use_operator_link(office, VISITOR, text, HOME)
    assert ada.operator and ada.verified_at is not None and has_operators(office)
    assert list_workspaces(office, ada.id) == [] and [one.id for one in list_operators(office)] == [ada.id]
    assert not is_ready(office, ada), "without a second factor there is no console"
    with pytest.raises(NotFound):
        use_operator_link(office, VISITOR, text, HOME)


def test_somebody_known_stays_who_they_are(office: Office) -> None:
    ada = joined(office, ADA)
    session = open_session(office, ada, HOME, complete=True)
    assert made(office, "ADA@example.com") == ada.id
    assert find_session(office, session) is None
    check_password(office, HOME, ADA, PASSWORD)


def test_a_squatter_s_password_does_not_make_them_an_operator(office: Office) -> None:
    sign(office, ADA, visit=AWAY, password="the squatter's own words")
    made(office, ADA)
    with pytest.raises(Unauthorized):
        check_password(office, AWAY, ADA, "the squatter's own words")


def test_the_first_claims_it_by_the_secret_and_nobody_after(office: Office) -> None:
    with_secret(office)
    ada, eve = joined(office, ADA), joined(office, EVE)
    session = open_session(office, ada, HOME, complete=True)
    with pytest.raises(Forbidden) as refused:
        claim_operator(office, me(ada), ada.id, "op-guessed", HOME)
    assert refused.value.code == "wrong_secret" and not has_operators(office)
    made = claim_operator(office, me(ada), ada.id, f" {SECRET}\n", HOME)
    assert made.operator and not is_ready(office, made) and find_session(office, session) is None
    entry = list_audit(office, limit=1)[0]
    assert (entry.action, entry.subject, entry.actor) == ("operators claim", ada.id, ada.id)
    assert "op-" not in str(entry.detail)
    with pytest.raises(NotFound) as late:
        claim_operator(office, me(eve), eve.id, SECRET, HOME)
    assert late.value.code == "operator_exists"


def test_who_is_not_proved_claims_nothing(office: Office) -> None:
    with_secret(office)
    sign(office, ADA)
    ada = person(office, ADA)
    with pytest.raises(Forbidden) as refused:
        claim_operator(office, me(ada), ada.id, SECRET, HOME)
    assert refused.value.code == "not_verified" and not has_operators(office)


def test_of_two_claims_at_once_one_counts(opened: Made) -> None:
    ours, theirs = opened(), opened()
    with_secret(ours)
    people = joined(ours, ADA), joined(ours, EVE)
    done = at_once(
        lambda: claim_operator(ours, me(people[0]), people[0].id, SECRET, HOME),
        lambda: claim_operator(theirs, me(people[1]), people[1].id, SECRET, HOME),
    )
    assert [type(one) for one in done].count(NotFound) == 1, done
    assert len(list_operators(ours)) == 1


def test_guesses_at_the_secret_are_counted(local: Office, clock: Clock) -> None:
    with_secret(local)
    ada = joined(local, ADA)
    for _ in range(10):
        with pytest.raises(Forbidden):
            claim_operator(local, me(ada), ada.id, "op-guessed", HOME)
    with pytest.raises(RateLimited):
        claim_operator(local, me(ada), ada.id, SECRET, HOME)
    clock.pass_s(3600)
    claim_operator(local, me(ada), ada.id, SECRET, HOME)


def test_the_last_operator_stays_also_of_two_who_go_at_once(opened: Made) -> None:
    ours, theirs = opened(), opened()
    ada, eve = made(ours, ADA), made(ours, EVE)
    for _ in range(4):
        done = at_once(
            lambda: unmake_operator(ours, ADMIN, ada),
            lambda: unmake_operator(theirs, ADMIN, eve),
        )
        assert [type(one) for one in done].count(Conflict) == 1
        [left] = list_operators(ours)
        made(ours, EVE if left.id == ada else ADA)
    unmake_operator(ours, ADMIN, eve)
    with pytest.raises(Conflict) as refused:
        close_person(ours, me(get_person(ours, ada)), ada, ADA)
    assert refused.value.code == "last_operator"


def test_who_is_an_operator_no_more_is_logged_out(office: Office) -> None:
    ada = made(office, ADA)
    made(office, EVE)
    session = open_session(office, get_person(office, ada), HOME, complete=True)
    assert not unmake_operator(office, ADMIN, ada).operator
    assert find_session(office, session) is None
