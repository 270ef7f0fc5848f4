"""Second factors: an app's codes once each, recovery codes once each, limits over all methods, sealed secrets."""

from __future__ import annotations

import logging

import pyotp
import pytest
from people_kit import HOME, VISITOR, App, Clock, Made, at_once, joined, me, person, query, sign

from router.errors import BadRequest, Forbidden, NotFound, RateLimited, Unauthorized, Unavailable
from router.office.office import Office
from router.office.people.events import list_events
from router.office.people.factors import (
    begin_totp,
    check_second_factor,
    confirm_totp,
    has_second_factor,
    list_factors,
    new_recovery_codes,
    recovery_codes_left,
    remove_factor,
)
from router.office.people.login import set_password
from router.office.people.records import Visit
from router.office.people.sessions import find_session, open_session

ADA = "ada@example.com"


def wrong(app: App) -> str:
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in map(app.code, (-1, 0, 1)))


def test_an_app_counts_once_a_code_confirms_it(office: Office, clock: Clock) -> None:
    ada = joined(office, ADA)
    start = begin_totp(office, me(ada), ada.id)
    assert start.uri.startswith("otpauth://totp/") and f"secret={start.secret}" in start.uri
    assert "ada%40example.com" in start.uri
    assert not has_second_factor(office, ada.id) and list_factors(office, ada.id) == []
    with pytest.raises(BadRequest) as refused:
        confirm_totp(office, me(ada), ada.id, "12345")
    assert refused.value.code == "wrong_code"
    codes = confirm_totp(office, me(ada), ada.id, pyotp.TOTP(start.secret).at(int(clock.at)))
    assert len(set(codes)) == 10 == recovery_codes_left(office, ada.id)
    assert [one.kind for one in list_factors(office, ada.id)] == ["totp"] and has_second_factor(office, ada.id)
    text = open_session(office, ada, HOME, complete=False)
    found = find_session(office, text)
    assert found is not None and found.second_factor and not found.complete


def test_secrets_are_sealed_and_recovery_codes_hashed(office: Office, clock: Clock) -> None:
    app = App(office, clock, joined(office, ADA))
    kept = [secret for (secret,) in query(office, "SELECT secret FROM factors")]
    assert not any(app.secret in secret or code in secret for secret in kept for code in app.recovery)
    assert query(office, "SELECT COUNT(*) FROM audit WHERE detail LIKE ?", f"%{app.secret}%") == [(0,)]


def test_a_code_is_used_once_and_so_are_those_before_it(office: Office, clock: Clock) -> None:
    ada = joined(office, ADA)
    app = App(office, clock, ada)
    with pytest.raises(Unauthorized) as refused:
        check_second_factor(office, ada, app.code())
    assert refused.value.code == "wrong_code", "it has confirmed the app"
    clock.pass_s(90)
    assert check_second_factor(office, ada, f" {app.code()[:3]} {app.code()[3:]}") == "totp"
    for steps in (0, -1):
        with pytest.raises(Unauthorized):
            check_second_factor(office, ada, app.code(steps))
    clock.pass_s(30)
    check_second_factor(office, ada, app.code(1))


def test_clocks_may_differ_by_a_step_and_no_more(office: Office, clock: Clock) -> None:
    ada = joined(office, ADA)
    app = App(office, clock, ada)
    clock.pass_s(300)
    for steps in (-2, 2):
        with pytest.raises(Unauthorized):
            check_second_factor(office, ada, app.code(steps))
    check_second_factor(office, ada, app.code(-1))
    check_second_factor(office, ada, app.code(1))


def test_of_two_uses_of_one_code_at_once_one_is_right(opened: Made, clock: Clock) -> None:
    ours, theirs = opened(), opened()
    ada = joined(ours, ADA)
    app = App(ours, clock, ada)
    for code in app.recovery[:3]:
        clock.pass_s(300)
        for text in (app.code(), code):
            done = at_once(
                lambda: check_second_factor(ours, ada, text),  # noqa: B023
                lambda: check_second_factor(theirs, ada, text),  # noqa: B023
            )
            assert sorted(type(one).__name__ for one in done) == ["Unauthorized", "str"]


def test_a_recovery_code_works_once_and_its_owner_sees_it(office: Office, clock: Clock) -> None:
    ada = joined(office, ADA)
    app = App(office, clock, ada)
    assert check_second_factor(office, ada, app.recovery[3].upper().replace("-", " "), HOME) == "recovery"
    with pytest.raises(Unauthorized):
        check_second_factor(office, ada, app.recovery[3])
    assert recovery_codes_left(office, ada.id) == 9
    assert [one.address for one in list_events(office, ada.id) if one.kind == "recovery_code_used"] == [HOME.address]
    fresh = new_recovery_codes(office, me(ada), ada.id)
    with pytest.raises(Unauthorized):
        check_second_factor(office, ada, app.recovery[0])
    assert check_second_factor(office, ada, fresh[0]) == "recovery"


def test_a_code_is_one_s_own(office: Office, clock: Clock) -> None:
    ada, eve = joined(office, ADA), joined(office, "eve@example.com", visit=Visit("198.51.100.1"))
    app = App(office, clock, ada)
    App(office, clock, eve)
    for code in (app.code(1), app.recovery[0]):
        with pytest.raises(Unauthorized):
            check_second_factor(office, eve, code)


def test_guesses_are_counted_over_all_methods(office: Office, clock: Clock) -> None:
    ada = joined(office, ADA)
    app = App(office, clock, ada)
    clock.pass_s(300)
    for number, code in enumerate([wrong(app), "aaaa-bbbb-cccc-dddd", wrong(app), "x", "\udc80"]):
        with pytest.raises(Unauthorized):
            check_second_factor(office, ada, code, Visit(f"203.0.113.{number}"))
    with pytest.raises(RateLimited) as refused:
        check_second_factor(office, ada, app.code(), HOME)
    assert refused.value.retry_after_s == 300
    assert check_second_factor(office, ada, app.code(), HOME, again=True) == "totp", "whoever is logged in already"
    clock.pass_s(300)
    check_second_factor(office, ada, app.code(), HOME)
    failed = [one.address for one in list_events(office, ada.id) if one.kind == "factor_failed"]
    assert failed == ["203.0.113.0"], "who knows the password and guesses codes is told of"


def test_right_codes_are_no_guesses(local: Office, clock: Clock) -> None:
    ada = joined(local, ADA)
    app = App(local, clock, ada)
    for _ in range(8):
        clock.pass_s(30)
        check_second_factor(local, ada, app.code(), HOME)


def test_twenty_guesses_an_hour_and_fifty_a_day_are_enough(local: Office, clock: Clock) -> None:
    ada, began = joined(local, ADA), clock.at
    App(local, clock, ada)
    tried = 0
    while clock.at - began < 86_400:
        try:
            check_second_factor(local, ada, "x", Visit(f"203.0.{tried}.1"))
        except Unauthorized:
            tried += 1
        except RateLimited as refused:
            assert refused.retry_after_s is not None
            clock.pass_s(refused.retry_after_s)
    assert tried <= 51
    assert tried >= 50


def test_the_last_factor_takes_the_recovery_codes_with_it(office: Office, clock: Clock) -> None:
    ada, eve = joined(office, ADA), joined(office, "eve@example.com", visit=Visit("198.51.100.1"))
    App(office, clock, ada)
    [factor] = list_factors(office, ada.id)
    with pytest.raises(NotFound):
        remove_factor(office, me(eve), eve.id, factor.id)
    remove_factor(office, me(ada), ada.id, factor.id)
    assert not has_second_factor(office, ada.id) and recovery_codes_left(office, ada.id) == 0
    with pytest.raises(BadRequest):
        new_recovery_codes(office, me(ada), ada.id)


def test_another_app_takes_the_place_of_the_first(office: Office, clock: Clock) -> None:
    ada = joined(office, ADA)
    first = App(office, clock, ada)
    clock.pass_s(60)
    abandoned = begin_totp(office, me(ada), ada.id)
    second = App(office, clock, ada)
    clock.pass_s(60)
    assert abandoned.secret != second.secret
    assert len(list_factors(office, ada.id)) == 1 and recovery_codes_left(office, ada.id) == 10
    with pytest.raises(Unauthorized):
        check_second_factor(office, ada, first.code())
    check_second_factor(office, ada, second.code())


def test_whoever_has_not_proved_the_address_adds_no_factor(local: Office) -> None:
    sign(local, ADA)
    with pytest.raises(Forbidden) as refused:
        begin_totp(local, VISITOR, person(local, ADA).id)
    assert refused.value.code == "not_verified"


def test_a_shorter_password_does_beside_a_second_factor(local: Office, clock: Clock) -> None:
    ada = joined(local, ADA)
    with pytest.raises(BadRequest):
        set_password(local, me(ada), ada.id, "zebra lamp")
    App(local, clock, ada)
    set_password(local, me(ada), ada.id, "zebra lamp")
    with pytest.raises(BadRequest):
        set_password(local, me(ada), ada.id, "zebra l")


def test_without_a_master_key_the_operator_is_told_in_the_log(
    opened: Made, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    office = opened(environ={})
    ada = joined(office, ADA)
    with caplog.at_level(logging.ERROR), pytest.raises(Unavailable) as refused:
        begin_totp(office, me(ada), ada.id)
    assert refused.value.code == "second_factor_unavailable" and "ROUTER" not in refused.value.message
    assert "set the environment variable ROUTER_MASTER_KEY" in caplog.text


def test_under_another_master_key_recovery_codes_still_work(
    opened: Made, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    office = opened()
    ada = joined(office, ADA)
    app = App(office, clock, ada)
    clock.pass_s(60)
    other = opened(environ={"ROUTER_MASTER_KEY": "n" * 44})
    with caplog.at_level(logging.ERROR), pytest.raises(Unavailable):
        check_second_factor(other, ada, app.code())
    assert "is not the master key" in caplog.text
    assert check_second_factor(other, ada, app.recovery[0]) == "recovery"
