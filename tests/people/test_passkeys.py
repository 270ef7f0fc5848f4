"""Passkeys: added, asked for, used up; and every answer that is not right."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from people_kit import AWAY, HOME, App, Clock, at_once, joined, me, query, sign
from soft_authenticator import SoftAuthenticator

from router.errors import BadRequest, Conflict, Forbidden, RateLimited, RouterError, Unauthorized
from router.office.office import Office
from router.office.people import passkeys
from router.office.people.events import list_events
from router.office.people.factors import check_second_factor, has_second_factor, list_factors, remove_factor
from router.office.people.passkeys import (
    PASSKEYS_MAX,
    PasskeySite,
    add_passkey,
    check_passkey,
    has_passkey,
    new_passkey_options,
    passkey_log_in,
    passkey_options,
    passkey_site,
)
from router.office.people.people import suspend_person
from router.office.people.records import Person

pytestmark = pytest.mark.slow

ADA, EVE = "ada@example.com", "eve@example.com"
ORIGIN = "https://portal.example.com"
SITE = PasskeySite("portal.example.com", ORIGIN, "NexGate")
SESSION = "sess_one"


def device(office: Office, whom: Person, **options: Any) -> SoftAuthenticator:
    one = SoftAuthenticator(ORIGIN, **options)
    add_passkey(office, me(whom), SITE, whom.id, one.make(new_passkey_options(office, SITE, whom.id)), "phone")
    return one


def refused(code: str, act: Callable[[], object]) -> RouterError:
    with pytest.raises(RouterError) as refusal:
        act()
    assert refusal.value.code == code, refusal.value
    return refusal.value


def test_sites_that_browsers_keep_passkeys_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert passkey_site(ORIGIN, "NexGate") == SITE
    assert passkey_site("http://localhost:8100", "x") == PasskeySite("localhost", "http://localhost:8100", "x")
    for origin in ("", "http://portal.example.com", "https://192.0.2.1", "https://[2001:db8::1]", "http://127.0.0.1:1"):
        assert passkey_site(origin, "x") is None, origin
    monkeypatch.setattr(passkeys, "_installed", lambda: False)
    assert passkey_site(ORIGIN, "x") is None


def test_a_passkey_is_a_second_factor(office: Office) -> None:
    ada = joined(office, ADA)
    assert not has_passkey(office, ada.id)
    phone = device(office, ada)
    assert [(one.kind, one.name) for one in list_factors(office, ada.id)] == [("passkey", "phone")]
    assert has_passkey(office, ada.id) and has_second_factor(office, ada.id)
    answer = phone.sign(passkey_options(office, SITE, ada.id, SESSION))
    check_passkey(office, SITE, ada, SESSION, answer, HOME)
    refused("wrong_passkey", lambda: check_passkey(office, SITE, ada, SESSION, answer, HOME))
    kinds = [one.kind for one in list_events(office, ada.id)]
    assert kinds.count("factor_added") == 1 and kinds.count("factor_failed") == 1
    remove_factor(office, me(ada), ada.id, list_factors(office, ada.id)[0].id)
    asked = passkey_options(office, SITE, ada.id, SESSION)
    refused("wrong_passkey", lambda: check_passkey(office, SITE, ada, SESSION, phone.sign(asked), HOME))


def test_of_one_answer_shown_many_times_one_counts(office: Office) -> None:
    ada = joined(office, ADA)
    phone = device(office, ada)
    answer = phone.sign(passkey_options(office, SITE, ada.id, SESSION))

    def show() -> bool:
        try:
            check_passkey(office, SITE, ada, SESSION, answer, HOME)
        except (Unauthorized, RateLimited):
            return False
        return True

    assert sum(at_once(*[show] * 4)) == 1


def test_whoever_holds_a_device_that_checks_them_logs_in_by_it_alone(office: Office) -> None:
    ada = joined(office, ADA)
    phone = device(office, ada)
    assert json.loads(passkey_options(office, SITE))["userVerification"] == "required"
    assert passkey_log_in(office, SITE, phone.sign(passkey_options(office, SITE)), HOME).id == ada.id
    phone.verifies = False
    asked = passkey_options(office, SITE)
    refused("wrong_passkey", lambda: passkey_log_in(office, SITE, phone.sign(asked), HOME))
    check_passkey(office, SITE, ada, SESSION, phone.sign(passkey_options(office, SITE, ada.id, SESSION)), HOME)
    phone.verifies = True
    suspend_person(office, me(ada), ada.id)
    asked = passkey_options(office, SITE)
    refused("person_suspended", lambda: passkey_log_in(office, SITE, phone.sign(asked), HOME))


def test_answers_are_for_one_person_one_log_in_and_one_site(office: Office, clock: Clock) -> None:
    ada, eve = joined(office, ADA), joined(office, EVE)
    phone, hers = device(office, ada), device(office, eve)

    def asked(whom: Person = ada, subject: str = SESSION) -> str:
        return passkey_options(office, SITE, whom.id, subject)

    def check(answer: str, code: str = "wrong_passkey") -> None:
        clock.pass_s(301)  # so that the limit of tries is not met
        refused(code, lambda: check_passkey(office, SITE, ada, SESSION, answer, HOME))

    check(hers.sign(asked()))
    check(phone.sign(asked(eve)))
    check(phone.sign(asked(subject="sess_two")))
    check(phone.sign(passkey_options(office, SITE)))
    check(phone.sign(asked(), origin="https://portal.example.com.evil.example"))
    check(phone.sign(asked(), type="webauthn.create"))
    check(phone.sign(asked(), challenge="AAAA"))
    check(phone.sign(json.dumps(json.loads(asked()) | {"rpId": "evil.example"})))
    refused("wrong_passkey", lambda: passkey_log_in(office, SITE, phone.sign(asked()), HOME))
    late = phone.sign(asked())
    clock.pass_s(301)
    check(late)


def test_a_copy_of_a_counting_passkey_is_seen(office: Office) -> None:
    ada = joined(office, ADA)
    phone = device(office, ada, counter=5)
    check_passkey(office, SITE, ada, SESSION, phone.sign(passkey_options(office, SITE, ada.id, SESSION)), HOME)
    phone.counter = 5
    asked = passkey_options(office, SITE, ada.id, SESSION)
    refused("wrong_passkey", lambda: check_passkey(office, SITE, ada, SESSION, phone.sign(asked), HOME))


@pytest.mark.parametrize(
    "answer",
    [
        *(
            "",
            "{}",
            "[]",
            "null",
            "x",
            "1e999",
            '{"response": {"clientDataJSON": "e30"}}',
            '{"response": 7}',
            "9" * 20_000,
        ),
        *("9" * 20_000, "[" * 15_000, '{"id": "a", "response": {"clientDataJSON": "' + "A" * 15_000 + '"}}'),
    ],
)
def test_junk_is_refused_in_words(office: Office, answer: str) -> None:
    ada = joined(office, ADA)
    refused("wrong_passkey", lambda: check_passkey(office, SITE, ada, SESSION, answer, HOME))
    refused("wrong_passkey", lambda: passkey_log_in(office, SITE, answer, HOME))
    refused("wrong_passkey", lambda: add_passkey(office, me(ada), SITE, ada.id, answer))


def test_an_answer_with_odd_parts_is_refused(office: Office) -> None:
    ada = joined(office, ADA)
    phone = device(office, ada)
    for number, part in enumerate(("clientDataJSON", "authenticatorData", "signature")):
        for value in ("", "AAAA", 7, None, "\ud800"):
            given = json.loads(phone.sign(passkey_options(office, SITE)))
            given["response"][part] = value
            here = HOME if number else AWAY
            with pytest.raises((Unauthorized, RateLimited)):
                passkey_log_in(office, SITE, json.dumps(given), here)


@pytest.mark.parametrize("name", ["\0", "a\0b", "\ud800", "", None, 7, ["a"]])
def test_an_answer_of_an_odd_name_is_refused(office: Office, name: object) -> None:
    phone = SoftAuthenticator(ORIGIN)
    given = json.loads(phone.sign(passkey_options(office, SITE)))
    refused("wrong_passkey", lambda: passkey_log_in(office, SITE, json.dumps(given | {"id": name}), HOME))


@pytest.mark.parametrize("public", [[], [1, 2, 3, 4], "x", 5, {}, {1: 9}, {1: [], 3: []}, b"\x04"])
def test_a_new_passkey_of_an_odd_key_is_refused(office: Office, public: object) -> None:
    ada = joined(office, ADA)
    phone = SoftAuthenticator(ORIGIN, public=public)
    answer = phone.make(new_passkey_options(office, SITE, ada.id))
    refused("wrong_passkey", lambda: add_passkey(office, me(ada), SITE, ada.id, answer))


def test_one_passkey_is_one_persons_and_ten_are_enough(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, eve = joined(office, ADA), joined(office, EVE)
    phone = device(office, ada)
    made = phone.make(new_passkey_options(office, SITE, eve.id))
    with pytest.raises(Conflict):
        add_passkey(office, me(eve), SITE, eve.id, made)
    once = SoftAuthenticator(ORIGIN).make(new_passkey_options(office, SITE, eve.id))
    with pytest.raises(BadRequest):
        add_passkey(office, me(ada), SITE, ada.id, once)
    for _ in range(PASSKEYS_MAX - 1):
        device(office, ada)
    refused("too_many_passkeys", lambda: new_passkey_options(office, SITE, ada.id))
    assert query(office, "SELECT COUNT(*) FROM factors WHERE kind = 'passkey'") == [(PASSKEYS_MAX,)]


def test_wrong_passkeys_and_wrong_codes_are_counted_together(office: Office, clock: Clock) -> None:
    ada = joined(office, ADA)
    app = App(office, clock, ada)
    for _ in range(5):
        refused("wrong_passkey", lambda: check_passkey(office, SITE, ada, SESSION, "{}", HOME))
    clock.pass_s(60)
    refused("too_many_attempts", lambda: check_second_factor(office, ada, app.code(), AWAY))


def test_who_has_not_proved_their_address_adds_none(office: Office) -> None:
    sign(office, ADA)
    found = query(office, "SELECT id FROM people")[0][0]
    with pytest.raises(Forbidden):
        new_passkey_options(office, SITE, found)
