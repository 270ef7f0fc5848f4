"""Codes: their letters, and that each is claimed by one account, once, on both engines."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from router_plugins.voucher import Vouchers
from router_plugins.voucher.codes import digest_of, new_code, read_code
from router_plugins.voucher.table import NO_CODE, OVER, USED, Codes

from router import BadRequest, DepositPaid, NotFound, PaymentWatch, PluginContext
from router.app.plugin_contexts import PluginContexts
from router.config.file import Settings
from router.plugin_host.registry import registry_of
from router.store.audit import AuditEntry, list_audit
from router.store.migrating import migrate
from router.store.opening import open_database

pytestmark = pytest.mark.slow

DAY = 86_400.0


class Clock:
    """A time that tests move."""

    def __init__(self) -> None:
        self.now = 1_900_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Iterator[PluginContext]:
    plugin = Vouchers()
    database = open_database(database_url, tmp_path, create=True)
    try:
        migrate(database, {"voucher": list(plugin.storage_migrations())})
        file = Settings(path=tmp_path / "router.toml", environ={})
        yield PluginContexts(file, {"voucher": plugin.settings()()}, lambda: database).of("voucher")
    finally:
        database.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr("time.time", moved)
    monkeypatch.setattr(Codes.__init__, "__defaults__", (moved,))
    return moved


def test_what_an_earlier_version_wrote_of_changes_is_kept(database_url: str, tmp_path: Path) -> None:
    steps = list(Vouchers().storage_migrations())
    line = ("1", 5.0, "olga", "revoked", "vch_1", "leaked")
    with closing(open_database(database_url, tmp_path, create=True)) as database:
        migrate(database, {"voucher": steps[:1]})
        insert = "INSERT INTO voucher_changes VALUES (?, ?, ?, ?, ?, ?)"
        database.write(lambda connection: connection.execute(insert, line))
        migrate(database, {"voucher": steps})
        rows = database.read(lambda connection: connection.rows("SELECT * FROM voucher_changes"))
    assert [tuple(row.values()) for row in rows] == [line]


def hook(context: PluginContext, name: str, **arguments: Any) -> Any:
    function = registry_of(voucher=Vouchers()).hook("voucher", name)
    assert function is not None
    return function(context=context, **arguments)


def audited(context: PluginContext) -> list[AuditEntry]:
    """What stands in the audit log, the newest first."""
    return list_audit(context.database._open())  # type: ignore[attr-defined]


def redeem(context: PluginContext, code: str, account: str = "acct_1") -> DepositPaid:
    found: DepositPaid = hook(context, "payment_redeem", account=account, code=code)
    return found


def made(context: PluginContext, **fields: Any) -> str:
    given: dict[str, Any] = {"amount_nano": 10 * 10**9, "count": 1, "campaign": "spring", "expires_at": None}
    return Codes(context).make("ada", **(given | fields))[0].code


# Letters


def test_codes_differ_and_can_be_read() -> None:
    codes = {new_code() for _ in range(1000)}
    assert len(codes) == 1000 and all(read_code(code) == code.replace("-", "") for code in codes)
    assert {len(code) for code in codes} == {23}


@given(st.integers(0, 19), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_one_wrong_letter_is_noticed(place: int, letter: str) -> None:
    letters = read_code(new_code())
    wrong = letters[:place] + letter + letters[place + 1 :]
    assert read_code(wrong) == (wrong if wrong == letters else "")


@given(st.integers(0, 18))
def test_two_letters_swapped_are_noticed(place: int) -> None:
    letters = read_code(new_code())
    one, two = letters[place], letters[place + 1]
    swapped = letters[:place] + two + one + letters[place + 2 :]
    same = {one, two} in ({"0", "Z"}, {one})
    assert same or read_code(swapped) == ""


@pytest.mark.parametrize("change", [str.lower, lambda code: code.replace("-", " "), lambda code: f"  {code}\t"])
def test_codes_are_read_as_people_type_them(change: Callable[[str], str]) -> None:
    code = new_code()
    assert digest_of(change(code)) == digest_of(code)
    alike = code.replace("0", "o").replace("1", "l")
    assert digest_of(alike) == digest_of(code)


@pytest.mark.parametrize(
    "typed", ["", "-", "AAAAA", "x" * 1_000_000, "ÄÖÜẞ€" * 4, "\x00" * 20, "U" * 20, "\ud800" * 20]
)
def test_what_is_no_code_is_none(context: PluginContext, typed: str) -> None:
    with pytest.raises(BadRequest, match=NO_CODE):
        redeem(context, typed)


# The table


def test_a_code_is_credited_to_whoever_typed_it(context: PluginContext) -> None:
    paid = redeem(context, made(context))
    assert (paid.address, paid.amount, paid.currency, paid.decimals) == ("acct_1", 10 * 10**9, "USD", 9)
    assert paid.reference.startswith("voucher:vch_") and paid.detail["campaign"] == "spring"


def test_a_code_is_used_once(context: PluginContext, clock: Clock) -> None:
    code = made(context)
    first = redeem(context, code)
    assert redeem(context, code) == first, "a click twice"
    with pytest.raises(BadRequest, match=USED):
        redeem(context, code, "acct_2")
    clock.now += 601
    with pytest.raises(BadRequest, match=USED):
        redeem(context, code)


def test_a_code_that_is_over_is_told_as_that(context: PluginContext, clock: Clock) -> None:
    code, revoked = made(context, expires_at=clock.now + DAY), made(context)
    (row,) = [row for row in Codes(context).listed() if row["expires_at"] is None]
    assert Codes(context).revoke("ada", [row["id"]], "", "lost") == [row["id"]]
    clock.now += DAY
    for one in (code, revoked):
        with pytest.raises(BadRequest, match=OVER):
            redeem(context, one)


def test_an_unknown_code_is_no_code(context: PluginContext) -> None:
    with pytest.raises(BadRequest, match=NO_CODE):
        redeem(context, new_code())


def test_no_row_has_the_code(context: PluginContext) -> None:
    code = made(context)
    (row,) = Codes(context).listed()
    kept = repr(row) + repr(audited(context))
    assert code not in kept and code.replace("-", "") not in kept and row["digest"] == digest_of(code)


def test_of_many_at_once_one_has_it(context: PluginContext) -> None:
    code, got = made(context), []

    def try_it(account: str) -> None:
        try:
            got.append(redeem(context, code, account).address)
        except BadRequest as error:
            got.append(error.message)

    threads = [threading.Thread(target=try_it, args=(f"acct_{number}",)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got).count(USED) == 11 and len({one for one in got if one.startswith("acct_")}) == 1


def test_a_code_is_revoked_or_used_and_never_both(context: PluginContext) -> None:
    codes = Codes(context)
    for new in codes.make("ada", 10**9, 8, "race", None):
        done: list[str] = []

        def use(code: str = new.code, done: list[str] = done) -> None:
            try:
                redeem(context, code)
                done.append("used")
            except BadRequest as error:
                done.append(error.message)

        user = threading.Thread(target=use)
        user.start()
        try:
            revoked = codes.revoke("ada", [new.id], "", "")
        except BadRequest:
            revoked = []
        user.join()
        assert (done == ["used"]) is (revoked == []), done


def test_what_was_claimed_is_told_again(context: PluginContext, clock: Clock) -> None:
    paid = [redeem(context, made(context), f"acct_{number}") for number in range(3)]
    step = hook(context, "payment_watch", watch=PaymentWatch({}, {}, (), clock.now))
    assert list(step.facts) == sorted(paid, key=lambda fact: fact.reference) and step.again_s == 60.0
    clock.now += 1000
    step = hook(context, "payment_watch", watch=PaymentWatch(dict(step.cursor), {}, (), clock.now))
    late = redeem(context, made(context), "acct_9")
    step = hook(context, "payment_watch", watch=PaymentWatch(dict(step.cursor), {}, (), clock.now))
    assert list(step.facts) == [late]
    assert list(hook(context, "payment_statement", watch=None, since=clock.now - 1)) == [late]


def test_the_watch_goes_on_where_a_step_was_full(
    context: PluginContext, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router_plugins.voucher._STEP", 2)
    paid = []
    for number in range(5):
        paid.append(redeem(context, made(context), f"acct_{number}"))
        clock.now += 400
    cursor: dict[str, Any] = {}
    told: list[Any] = []
    for _ in range(6):
        step = hook(context, "payment_watch", watch=PaymentWatch(cursor, {}, (), clock.now))
        told, cursor = [*told, *step.facts], dict(step.cursor)
        if step.again_s:
            break
    assert {fact.reference for fact in told} == {fact.reference for fact in paid}


def test_differences_are_named(context: PluginContext) -> None:
    one, two, three = (redeem(context, made(context), f"acct_{number}") for number in range(3))
    booked = [
        one,
        DepositPaid("voucher:vch_x", "acct_7", 1, "USD", 9),
        DepositPaid(two.reference, "acct_8", 1, "USD", 9),
    ]
    lines = list(hook(context, "payment_differences", watch=None, booked=booked))
    assert len(lines) == 3
    assert f"{three.reference} was used by acct_2, and is not credited" in lines
    assert "voucher:vch_x is credited to acct_7, and no code of it was used" in lines
    assert any(line.startswith(f"{two.reference} is credited to another account") for line in lines)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"amount_nano": 0}, "above zero"),
        ({"amount_nano": 2 * 10**18}, "a billion"),
        ({"count": 0}, "From 1 to 10000"),
        ({"count": 10_001}, "From 1 to 10000"),
        ({"expires_at": 1.0}, "over at once"),
        ({"campaign": "a\nb"}, "characters that show"),
        ({"campaign": "x" * 101}, "characters that show"),
    ],
)
def test_what_cannot_be_made_is_refused(context: PluginContext, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        made(context, **fields)
    assert Codes(context).listed() == []


def test_revoking_is_told_and_noted(context: PluginContext, clock: Clock) -> None:
    codes = Codes(context)
    new = codes.make("ada", 10**9, 250, "spring", None)
    redeem(context, new[0].code)
    with pytest.raises(NotFound, match="'vch_nothing'"):
        codes.revoke("ada", ["vch_nothing"], "", "")
    with pytest.raises(BadRequest, match="was used"):
        codes.revoke("ada", [new[0].id], "", "")
    clock.now += 1
    assert len(codes.revoke("bob", [], "spring", "leaked")) == 249
    assert codes.revoke("bob", [], "spring", "leaked") == []
    assert codes.counts() == {"open": 0, "used": 1, "revoked": 249, "expired": 0}
    assert [row["id"] for row in codes.listed("spring", "used")] == [new[0].id] and codes.listed("autumn") == []
    revoked, used, made_them = audited(context)
    assert (made_them.actor, made_them.kind, made_them.action) == ("ada", "operator", "voucher make")
    assert dict(made_them.detail) == {"codes": 250, "amount": "1.00 USD"} and made_them.subject == "spring"
    assert (used.actor, used.action, used.subject) == ("voucher", "voucher use", new[0].id)
    assert used.detail["account"] == "acct_1"
    assert (revoked.actor, revoked.action, revoked.subject) == ("bob", "voucher revoke", "spring")
    assert revoked.detail["codes"] == 249 and revoked.detail["reason"] == "leaked"
    assert [line.text for line in hook(context, "payment_health")] == ["0 open, 1 used, 249 revoked, 0 expired"]


def test_the_offer_asks_for_a_code(context: PluginContext) -> None:
    offer = hook(context, "payment_offer", account="acct_1")
    assert (offer.way, offer.title, offer.currency) == ("code", "Voucher", "")
    assert isinstance(context.log, logging.Logger)


def test_a_code_says_of_what_kind_its_credit_is(context: PluginContext, clock: Clock) -> None:
    codes = Codes(context)
    kinds: list[dict[str, Any]] = [{}, {"granted": True}, {"granted": True, "lasts_s": 90 * DAY}]
    sold, gift, promotion = (codes.make("ada", 10**9, 1, "", None, **kind)[0].code for kind in kinds)
    facts = [redeem(context, one) for one in (sold, gift, promotion)]
    assert [(one.granted, one.expires_at) for one in facts] == [(False, 0.0), (True, 0.0), (True, clock.now + 90 * DAY)]
    clock.now += 60
    assert redeem(context, promotion) == facts[2], "the fact is the same whenever it is told"
    nonsense: list[dict[str, Any]] = [
        {"lasts_s": DAY},
        {"granted": True, "lasts_s": 0.0},
        {**kinds[2], "lasts_s": 1e12},
    ]
    for wrong in nonsense:
        with pytest.raises(BadRequest, match="granted credit"):
            codes.make("ada", 10**9, 1, "", None, **wrong)


def test_a_clock_that_was_ahead_for_a_while_hides_no_code(context: PluginContext, clock: Clock) -> None:
    codes, plugin = Codes(context), Vouchers()
    [made] = codes.make("cli", 10**9, 1, "", None)
    ahead = plugin.payment_watch(context, PaymentWatch({}, {}, (), clock.now + DAY))
    clock.now += 60
    codes.claim("acct_a", made.code)
    again = plugin.payment_watch(context, PaymentWatch(ahead.cursor, {}, (), clock.now + 60))
    assert again.facts == [plugin.payment_redeem(context, "acct_a", made.code)]
