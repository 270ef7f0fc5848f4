"""Mailed links: log-in, reset, another address, a step up; each once, in time, and for nobody else."""

from __future__ import annotations

import pytest
from people_kit import (
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
    query,
    sign,
    ticket,
)

from router.errors import BadRequest, Conflict, Forbidden, NotFound, RateLimited, Unauthorized
from router.office.office import Office
from router.office.people.login import check_password, set_password
from router.office.people.people import suspend_person
from router.office.people.records import Visit
from router.office.people.sessions import find_session, open_session
from router.office.people.tickets import (
    ask_email_change,
    change_email,
    look_at_ticket,
    reset_password,
    send_login_link,
    send_reset,
    send_step_link,
    use_login_link,
    use_step_link,
)

pytestmark = pytest.mark.slow

ADA, NEW = "ada@example.com", "ada@example.org"
OTHER = "quite another set of words"


def link(office: Office, email: str = ADA) -> str:
    send_login_link(office, VISITOR, HOME, email, proof_ok=True)
    return ticket(office, email, "login")


def reset(office: Office, email: str = ADA) -> str:
    send_reset(office, VISITOR, HOME, email, proof_ok=True)
    return ticket(office, email, "reset")


def test_a_log_in_link_works_once_and_for_a_quarter_of_an_hour(office: Office, clock: Clock) -> None:
    ada = joined(office, ADA)
    assert use_login_link(office, VISITOR, link(office), HOME).id == ada.id
    with pytest.raises(NotFound):
        use_login_link(office, VISITOR, ticket(office, ADA, "login"), HOME)
    text = link(office)
    clock.pass_s(900)
    with pytest.raises(NotFound):
        use_login_link(office, VISITOR, text, HOME)


def test_of_two_uses_at_once_one_logs_in(opened: Made) -> None:
    ours, theirs = opened(), opened()
    joined(ours, ADA)
    for _ in range(5):
        text = link(ours)
        done = at_once(
            lambda: use_login_link(ours, VISITOR, text, HOME),  # noqa: B023
            lambda: use_login_link(theirs, VISITOR, text, HOME),  # noqa: B023
        )
        assert [type(one) for one in done].count(NotFound) == 1


def test_a_link_is_for_its_purpose_alone(office: Office) -> None:
    joined(office, ADA)
    text = link(office)
    with pytest.raises(NotFound):
        reset_password(office, VISITOR, text, OTHER)
    with pytest.raises(NotFound):
        change_email(office, VISITOR, text)
    assert look_at_ticket(office, text, "login") is not None


def test_unknown_and_suspended_people_are_sent_nothing_and_told_nothing(office: Office) -> None:
    ada = joined(office, ADA)
    for send in (send_login_link, send_reset):
        send(office, VISITOR, HOME, "nobody@example.com", proof_ok=True)
    assert mails(office, "nobody@example.com") == []
    suspend_person(office, me(ada), ada.id)
    send_login_link(office, VISITOR, HOME, ADA, proof_ok=True)
    assert mails(office, ADA) == ["verify"]


def test_a_link_that_was_sent_before_lets_nobody_in_who_is_suspended_since(office: Office) -> None:
    ada = joined(office, ADA)
    text = link(office)
    suspend_person(office, me(ada), ada.id)
    with pytest.raises(Forbidden):
        use_login_link(office, VISITOR, text, HOME)


def test_who_has_not_proved_the_address_is_sent_the_link_that_does(office: Office) -> None:
    sign(office, ADA)
    send_login_link(office, VISITOR, HOME, ADA, proof_ok=True)
    assert mails(office, ADA) == ["verify", "verify"]


def test_ten_mails_an_hour_go_to_one_address_whatever_its_aliases(local: Office, clock: Clock) -> None:
    joined(local, "a.da@gmail.com", visit=AWAY)
    for number, email in enumerate(["a.da@gmail.com", "ad.a+x@googlemail.com", "ada@gmail.com"] * 3):
        send_login_link(local, VISITOR, Visit(f"203.0.113.{number}"), email, proof_ok=True)
    with pytest.raises(RateLimited) as refused:
        send_login_link(local, VISITOR, Visit("203.0.113.99"), "ada+new@gmail.com", proof_ok=True)
    assert refused.value.retry_after_s == 3600
    assert mails(local, "a.da@gmail.com").count("login") == 3
    clock.pass_s(3600)
    send_login_link(local, VISITOR, HOME, "a.da@gmail.com", proof_ok=True)


def test_who_shows_no_work_is_slower(local: Office) -> None:
    for number in range(4):
        send_login_link(local, VISITOR, HOME, f"p{number}@example.com", proof_ok=False)
    with pytest.raises(RateLimited):
        send_login_link(local, VISITOR, HOME, "p4@example.com", proof_ok=False)
    send_login_link(local, VISITOR, HOME, "p4@example.com", proof_ok=True)


def test_a_reset_sets_the_password_ends_all_log_ins_and_logs_nobody_in(office: Office) -> None:
    ada = joined(office, ADA)
    session = open_session(office, ada, HOME, complete=True)
    ask_email_change(office, me(ada), ada.id, "thief@example.com")
    taking = ticket(office, "thief@example.com", "email_change")
    text = reset(office)
    with pytest.raises(BadRequest):
        reset_password(office, VISITOR, text, "short")
    with pytest.raises(BadRequest):
        reset_password(office, VISITOR, text, f"{ADA}{ADA}")
    assert look_at_ticket(office, text) is not None, "a password that does not do uses nothing up"
    assert reset_password(office, VISITOR, text, OTHER).id == ada.id
    assert find_session(office, session) is None
    with pytest.raises(NotFound):
        change_email(office, VISITOR, taking)
    check_password(office, HOME, ADA, OTHER)
    with pytest.raises(Unauthorized):
        check_password(office, HOME, ADA, PASSWORD)
    assert mails(office, ADA)[-1] == "password_changed"
    assert query(office, "SELECT COUNT(*) FROM web_sessions") == [(0,)]


def test_a_reset_ends_in_an_hour_and_five_a_day_are_enough(local: Office, clock: Clock) -> None:
    joined(local, ADA)
    text = reset(local)
    clock.pass_s(3600)
    with pytest.raises(NotFound):
        reset_password(local, VISITOR, text, OTHER)
    for _ in range(4):
        reset(local)
    with pytest.raises(RateLimited) as refused:
        reset(local)
    assert refused.value.retry_after_s == 86_400 - 3600


def test_another_address_is_proved_before_it_counts_and_the_old_one_is_told(office: Office) -> None:
    ada = joined(office, ADA)
    ask_email_change(office, me(ada), ada.id, "Ada@Example.org")
    assert person(office, ADA).id == ada.id
    text = ticket(office, "Ada@example.org", "email_change")
    assert change_email(office, VISITOR, text).email == "Ada@example.org"
    assert mails(office, ADA) == ["verify", "email_changed"]
    check_password(office, HOME, NEW, PASSWORD)
    with pytest.raises(Unauthorized):
        check_password(office, HOME, ADA, PASSWORD)
    with pytest.raises(NotFound):
        change_email(office, VISITOR, text)


def test_links_to_the_old_address_end_with_it(office: Office) -> None:
    ada = joined(office, ADA)
    old = reset(office)
    ask_email_change(office, me(ada), ada.id, NEW)
    change_email(office, VISITOR, ticket(office, NEW, "email_change"))
    with pytest.raises(NotFound):
        reset_password(office, VISITOR, old, OTHER)


def test_nobody_learns_whether_an_address_is_taken(office: Office) -> None:
    ada = joined(office, ADA)
    joined(office, NEW, visit=AWAY)
    ask_email_change(office, me(ada), ada.id, NEW)
    assert mails(office, NEW) == ["verify"]
    with pytest.raises(BadRequest) as refused:
        ask_email_change(office, me(ada), ada.id, "ADA@example.com")
    assert refused.value.code == "same_email"


def test_an_address_that_was_taken_meanwhile_stays_its_owner_s(office: Office) -> None:
    ada = joined(office, ADA)
    ask_email_change(office, me(ada), ada.id, NEW)
    text = ticket(office, NEW, "email_change")
    joined(office, NEW, visit=AWAY)
    with pytest.raises(Conflict) as refused:
        change_email(office, VISITOR, text)
    assert (refused.value.code, person(office, ADA).id) == ("email_taken", ada.id)


def test_two_changes_a_day_are_enough_and_only_of_an_address_that_was_proved(local: Office) -> None:
    sign(local, ADA)
    with pytest.raises(Forbidden) as unproved:
        ask_email_change(local, VISITOR, person(local, ADA).id, NEW)
    assert unproved.value.code == "not_verified"
    eve = joined(local, "eve@example.com", visit=AWAY)
    for number in range(2):
        ask_email_change(local, me(eve), eve.id, f"eve{number}@example.org")
    with pytest.raises(RateLimited):
        ask_email_change(local, me(eve), eve.id, "eve9@example.org")


def test_a_step_link_is_for_whoever_is_logged_in(office: Office) -> None:
    ada, eve = joined(office, ADA), joined(office, "eve@example.com", visit=AWAY)
    send_step_link(office, me(ada), HOME, ada.id)
    text = ticket(office, ADA, "step")
    with pytest.raises(NotFound):
        use_step_link(office, me(eve), text, eve.id)
    with pytest.raises(NotFound):
        use_login_link(office, VISITOR, text, HOME)
    use_step_link(office, me(ada), text, ada.id)
    with pytest.raises(NotFound):
        use_step_link(office, me(ada), text, ada.id)


def test_a_changed_password_ends_links_that_were_sent_before(office: Office) -> None:
    ada = joined(office, ADA)
    login, old = link(office), reset(office)
    set_password(office, me(ada), ada.id, OTHER)
    for use in (
        lambda: use_login_link(office, VISITOR, login, HOME),
        lambda: reset_password(office, VISITOR, old, OTHER),
    ):
        with pytest.raises(NotFound):
            use()
