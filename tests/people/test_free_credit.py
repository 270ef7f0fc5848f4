"""Free credit: once for an address whatever its aliases, so often a day, and an operator decides where in doubt."""

from __future__ import annotations

import pytest
from people_kit import ADMIN, AWAY, HOME, PASSWORD, VISITOR, Clock, Made, at_once, joined, me, query, sign

from router.charging.key_views import KeyBooks
from router.errors import BadRequest, ConfigError, Conflict, Forbidden, NotFound
from router.http.key_api import user_balance
from router.ledger.balances import balance
from router.ledger.paid.lots import credit_kinds
from router.ledger.paid.postings import post_topup
from router.ledger.verify import verify
from router.office.office import Office
from router.office.people.abuse import (
    add_block,
    canonical,
    count_signups,
    decide_signup,
    list_blocks,
    list_signups,
    list_switches,
    network_of,
    remove_block,
    set_switch,
)
from router.office.people.closing import close_person
from router.office.people.notices import list_notices
from router.office.people.records import Visit
from router.office.people.rules import credit
from router.office.people.signup import sign_up
from router.office.people.tickets import Verified, verify_email
from router.store.people.pepper import pepper
from router.types.dialect import Dialect
from router.types.keys import Key

pytestmark = pytest.mark.slow

FIVE = 5 * 10**9
DAY = 86_400.0


def comes(office: Office, email: str, address: str, *, proof_ok: bool = True) -> Verified:
    """Somebody signs up and proves the address."""
    here = Visit(address)
    return verify_email(office, VISITOR, sign(office, email, visit=here, proof_ok=proof_ok), here)


def verdict(office: Office, done: Verified) -> tuple[str, tuple[str, ...]]:
    [row] = [one for one in list_signups(office, limit=1000) if one.person_id == done.person.id]
    return row.verdict, row.reasons


def sound(office: Office) -> bool:
    return [check.name for check in verify(office.database) if not check.ok] == []


@pytest.mark.parametrize(
    ("email", "same"),
    [
        ("A.B+x@Gmail.com", "ab@gmail.com"),
        ("ab+y@googlemail.com", "ab@gmail.com"),
        ("a.b+x@example.com", "a.b@example.com"),
        ("+x@example.com", "+x@example.com"),
        ("...@gmail.com", "...@gmail.com"),
    ],
)
def test_aliases_are_one_address(email: str, same: str) -> None:
    assert canonical(email) == same


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("nowhere", ""),
    ],
)
def test_networks_are_those_that_one_is_given(address: str, network: str) -> None:
    assert network_of(address) == network


def test_an_address_is_given_credit_once_whatever_its_aliases(office: Office) -> None:
    assert comes(office, "a.b@gmail.com", "192.0.2.1").credit_nano == FIVE
    for number, email in enumerate(["ab@gmail.com", "ab+x@googlemail.com"]):
        again = comes(office, email, f"198.51.{number}.1")
        assert again.credit_nano == 0 and verdict(office, again) == ("refused", ("used_before",))
    assert sound(office)


def test_closing_and_coming_again_gives_no_second_credit(office: Office) -> None:
    first = comes(office, "ada@example.com", "192.0.2.1")
    close_person(office, me(first.person), first.person.id, "ada@example.com")
    again = comes(office, "ada+again@example.com", "198.51.100.1")
    assert verdict(office, again) == ("refused", ("used_before",))
    [row] = list_signups(office, verdict="given")
    assert "ada" not in row.canonical and len(row.canonical) == 64


def test_of_one_address_under_two_names_at_once_one_is_given_credit(opened: Made) -> None:
    ours, theirs = opened(), opened()
    for number in range(4):
        one = sign(ours, f"p{number}@gmail.com", visit=Visit(f"203.0.{number}.1"))
        two = sign(ours, f"p{number}+x@gmail.com", visit=Visit(f"203.1.{number}.1"))
        done = at_once(
            lambda: verify_email(ours, VISITOR, one, HOME),  # noqa: B023
            lambda: verify_email(theirs, VISITOR, two, HOME),  # noqa: B023
        )
        assert sorted(one.credit_nano for one in done) == [0, FIVE]
    assert sound(ours)


def test_three_a_day_from_one_network_the_others_wait(office: Office, clock: Clock) -> None:
    for number in range(3):
        assert comes(office, f"p{number}@example.com", f"192.0.2.{number}").credit_nano == FIVE
    fourth = comes(office, "p3@example.com", "192.0.2.99")
    assert verdict(office, fourth) == ("waits", ("network_limit",))
    assert comes(office, "p4@example.com", "198.51.100.1").credit_nano == FIVE
    clock.pass_s(DAY)
    assert comes(office, "p5@example.com", "192.0.2.100").credit_nano == FIVE


def test_so_many_a_day_in_all_also_at_once(opened: Made) -> None:
    ours, theirs = opened("free_credit_per_day = 2\n"), opened("free_credit_per_day = 2\n")
    texts = [sign(ours, f"p{number}@example.com", visit=Visit(f"203.0.{number}.1")) for number in range(4)]
    calls = [
        lambda node=node, text=text: verify_email(node, VISITOR, text, HOME)
        for text, node in zip(texts, [ours, theirs] * 2, strict=True)
    ]
    assert sorted(one.credit_nano for one in at_once(*calls)) == [0, 0, FIVE, FIVE]
    assert {one.reasons for one in list_signups(ours, verdict="waits")} == {("day_limit",)}


def test_without_work_credit_waits_unless_none_is_asked_for(opened: Made) -> None:
    office = opened()
    waiting = comes(office, "ada@example.com", "192.0.2.1", proof_ok=False)
    assert verdict(office, waiting) == ("waits", ("no_proof",))
    free = opened("proof_of_work = false\n")
    assert comes(free, "eve@example.com", "198.51.100.1", proof_ok=False).credit_nano == FIVE


def test_an_address_of_a_few_minutes_is_an_account_without_credit(local: Office) -> None:
    done = comes(local, "ada@mailinator.com", "192.0.2.1")
    assert verdict(local, done) == ("refused", ("disposable",)) and done.account_id
    below = comes(local, "ada@x.mailinator.com", "192.0.2.1")
    assert verdict(local, below) == ("refused", ("disposable",))


def test_a_client_without_an_address_waits(local: Office) -> None:
    assert verdict(local, comes(local, "ada@example.com", "")) == ("waits", ("network_limit",))


def test_where_it_is_turned_off_all_wait(office: Office) -> None:
    assert [(one.name, one.off) for one in list_switches(office)] == [
        ("signup", False),
        ("free_credit", False),
        ("topup", False),
    ]
    set_switch(office, ADMIN, "free_credit", True, reason="an attack")
    assert verdict(office, comes(office, "ada@example.com", "192.0.2.1")) == ("waits", ("switched_off",))
    set_switch(office, ADMIN, "free_credit", False, reason="over")
    assert comes(office, "eve@example.com", "192.0.2.1").credit_nano == FIVE
    with pytest.raises(NotFound):
        set_switch(office, ADMIN, "light", True, reason="r")
    with pytest.raises(BadRequest):
        set_switch(office, ADMIN, "topup", True, reason=" ")


def test_an_operator_decides_about_those_who_wait(office: Office) -> None:
    done = comes(office, "ada@example.com", "192.0.2.1", proof_ok=False)
    other = comes(office, "eve@example.com", "192.0.2.1", proof_ok=False)
    one, two = (next(row for row in list_signups(office) if row.person_id == who.person.id) for who in (done, other))
    given = decide_signup(office, ADMIN, one.id, True, reason="wrote to us")
    assert (given.verdict, given.credit_nano, given.decided_by) == ("given", FIVE, "Ada")
    assert balance(office.database, done.account_id).balance == FIVE
    [notice] = list_notices(office, done.person.id, language="en")
    assert "$5.00" in notice.text and list_notices(office, other.person.id, language="en") == []
    assert decide_signup(office, ADMIN, two.id, False).verdict == "refused"
    for row in (one, two):
        with pytest.raises(Conflict) as refused:
            decide_signup(office, ADMIN, row.id, True)
        assert refused.value.code == "decided"
    with pytest.raises(NotFound):
        decide_signup(office, ADMIN, "sign_nothing", True)
    assert sound(office)


def test_two_operators_at_once_give_once_and_aliases_that_wait_are_given_once(opened: Made) -> None:
    ours, theirs = opened(), opened()
    for number in range(3):
        comes(ours, f"p{number}@gmail.com", f"203.0.{number}.1", proof_ok=False)
        comes(ours, f"p{number}+x@gmail.com", f"203.1.{number}.1", proof_ok=False)
        one, two = list_signups(ours, verdict="waits")
        done = at_once(
            lambda: decide_signup(ours, ADMIN, one.id, True),  # noqa: B023
            lambda: decide_signup(theirs, ADMIN, one.id, True),  # noqa: B023
        )
        assert [type(one) for one in done].count(Conflict) == 1
        with pytest.raises(Conflict) as refused:
            decide_signup(ours, ADMIN, two.id, True)
        assert refused.value.code == "used_before"
        decide_signup(ours, ADMIN, two.id, False)
    assert sound(ours) and query(ours, "SELECT COUNT(*) FROM transfers") == [(3,)]


def test_a_failure_on_the_way_lets_credit_wait_and_the_sign_up_go_on(
    opened: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = opened()

    def fail(*_: object, **__: object) -> None:
        raise ConfigError("the ledger is not ready")

    with monkeypatch.context() as patch:
        patch.setattr(credit, "post_free", fail)
        done = comes(office, "ada@example.com", "192.0.2.1")
    assert done.person.verified_at is not None and verdict(office, done) == ("waits", ("failed",))
    assert comes(office, "eve@example.com", "192.0.2.1").credit_nano == FIVE
    broken = opened(dialect=_Broken())
    object.__setattr__(broken.settings.portal, "free_credit", "")
    waiting = comes(broken, "max@example.com", "198.51.100.1")
    assert verdict(broken, waiting) == ("waits", ("failed",))
    [row] = [one for one in list_signups(broken) if one.person_id == waiting.person.id]
    with pytest.raises(BadRequest) as refused:
        decide_signup(broken, ADMIN, row.id, True)
    assert refused.value.code == "no_free_credit"
    assert sound(office)


class _Broken(Dialect):
    free_credit = "five"


def test_the_profile_says_how_much_where_the_configuration_does_not(local: Office) -> None:
    class Generous(Dialect):
        free_credit = "2.5"

    for text, dialect, nano in [
        ("", Generous(), 25 * 10**8),
        ("0", Generous(), 0),
        ("", Dialect(), 0),
        ("7", Dialect(), 7 * 10**9),
    ]:
        object.__setattr__(local.settings.portal, "free_credit", text)
        office = Office(local.settings, local.database, dialect=lambda: dialect, providers=dict, shelf=pytest.fail)  # noqa: B023
        assert credit.free_credit_of(office).amount_nano == nano
    from router_plugins.nexgate import plugin

    assert plugin.dialect().free_credit == "5"


def test_where_there_is_none_nobody_waits(opened: Made) -> None:
    office = opened()
    object.__setattr__(office.settings.portal, "free_credit", "0")
    done = comes(office, "ada@example.com", "192.0.2.1")
    assert verdict(office, done) == ("none", ()) and query(office, "SELECT COUNT(*) FROM transfers") == [(0,)]


def test_blocked_addresses_domains_and_networks_cannot_sign_up(office: Office) -> None:
    add_block(office, ADMIN, "domain", "Bad.Example", reason="spam")
    add_block(office, ADMIN, "address", "a.da+1@gmail.com", reason="spam")
    add_block(office, ADMIN, "network", "203.0.113.0/24", reason="spam")
    add_block(office, ADMIN, "network", "2001:db8::1", reason="spam")
    kept = [(one.kind, one.value) for one in list_blocks(office)]
    assert kept == [
        ("address", "ada@gmail.com"),
        ("domain", "bad.example"),
        ("network", "2001:db8::/64"),
        ("network", "203.0.113.0/24"),
    ]
    for email, address in [
        ("eve@bad.example", "192.0.2.1"),
        ("eve@mail.bad.example", "192.0.2.1"),
        ("ad.a@googlemail.com", "192.0.2.1"),
        ("eve@example.com", "203.0.113.200"),
        ("eve@example.com", "2001:db8::ffff"),
    ]:
        with pytest.raises(Forbidden) as refused:
            sign_up(office, VISITOR, Visit(address), email=email, proof_ok=True)
        assert refused.value.code == "signup_refused"
    remove_block(office, ADMIN, "domain", "bad.example")
    sign_up(office, VISITOR, HOME, email="eve@bad.example", proof_ok=True)
    with pytest.raises(NotFound):
        remove_block(office, ADMIN, "domain", "bad.example")
    for kind, value in [
        ("country", "xx"),
        ("network", "10.0.0.0/8"),
        ("network", "x"),
        ("domain", "@"),
        ("address", "x"),
    ]:
        with pytest.raises(BadRequest):
            add_block(office, ADMIN, kind, value, reason="r")


def test_who_was_blocked_after_signing_up_has_no_credit(local: Office) -> None:
    text = sign(local, "ada@example.com")
    add_block(local, ADMIN, "domain", "example.com", reason="spam")
    assert verdict(local, verify_email(local, VISITOR, text, HOME)) == ("refused", ("blocked",))


def test_sign_ups_are_counted_by_domain_and_network(local: Office, clock: Clock) -> None:
    for number in range(3):
        sign(local, f"p{number}@example.com", visit=Visit("192.0.2.1"))
    sign(local, "ada@example.org", visit=AWAY)
    assert list(count_signups(local, "domain", since=clock.at - 1)) == [("example.com", 3), ("example.org", 1)]
    assert list(count_signups(local, "network", since=clock.at - 1)) == [("192.0.2.0/24", 3), ("198.51.100.0/24", 1)]


def test_free_credit_is_spent_first_and_shown_as_granted(office: Office) -> None:
    done = comes(office, "ada@example.com", "192.0.2.1")
    account = done.account_id

    def shown() -> tuple[str, str, str]:
        view = KeyBooks(office.database, "USD", None).credits(Key("key_1", account, "k", "active"))  # type: ignore[arg-type]
        told = user_balance(view)["balance_infos"][0]
        return told["total_balance"], told["granted_balance"], told["topped_up_balance"]

    assert shown() == ("5.00", "5.00", "0.00")
    paid = {"reference": "b-1", "reason": "bank transfer"}
    office.database.write(lambda c: post_topup(c, "manual", account, 10 * 10**9, **paid))
    assert shown() == ("15.00", "5.00", "10.00")

    def spend(nano: int) -> None:
        sql = "UPDATE balances SET debits = debits + ? WHERE account_id = ?"
        office.database.write(lambda c: c.execute(sql, (nano, account)))

    spend(3 * 10**9)
    assert shown() == ("12.00", "2.00", "10.00")
    spend(4 * 10**9)
    assert shown() == ("8.00", "0.00", "8.00")
    assert credit_kinds(office.database, account).granted == 0


def test_credit_behind_the_ledger_s_back_is_found(office: Office) -> None:
    from router.ledger.transfers import post_free

    done = comes(office, "ada@example.com", "192.0.2.1")
    office.database.write(lambda c: post_free(c, done.account_id, FIVE, reference="by hand"))
    [check] = [check for check in verify(office.database) if not check.ok]
    assert check.name == "audit_matches_transfers" and "free:by hand: no entry in the audit log" in str(check)


def test_the_secret_of_hashes_is_made_once(opened: Made) -> None:
    ours, theirs = opened(), opened()
    one, two = at_once(lambda: pepper(ours.database), lambda: pepper(theirs.database))
    assert one == two == pepper(ours.database) and len(one) == 32
    assert query(ours, "SELECT COUNT(*) FROM meta WHERE name LIKE 'pepper:%'") == [(1,)]


def test_whoever_signs_up_again_before_proving_is_one_sign_up(local: Office) -> None:
    sign(local, "ada@example.com")
    joined(local, "ada@example.com", password=PASSWORD)
    assert [one.verdict for one in list_signups(local)] == ["given"]
