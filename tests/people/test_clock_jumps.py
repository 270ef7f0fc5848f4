"""A clock that jumps: nobody is let in for longer by it, nothing works twice, and nobody is locked out."""

from __future__ import annotations

import pytest
from people_kit import AWAY, HOME, PASSWORD, VISITOR, App, Clock, joined, query, sign, ticket

from router.errors import NotFound, RateLimited, Unauthorized
from router.office.office import Office
from router.office.people.factors import check_second_factor
from router.office.people.login import check_password
from router.office.people.people import get_person
from router.office.people.records import Visit
from router.office.people.sessions import find_session, is_stepped_up, open_session, step_up
from router.office.people.tickets import reset_password, send_reset, verify_email

pytestmark = pytest.mark.slow

ADA, WRONG = "ada@example.com", "not the right words"
DAY_S, YEAR_S = 86_400.0, 365 * 86_400.0


def test_a_session_is_as_long_as_before_when_the_clock_is_right_again(office: Office, clock: Clock) -> None:
    text = open_session(office, joined(office, ADA), HOME, complete=True)
    clock.pass_s(-3 * DAY_S)
    assert find_session(office, text) is not None, "who is logged in stays so"
    clock.pass_s(3 * DAY_S + 6 * DAY_S)
    assert find_session(office, text) is not None
    clock.pass_s(25 * DAY_S)
    assert find_session(office, text) is None
    clock.pass_s(-40 * DAY_S)
    early = open_session(office, get_person(office, joined(office, "bob@example.com").id), HOME, complete=True)
    clock.pass_s(40 * DAY_S)
    assert find_session(office, early) is None, "one of a wrong past is over"


def test_a_proof_of_the_future_counts_for_nothing(office: Office, clock: Clock) -> None:
    text = open_session(office, joined(office, ADA), HOME, complete=True)
    clock.pass_s(-DAY_S)
    found = find_session(office, text)
    assert found is not None and not is_stepped_up(office, found), "or it would count for a day"
    again = find_session(office, step_up(office, text))
    assert again is not None and is_stepped_up(office, again)


def test_a_link_works_once_and_ends_by_the_clock_that_there_is(office: Office, clock: Clock) -> None:
    text = sign(office, ADA)
    clock.pass_s(-DAY_S)
    verify_email(office, VISITOR, text, HOME)
    with pytest.raises(NotFound):
        verify_email(office, VISITOR, text, HOME)
    send_reset(office, VISITOR, AWAY, ADA, proof_ok=True)
    text = ticket(office, ADA, "reset")
    clock.pass_s(DAY_S)
    with pytest.raises(NotFound):
        reset_password(office, VISITOR, text, PASSWORD + "!")


def test_a_code_that_was_used_is_not_used_again_after_the_clock_went_back(office: Office, clock: Clock) -> None:
    ada = joined(office, ADA)
    app = App(office, clock, ada)
    clock.pass_s(300)
    before, now = app.code(-10), app.code()
    check_second_factor(office, ada, now)
    clock.pass_s(-300)
    for code in (before, now):
        with pytest.raises(Unauthorized):
            check_second_factor(office, ada, code)
    assert check_second_factor(office, ada, app.recovery[0]) == "recovery", "nobody is locked out meanwhile"
    clock.pass_s(330)
    assert check_second_factor(office, ada, app.code()) == "totp"


def test_attempts_of_a_clock_that_ran_ahead_keep_nobody_out(office: Office, clock: Clock) -> None:
    joined(office, ADA)
    clock.pass_s(YEAR_S)
    for number in range(10):
        with pytest.raises(Unauthorized):
            check_password(office, Visit(f"203.0.113.{number}"), ADA, WRONG)
    with pytest.raises(RateLimited):
        check_password(office, AWAY, ADA, PASSWORD)
    clock.pass_s(-YEAR_S)
    assert check_password(office, AWAY, ADA, PASSWORD).email == ADA, "the clock is right again"
    assert query(office, "SELECT COUNT(*) FROM attempts WHERE action = 'login'") != [(0,)]


def test_a_small_step_back_lets_nobody_guess_more(office: Office, clock: Clock) -> None:
    joined(office, ADA)
    for number in range(10):
        with pytest.raises(Unauthorized):
            check_password(office, Visit(f"203.0.113.{number}"), ADA, WRONG)
    clock.pass_s(-30)
    with pytest.raises(RateLimited) as refused:
        check_password(office, AWAY, ADA, PASSWORD)
    assert refused.value.retry_after_s is not None and refused.value.retry_after_s <= 330
    clock.pass_s(330)
    assert check_password(office, AWAY, ADA, PASSWORD).email == ADA
