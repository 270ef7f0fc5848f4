"""People are told once of what concerns them: in their portal and by mail, as they want it and as their role allows."""

from __future__ import annotations

import pytest
from mail_kit import ADA, MovedClock, add_person, outbox, told

from router.db.transaction import Transaction
from router.errors import BadRequest, ModelNotFound
from router.ledger.transfers import grant
from router.money.amounts import parse_nano
from router.office.accounts import create_account
from router.office.actor import Actor
from router.office.audit import list_audit
from router.office.credits import adjust_credit, grant_credit
from router.office.keys import create_key, revoke_key
from router.office.office import Office
from router.office.people.notices import (
    TYPES,
    list_notice_settings,
    list_notices,
    mark_read,
    notify_members,
    notify_person,
    set_notice_setting,
    unread_notices,
)
from router.office.people.watching import announce_retirement, announce_trouble, tell_what_is_due, tidy_notices

pytestmark = pytest.mark.slow

DAY = 86_400.0
MAILED = [name for name, kind in TYPES.items() if kind.mail]


@pytest.fixture
def account(office: Office) -> str:
    return create_account(office, ADA, "Acme").id


def give(office: Office, account: str, amount: str) -> None:
    """Without a word to anybody."""
    grant(office.database, account, parse_nano(amount), reason="test")


def spend(office: Office, account: str, amount: str) -> None:
    assert isinstance(office.clock, MovedClock)
    office.clock.move(1)
    adjust_credit(office, ADA, account, -parse_nano(amount), reason="test")


def want(
    office: Office, person: str, type: str = "low_balance", *, in_app: bool = True, mail: bool = True, **more: int
) -> None:
    set_notice_setting(office, Actor("person", person), person, type, in_app=in_app, mail=mail, **more)


def test_a_low_balance_is_told_once_until_it_has_risen_and_fallen_again(office: Office, account: str) -> None:
    ann = add_person(office, account)
    want(office, ann, threshold_nano=parse_nano("5"))
    give(office, account, "10")
    assert tell_what_is_due(office) == 0
    spend(office, account, "6")
    assert tell_what_is_due(office) == 1
    spend(office, account, "1")
    assert tell_what_is_due(office) == 0
    give(office, account, "1.5")  # not above the threshold
    spend(office, account, "1")
    assert tell_what_is_due(office) == 0
    give(office, account, "20")
    assert tell_what_is_due(office) == 0
    spend(office, account, "20")
    assert tell_what_is_due(office) == 1
    assert told(office, ann) == ["Low balance: $3.50 left", "Low balance: $4.00 left"]
    assert [row["subject"] for row in outbox(office)] == ["Low balance: $4.00 left", "Low balance: $3.50 left"]
    assert "Acme has $3.50 left, which is less than $5.00." in outbox(office)[1]["text"]


def test_a_rise_between_two_looks_counts(office: Office, account: str) -> None:
    ann = add_person(office, account)
    give(office, account, "2")
    spend(office, account, "1.5")
    assert tell_what_is_due(office) == 1
    give(office, account, "2")
    spend(office, account, "2")
    assert tell_what_is_due(office) == 1
    assert len(told(office, ann)) == 2


def test_an_account_that_never_had_anything_has_no_low_balance(office: Office, account: str) -> None:
    add_person(office, account)
    assert tell_what_is_due(office) == 0


@pytest.mark.parametrize(
    ("wanted", "notices", "mails"),
    [
        ({"in_app": True, "mail": True}, 1, 1),
        ({"in_app": True, "mail": False}, 1, 0),
        ({"in_app": False, "mail": True}, 0, 1),
        ({"in_app": False, "mail": False}, 0, 0),
        ({"threshold_nano": 0}, 0, 0),
    ],
)
def test_it_is_told_as_they_want_it(
    office: Office, account: str, wanted: dict[str, int], notices: int, mails: int
) -> None:
    ann = add_person(office, account)
    want(office, ann, **wanted)  # type: ignore[arg-type]
    give(office, account, "2")
    spend(office, account, "1.5")
    assert tell_what_is_due(office) == min(1, notices + mails)
    assert tell_what_is_due(office) == 0
    assert (len(told(office, ann)), unread_notices(office, ann), len(outbox(office))) == (notices, notices, mails)


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("owner", ["You were given $1.00", "Low balance: $0.50 left"]),
        ("developer", ["Low balance: $0.50 left"]),
        ("viewer", []),
    ],
)
def test_roles_are_told_what_they_may_know(office: Office, account: str, role: str, expected: list[str]) -> None:
    ann = add_person(office, account, role)
    give(office, account, "2")
    spend(office, account, "1.5")
    tell_what_is_due(office)
    values = {"amount_nano": str(10**9), "balance_nano": str(10**9)}
    office.database.write(
        lambda connection: notify_members(
            Transaction(connection, ""), office, account, "credit_given", "sign_1", "", values
        )
    )
    assert sorted(told(office, ann)) == sorted(expected)


@pytest.mark.parametrize("more", [{"status": "suspended"}, {"status": "closed"}])
def test_who_cannot_log_in_is_told_nothing(office: Office, account: str, more: dict[str, str]) -> None:
    add_person(office, account, **more)
    give(office, account, "2")
    spend(office, account, "1.5")
    assert tell_what_is_due(office) == 0
    assert outbox(office) == []


def test_an_address_that_was_not_proved_gets_no_mail(office: Office, account: str) -> None:
    ann = add_person(office, account, verified_at=None)
    give(office, account, "2")
    spend(office, account, "1.5")
    assert tell_what_is_due(office) == 1
    assert (len(told(office, ann)), outbox(office)) == (1, [])


def test_who_has_left_sees_nothing_of_the_workspace_any_more(office: Office, account: str) -> None:
    ann = add_person(office, account)
    give(office, account, "2")
    spend(office, account, "1.5")
    tell_what_is_due(office)
    office.database.write(lambda connection: connection.execute("DELETE FROM members"))
    assert told(office, ann) == [] and unread_notices(office, ann) == 0


def test_each_is_told_in_their_language_and_zone(office: Office, account: str, clock: MovedClock) -> None:
    people = [add_person(office, account, name=code, locale=code, zone="Asia/Ashgabat") for code in ("en", "ru", "tk")]
    midnight = clock.now // DAY * DAY
    create_key(office, ADA, account, "backend", expires_at=midnight + 8 * DAY + 21 * 3600)
    clock.move(2 * DAY)
    assert tell_what_is_due(office) == 3
    texts = {row["person_id"]: row["text"] for row in outbox(office)}
    assert len({" ".join(text.split()) for text in texts.values()}) == 3
    assert all("02:00:00 (Asia/Ashgabat)" in " ".join(texts[person].split()) for person in people)
    (notice,) = list_notices(office, people[0], language="en", zone="Asia/Tokyo")
    assert "06:00:00 (Asia/Tokyo)" in notice.text and notice.path == "/app/keys"


def test_a_key_that_expires_within_a_week_is_told_once(office: Office, account: str, clock: MovedClock) -> None:
    ann = add_person(office, account)
    create_key(office, ADA, account, "short", expires_at=clock.now + 3 * DAY)  # made to end soon
    create_key(office, ADA, account, "long", expires_at=clock.now + 30 * DAY)
    gone = create_key(office, ADA, account, "gone", expires_at=clock.now + 30 * DAY)
    revoke_key(office, ADA, gone.row.id)
    assert tell_what_is_due(office) == 0
    clock.move(23 * DAY + 1)
    assert tell_what_is_due(office) == 1
    assert tell_what_is_due(office) == 0
    assert told(office, ann) == ["The key long expires soon"]
    clock.move(8 * DAY)
    assert tell_what_is_due(office) == 0


def test_credit_that_an_operator_gives_is_told_to_owners(office: Office, account: str) -> None:
    ann, bob = add_person(office, account), add_person(office, account, "developer", name="bob")
    grant_credit(office, ADA, account, parse_nano("12.5"), reason="paid at the bank", reference="bank-1")
    assert (told(office, ann), told(office, bob)) == (["$12.50 arrived"], [])
    assert "The balance is $12.50 now." in " ".join(outbox(office)[0]["text"].split())


def test_notices_are_read_and_counted(office: Office, clock: MovedClock) -> None:
    ann, bob = add_person(office), add_person(office, name="bob")

    def tell(person: str, subject: str) -> bool:
        values = {"at": str(clock.now), "address": "192.0.2.9", "agent": "Firefox"}
        return office.database.write(
            lambda connection: notify_person(
                Transaction(connection, ""), office, person, "new_device", subject, "", values
            )
        )

    for number in range(5):
        assert tell(ann, f"sess_{number}")
        clock.move(1)
    assert not tell(ann, "sess_1")
    assert tell(bob, "sess_1")
    first = list_notices(office, ann, language="en", limit=3)
    rest = list_notices(office, ann, language="en", limit=3, before=first[-1].id)
    assert (len(first), len(rest), unread_notices(office, ann)) == (3, 2, 5)
    mark_read(office, ann, [first[0].id, "noti_none"])
    mark_read(office, bob, [first[1].id])  # not theirs
    mark_read(office, ann, [])
    assert (unread_notices(office, ann), unread_notices(office, bob)) == (4, 1)
    assert list_notices(office, ann, language="en")[0].read_at == clock.now
    mark_read(office, ann)
    assert (unread_notices(office, ann), unread_notices(office, bob)) == (0, 1)


def test_settings_are_kept_and_audited(office: Office) -> None:
    ann = add_person(office)
    before = {one.type: one for one in list_notice_settings(office, ann)}
    assert [name for name, one in before.items() if one.mail] == MAILED
    assert before["low_balance"].threshold_nano == parse_nano("1")
    want(office, ann, mail=False, threshold_nano=parse_nano("2.5"))
    want(office, ann, mail=False)  # the threshold stays, and nothing was changed
    after = {one.type: one for one in list_notice_settings(office, ann)}["low_balance"]
    assert (after.in_app, after.mail, after.threshold_nano) == (True, False, parse_nano("2.5"))
    entries = list_audit(office, action="notices")
    assert [(one.actor, one.subject, one.detail["threshold"]) for one in entries] == [(ann, ann, "2.5")]


@pytest.mark.parametrize(
    ("type", "more", "words"),
    [
        ("none", {}, "There is no kind of notice"),
        ("new_device", {"mail": False}, "cannot be turned off"),
        ("budget", {"threshold_nano": 5}, "of low balances alone"),
        ("low_balance", {"threshold_nano": -1}, "from 0 to 1000000000"),
        ("low_balance", {"threshold_nano": 10**18 + 1}, "from 0 to 1000000000"),
    ],
)
def test_settings_that_are_none_are_refused(office: Office, type: str, more: dict[str, int], words: str) -> None:
    ann = add_person(office)
    with pytest.raises(BadRequest, match=words):
        want(office, ann, type, **more)  # type: ignore[arg-type]
    assert list_audit(office, action="notices") == []


def test_old_notices_are_forgotten_but_for_those_that_would_be_told_again(
    office: Office, account: str, clock: MovedClock
) -> None:
    ann = add_person(office, account)
    give(office, account, "2")
    spend(office, account, "1.5")
    create_key(office, ADA, account, "backend", expires_at=clock.now + 8 * DAY)
    clock.move(2 * DAY)
    assert tell_what_is_due(office) == 2
    clock.move(181 * DAY)
    tidy_notices(office)
    assert told(office, ann) == ["Low balance: $0.50 left"]
    assert tell_what_is_due(office) == 0


def test_who_used_a_model_is_told_that_it_retires(office: Office, account: str, clock: MovedClock) -> None:
    ann = add_person(office, account)
    add_person(office, create_account(office, ADA, "Other").id, name="bob")
    model = next(one.id for one in office.shelf.snapshot.entries.values() if one.id.startswith("echo/"))
    hour = int(clock.now) // 3600 * 3600 - 5 * 86_400
    columns = "account_id, hour, key_id, model, provider, calls, errors, prompt_tokens, cached_tokens, "
    columns += "completion_tokens, reasoning_tokens, charge_nano, cost_nano, uncosted"
    row = (account, hour, "key_1", model, "echo", 1, 0, 1, 0, 1, 0, 0, 0, 0)
    sql = f"INSERT INTO usage_hours ({columns}) VALUES ({', '.join('?' * len(row))})"
    office.database.write(lambda connection: connection.execute(sql, row))
    assert announce_retirement(office, ADA, model, clock.now + 20 * DAY) == 1
    assert announce_retirement(office, ADA, model, clock.now + 20 * DAY) == 0
    clock.move(1)
    assert announce_trouble(office, ADA, model) == 1
    assert told(office, ann) == [f"The model {model} has trouble", f"The model {model} retires soon"]
    assert told(office, "pers_bob") == []
    with pytest.raises(BadRequest, match="still to come"):
        announce_retirement(office, ADA, model, clock.now)
    with pytest.raises(ModelNotFound):
        announce_trouble(office, ADA, "echo/none")
