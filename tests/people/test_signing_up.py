"""Signing up: one answer for known and unknown addresses, a workspace and its credit once the address is proved."""

from __future__ import annotations

import pytest
from people_kit import AWAY, HOME, PASSWORD, VISITOR, Clock, Made, at_once, joined, mails, person, query, sign, ticket

from router.errors import BadRequest, Forbidden, NotFound, RateLimited
from router.ledger.balances import balance
from router.ledger.verify import verify
from router.office.office import Office
from router.office.people import signup
from router.office.people.abuse import set_switch
from router.office.people.login import check_password
from router.office.people.members import list_workspaces
from router.office.people.records import Visit
from router.office.people.sessions import find_session, open_session
from router.office.people.signup import sign_up
from router.office.people.tickets import look_at_ticket, resend_verification, verify_email
from router.store.people.tickets import hash_of

ADA = "ada@example.com"


def test_a_sign_up_is_a_person_and_a_mail_and_no_more(office: Office) -> None:
    sign_up(office, VISITOR, HOME, email="Ada@Example.com", password=PASSWORD, proof_ok=True)
    text = ticket(office, "Ada@example.com", "verify")
    found = person(office, "ADA@example.COM")
    assert (found.email, found.verified_at, found.has_password, found.operator) == (
        "Ada@example.com",
        None,
        True,
        False,
    )
    assert list_workspaces(office, found.id) == []
    assert mails(office, "Ada@example.com") == ["verify"]
    shown = look_at_ticket(office, text)
    assert shown is not None and (shown.purpose, shown.email) == ("verify", "Ada@example.com")
    assert look_at_ticket(office, text, "login") is None and look_at_ticket(office, "x" * 500) is None


def test_proving_the_address_makes_the_workspace_and_gives_credit_once(office: Office) -> None:
    text = sign(office, ADA)
    for _ in range(5):
        assert look_at_ticket(office, text) is not None, "looking uses nothing up"
    done = verify_email(office, VISITOR, text, HOME)
    assert (done.same_browser, done.credit_nano) == (True, 5 * 10**9)
    [workspace] = list_workspaces(office, done.person.id)
    assert (workspace.account_id, workspace.role, workspace.name) == (done.account_id, "owner", "ada")
    assert balance(office.database, workspace.account_id).balance == 5 * 10**9
    with pytest.raises(NotFound, match="used before") as refused:
        verify_email(office, VISITOR, text, HOME)
    assert refused.value.code == "ticket_over"
    assert [check.name for check in verify(office.database) if not check.ok] == []
    [(kind, debit, reason)] = query(office, "SELECT kind, debit, reason FROM transfers")
    assert (kind, debit, reason) == ("free", "@free", "free credit")


def test_another_browser_is_verified_and_not_to_be_logged_in(office: Office) -> None:
    done = verify_email(office, VISITOR, sign(office, ADA), AWAY)
    assert not done.same_browser and done.person.verified_at is not None
    assert check_password(office, AWAY, ADA, PASSWORD).id == done.person.id


def test_two_uses_of_one_link_at_once_give_one_credit(opened: Made) -> None:
    ours, theirs = opened(), opened()
    for number in range(5):
        text = sign(ours, f"p{number}@example.com", visit=Visit(f"203.0.{number}.1"))
        done = at_once(
            lambda: verify_email(ours, VISITOR, text, HOME),  # noqa: B023
            lambda: verify_email(theirs, VISITOR, text, HOME),  # noqa: B023
        )
        assert [type(one) for one in done].count(NotFound) == 1
    assert query(ours, "SELECT COUNT(*) FROM transfers") == [(5,)]
    assert [check.name for check in verify(ours.database) if not check.ok] == []


def test_two_sign_ups_of_one_person_at_once_are_one(opened: Made) -> None:
    ours, theirs = opened(), opened()
    for number in range(3):
        email, here = f"p{number}@example.com", Visit(f"203.0.{number}.1")
        done = at_once(
            lambda: sign_up(ours, VISITOR, here, email=email, proof_ok=True),  # noqa: B023
            lambda: sign_up(theirs, VISITOR, here, email=email, proof_ok=True),  # noqa: B023
        )
        assert done == [None, None]
        assert query(ours, "SELECT COUNT(*) FROM people WHERE email = ?", email) == [(1,)]
        assert set(mails(ours, email)) == {"verify"}


def test_who_is_known_is_mailed_a_log_in_link_and_keeps_the_password(office: Office) -> None:
    joined(office, ADA)
    sign_up(office, VISITOR, AWAY, email="ADA@example.com", password="another long password", proof_ok=True)
    assert mails(office, ADA) == ["verify", "already"]
    check_password(office, HOME, ADA, PASSWORD)
    assert query(office, "SELECT COUNT(*) FROM people") == [(1,)]


def test_a_bad_form_is_refused_alike_for_known_and_unknown(local: Office) -> None:
    joined(local, ADA)
    for email in (ADA, "eve@example.com"):
        with pytest.raises(BadRequest) as refused:
            sign_up(local, VISITOR, HOME, email=email, password="short", proof_ok=True)
        assert (refused.value.code, refused.value.param) == ("password_too_short", "password")
    with pytest.raises(BadRequest) as refused:
        sign_up(local, VISITOR, HOME, email="ada at example", proof_ok=True)
    assert (refused.value.code, refused.value.param) == ("invalid_email", "email")
    with pytest.raises(BadRequest, match="direction"):
        sign_up(local, VISITOR, HOME, email="eve@example.com", name="ada\u202egro", proof_ok=True)


def test_a_squatter_has_neither_password_nor_session_once_the_address_is_proved(office: Office) -> None:
    sign(office, ADA, visit=AWAY, password="the squatter's own words")
    squatter = open_session(office, person(office, ADA), AWAY, complete=True)
    text = sign(office, ADA, visit=HOME)
    assert not person(office, ADA).has_password, "whose password it is cannot be told"
    done = verify_email(office, VISITOR, text, HOME)
    assert done.same_browser and find_session(office, squatter) is None


def test_the_same_browser_may_correct_its_password_before_the_address_is_proved(office: Office) -> None:
    sign(office, ADA, password="the first long password")
    verify_email(office, VISITOR, sign(office, ADA), HOME)
    check_password(office, HOME, ADA, PASSWORD)


def test_a_newer_link_ends_the_older_and_each_ends_in_time(office: Office, clock: Clock) -> None:
    first = sign(office, ADA)
    clock.pass_s(60)
    resend_verification(office, VISITOR, HOME, ADA)
    second = ticket(office, ADA, "verify")
    assert look_at_ticket(office, first) is None
    clock.pass_s(86_399)
    assert look_at_ticket(office, second) is not None
    clock.pass_s(1)
    assert look_at_ticket(office, second) is None
    with pytest.raises(NotFound):
        verify_email(office, VISITOR, second, HOME)


def test_verification_mails_are_three_in_six_hours(local: Office, clock: Clock) -> None:
    sign(local, ADA)
    for _ in range(3):
        clock.pass_s(60)
        resend_verification(local, VISITOR, HOME, ADA)
    with pytest.raises(RateLimited) as refused:
        resend_verification(local, VISITOR, HOME, ADA)
    assert refused.value.retry_after_s == 6 * 3600 - 120
    with pytest.raises(RateLimited) as unknown:
        for _ in range(4):
            resend_verification(local, VISITOR, AWAY, "nobody@example.com")
    assert (unknown.value.code, mails(local, "nobody@example.com")) == ("too_many_attempts", [])
    clock.pass_s(6 * 3600)
    resend_verification(local, VISITOR, HOME, ADA)


def test_nobody_signs_up_where_it_is_closed_or_off(opened: Made) -> None:
    office = opened()
    set_switch(office, VISITOR, "signup", True, reason="an attack")
    with pytest.raises(Forbidden) as refused:
        sign_up(office, VISITOR, HOME, email=ADA, proof_ok=True)
    assert refused.value.code == "signup_closed"
    set_switch(office, VISITOR, "signup", False, reason="over")
    sign_up(office, VISITOR, HOME, email=ADA, proof_ok=True)
    with pytest.raises(Forbidden):
        sign_up(opened('signup = "closed"\n'), VISITOR, HOME, email="eve@example.com", proof_ok=True)


def test_sign_ups_from_one_client_slow_down(local: Office, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        sign(local, f"p{number}@example.com")
    with pytest.raises(RateLimited) as refused:
        sign(local, "p5@example.com")
    assert refused.value.retry_after_s == 600
    hashed: list[str] = []
    monkeypatch.setattr(signup, "hash_password", hashed.append)
    with pytest.raises(RateLimited):
        sign(local, "p5@example.com")
    assert hashed == [], "what is refused costs nothing"
    monkeypatch.undo()
    sign(local, "p5@example.com", visit=AWAY)
    clock.pass_s(600)
    sign(local, "p6@example.com")


def test_a_new_account_is_in_its_tier_and_has_its_person_name(opened: Made) -> None:
    office = opened('new_tier = "new"\n')
    sign_up(office, VISITOR, HOME, email=ADA, name="  Ada Lovelace ", proof_ok=True)
    done = verify_email(office, VISITOR, ticket(office, ADA, "verify"), HOME)
    assert query(office, "SELECT name, tier FROM accounts") == [("Ada Lovelace", "new")]
    assert (done.person.name, done.person.has_password, done.person.locale) == ("Ada Lovelace", False, "en")


def test_texts_of_links_are_kept_nowhere_but_in_the_mail(office: Office) -> None:
    text = sign(office, ADA)
    assert query(office, "SELECT hash FROM tickets") == [(hash_of(text),)]
    [(password,)] = query(office, "SELECT password FROM people")
    assert password.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert query(office, "SELECT COUNT(*) FROM audit WHERE detail LIKE ?", f"%{ADA}%") == [(0,)], "nor is the address"
