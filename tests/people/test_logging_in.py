"""Passwords at the log-in: limits, the same words and work for known and unknown people, changes of a password."""

from __future__ import annotations

import pytest
from people_kit import AWAY, HOME, PASSWORD, Clock, Made, at_once, joined, mails, me, query

from router.errors import BadRequest, Forbidden, RateLimited, Unauthorized
from router.office.office import Office
from router.office.people.events import list_events
from router.office.people.login import check_password, confirm_password, set_password
from router.office.people.people import get_person, resume_person, suspend_person
from router.office.people.records import Visit
from router.office.people.rules import passwords
from router.office.people.sessions import find_session, open_session

pytestmark = pytest.mark.slow

ADA, WRONG = "ada@example.com", "not the right words"


def test_the_right_password_logs_in_however_the_address_is_spelt(office: Office) -> None:
    ada = joined(office, ADA)
    assert check_password(office, HOME, " ADA@Example.com ", PASSWORD) == get_person(office, ada.id)


def test_unknown_people_wrong_passwords_and_those_without_one_are_answered_alike(
    local: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined(local, ADA)
    joined(local, "link@example.com", password="")
    hashed: list[str] = []
    real = passwords._verified
    monkeypatch.setattr(passwords, "_verified", lambda hash, text: hashed.append(hash) or real(hash, text))
    told = set()
    for email, password in [
        (ADA, WRONG),
        ("link@example.com", WRONG),
        ("nobody@example.com", WRONG),
        ("no address", WRONG),
        (ADA, "x" * 100_000),
        (ADA, "\udc80"),
        (ADA, ""),
    ]:
        with pytest.raises(Unauthorized) as refused:
            check_password(local, HOME, email, password)
        told.add((refused.value.code, refused.value.message))
    assert told == {("wrong_login", "The address or the password is not right.")}
    assert len(hashed) == 7 and all(hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for hash in hashed)


@pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
def test_ten_wrong_passwords_in_five_minutes_are_enough(office: Office, clock: Clock, email: str) -> None:
    joined(office, ADA)
    for number in range(10):
        with pytest.raises(Unauthorized):
            check_password(office, Visit(f"203.0.113.{number}"), email, WRONG)
        clock.pass_s(10)
    with pytest.raises(RateLimited) as refused:
        check_password(office, AWAY, email, PASSWORD)
    assert (refused.value.code, refused.value.retry_after_s) == ("too_many_attempts", 200)
    clock.pass_s(200)
    if email == ADA:
        check_password(office, AWAY, email, PASSWORD)


def test_one_client_cannot_go_through_many_people(office: Office) -> None:
    joined(office, ADA)
    for number in range(10):
        with pytest.raises(Unauthorized):
            check_password(office, Visit(f"2001:db8:1:2::{number}"), f"p{number}@example.com", WRONG)
    with pytest.raises(RateLimited):
        check_password(office, Visit("2001:db8:1:2:ffff::1"), ADA, PASSWORD)
    check_password(office, Visit("2001:db8:1:3::1"), ADA, PASSWORD)


def test_right_log_ins_are_no_attempts(local: Office) -> None:
    joined(local, ADA)
    for _ in range(15):
        check_password(local, HOME, ADA, PASSWORD)
    assert query(local, "SELECT COUNT(*) FROM attempts WHERE action = 'login'") == [(0,)]


def test_many_at_once_are_many(opened: Made) -> None:
    ours, theirs = opened(), opened()
    joined(ours, ADA)
    tries = [
        lambda node=node, number=number: check_password(node, Visit(f"203.0.113.{number}"), ADA, WRONG)
        for number in range(10)
        for node in (ours, theirs)
    ]
    done = [type(one) for one in at_once(*tries)]
    assert done.count(Unauthorized) in (10, 11), "of each node one transaction at a time"


def test_who_is_logged_in_is_not_locked_out_by_who_guesses(local: Office) -> None:
    ada = joined(local, ADA)
    for number in range(10):
        with pytest.raises(Unauthorized):
            check_password(local, Visit(f"203.0.113.{number}"), ADA, WRONG)
    with pytest.raises(RateLimited):
        check_password(local, HOME, ADA, PASSWORD)
    confirm_password(local, HOME, ada.id, PASSWORD)
    with pytest.raises(Unauthorized):
        confirm_password(local, HOME, ada.id, WRONG)


def test_guesses_are_told_of_once_an_hour(local: Office, clock: Clock) -> None:
    ada = joined(local, ADA)
    for number in range(4):
        with pytest.raises(Unauthorized):
            check_password(local, Visit(f"203.0.113.{number}", "Guesser/1"), ADA, WRONG)
        clock.pass_s(1200)
    failed = [(one.address, one.agent) for one in list_events(local, ada.id) if one.kind == "login_failed"]
    assert failed == [("203.0.113.3", "Guesser/1"), ("203.0.113.0", "Guesser/1")]


def test_who_is_suspended_is_told_so_by_the_right_password_alone(office: Office) -> None:
    ada = joined(office, ADA)
    session = open_session(office, ada, HOME, complete=True)
    suspend_person(office, me(ada), ada.id, reason="abuse")
    assert find_session(office, session) is None
    with pytest.raises(Unauthorized):
        check_password(office, HOME, ADA, WRONG)
    with pytest.raises(Forbidden) as refused:
        check_password(office, HOME, ADA, PASSWORD)
    assert refused.value.code == "person_suspended"
    with pytest.raises(Forbidden):
        open_session(office, ada, HOME, complete=True)
    resume_person(office, me(ada), ada.id)
    check_password(office, HOME, ADA, PASSWORD)


def test_a_hash_of_older_parameters_is_made_anew(local: Office) -> None:
    from argon2 import PasswordHasher

    ada = joined(local, ADA)
    old = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    local.database.write(lambda c: c.execute("UPDATE people SET password = ? WHERE id = ?", (old, ada.id)))
    check_password(local, HOME, ADA, PASSWORD)
    [(now,)] = query(local, "SELECT password FROM people")
    assert now.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    check_password(local, HOME, ADA, PASSWORD)


def test_another_password_ends_other_log_ins_and_links_and_is_told_by_mail(office: Office) -> None:
    ada = joined(office, ADA)
    other = open_session(office, ada, AWAY, complete=True)
    mine = open_session(office, ada, HOME, complete=True)
    here = find_session(office, mine)
    assert here is not None
    set_password(office, me(ada, here.id), ada.id, "quite another set of words")
    assert find_session(office, other) is None and find_session(office, mine) is not None
    assert mails(office, ADA)[-1] == "password_changed"
    with pytest.raises(Unauthorized):
        check_password(office, HOME, ADA, PASSWORD)
    check_password(office, HOME, ADA, "quite another set of words")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("fourteen chars", "password_too_short"),
        ("x" * 257, "password_too_long"),
        ("\ufdfa" * 200, "password_too_long"),
        ("passwordpassword", "password_too_common"),
        ("Password123456789!", "password_too_common"),
        ("correct horse battery staple", "password_too_common"),
        ("123456789012345678", "password_too_common"),
        ("98765432109876543", "password_too_common"),
        ("qwertyuiopasdfghjkl", "password_too_common"),
        ("aaaaaaaaaaaaaaaabb", "password_too_common"),
        ("ada.lovelace@example.com", "password_too_common"),
        ("ada.lovelaceada.lovelace", "password_too_common"),
        ("Пароль пароль 2026", "password_too_common"),
    ],
)
def test_passwords_that_are_guessed_first_or_do_not_fit_are_refused(password: str, code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        passwords.check_new_password(password, least=15, email="ada.lovelace@example.com")
    assert (refused.value.code, refused.value.param) == (code, "password")


@pytest.mark.parametrize(
    "password", [PASSWORD, "x" * 3 + "pq7 Zebra, lamp", "ﬁfteen letters and more", "тихий зелёный зонтик"]
)
def test_other_passwords_do_and_are_the_same_however_they_are_composed(password: str) -> None:
    hash = passwords.hash_password(passwords.check_new_password(password, least=15))
    assert passwords.password_fits(hash, password) == (True, "")
    assert passwords.password_fits(hash, password + "x") == (False, "")


def test_composed_and_decomposed_letters_are_one_password() -> None:
    hash = passwords.hash_password(passwords.check_new_password("caf\u00e9 on the corner of it", least=15))
    assert passwords.password_fits(hash, "cafe\u0301 on the corner of it")[0]
