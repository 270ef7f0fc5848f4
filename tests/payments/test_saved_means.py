"""Saved means: charged by themselves, and forgotten here and at their method when their owner takes them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from payments_kit import ADA, OPERATOR, Clock, Till

from router import BadRequest, MeansForgotten, MeansSaved, NotFound, TopUp, TopUpPaid, Unavailable
from router.money.amounts import NANO
from router.office import accounts
from router.office.actor import GATEWAY
from router.office.audit import list_audit
from router.office.payments.automatic import charge_automatic
from router.office.payments.means import (
    SavedMeans,
    detach_means,
    end_automatic,
    forget_means,
    list_means,
    list_shared_means,
    set_automatic,
    show_automatic,
    waiting_means,
)
from router.office.payments.told import health_of
from router.office.payments.topups import list_topups


def paid(till: Till, row: Any) -> TopUpPaid:
    return TopUpPaid(row.reference, row.id, row.amount, row.currency)


def saved(till: Till, token: str = "pm_secret", account: str = "") -> SavedMeans:
    """Means that an account left with a payment."""
    row = till.begin(20 * NANO, save_means=True, account=account or till.account)
    till.tell(paid(till, row), MeansSaved(row.id, token, "Visa 4242"))
    return list_means(till.office, account or till.account)[0]


def tokens(till: Till) -> list[str]:
    return [token for (token,) in till.office.database.read(lambda c: c.tuples("SELECT token FROM payment_means"))]


def audited(till: Till, action: str) -> list[Mapping[str, Any]]:
    return [one.detail for one in list_audit(till.office, limit=50) if one.action == action]


def test_an_automatic_top_up_is_made_once_for_each_fall(till: Till, clock: Clock) -> None:
    row = till.begin(20 * NANO, save_means=True)
    till.tell(paid(till, row), MeansSaved(row.id, "pm_secret", "Visa 4242"))
    [means] = list_means(till.office, till.account)
    kept = till.office.database.read(lambda c: c.rows("SELECT * FROM payment_means"))[0]
    assert means.label == "Visa 4242" and "pm_secret" not in str(kept)
    more = {"threshold_nano": 5 * NANO, "amount_nano": 10 * NANO, "per_day": 2}
    with pytest.raises(NotFound):
        set_automatic(till.office, ADA, till.account, "mean_other", **more)
    set_automatic(till.office, ADA, till.account, means.id, **more)
    assert charge_automatic(till.office, GATEWAY, till.methods) == 0
    till.spend(16 * NANO)
    till.method.charge = lambda topup, token: ()  # it was asked, and crashed before it told
    assert charge_automatic(till.office, GATEWAY, till.methods) == 1
    till.method.charge = lambda topup, token: [TopUpPaid(f"pi_{topup.id}", topup.id, topup.amount, "USD")]
    assert charge_automatic(till.office, GATEWAY, till.methods) == 1
    charged = [one for what, one in till.method.asked if what == "charge"]
    assert len(set(charged)) == 1 and charged[0][1] == "pm_secret" and till.balance() == 14 * NANO
    assert charge_automatic(till.office, GATEWAY, till.methods) == 0
    for _ in range(3):
        till.spend(10 * NANO)
        charge_automatic(till.office, GATEWAY, till.methods)
        if till.balance() < 10 * NANO:
            break
    assert till.balance() == 4 * NANO  # twice a day, and no more
    clock.now += 86_401
    charge_automatic(till.office, GATEWAY, till.methods)
    assert till.balance() in (4 * NANO, 14 * NANO)
    till.check()


def test_a_declined_card_stops_the_automatic_top_up(till: Till) -> None:
    row = till.begin(20 * NANO, save_means=True)
    till.tell(paid(till, row), MeansSaved(row.id, "pm_secret", "Visa 4242"))
    [means] = list_means(till.office, till.account)
    more = {"threshold_nano": 25 * NANO, "amount_nano": 10 * NANO, "per_day": 2}
    set_automatic(till.office, ADA, till.account, means.id, **more)

    def declines(topup: TopUp, token: str) -> Any:
        raise BadRequest("Your card was declined.")

    till.method.charge = declines
    assert (
        charge_automatic(till.office, GATEWAY, till.methods) == 1
        and charge_automatic(till.office, GATEWAY, till.methods) == 0
    )
    kept = show_automatic(till.office, till.account)
    assert kept is not None and kept.problem == "Your card was declined."
    assert {one.state for one in list_topups(till.office) if one.means_id} == {"failed"}
    assert end_automatic(till.office, ADA, till.account) and not end_automatic(till.office, ADA, till.account)


def test_what_was_taken_back_is_forgotten_by_its_method_too(till: Till, clock: Clock) -> None:
    means = saved(till)
    forget_means(till.office, ADA, till.account, means.id)
    assert list_means(till.office, till.account) == [] and tokens(till) != [""]
    till.method.forget = Unavailable("not now")
    assert detach_means(till.office, GATEWAY, till.methods) == 0
    line = health_of(till.office, till.methods, "card")[-1]
    assert not line.ok and "1 were taken back" in line.text
    till.method.forget = None
    assert detach_means(till.office, GATEWAY, till.methods) == 1 and tokens(till) == [""]
    assert detach_means(till.office, GATEWAY, till.methods) == 0
    assert [one for what, one in till.method.asked if what == "forget"] == ["pm_secret"] * 2
    assert [one["label"] for one in audited(till, "payments means_detached")] == ["Visa 4242"]
    assert health_of(till.office, till.methods, "card")[-1].ok


def test_what_cannot_be_forgotten_is_told_to_be_done_by_hand(till: Till, clock: Clock) -> None:
    forget_means(till.office, ADA, till.account, saved(till).id)
    till.method.forget = BadRequest("It is not ours.")
    assert detach_means(till.office, GATEWAY, till.methods) == 0 and tokens(till) == [""]
    [first] = audited(till, "payments means_left")
    assert first["problem"] == "It is not ours." and first["remedy"] == "remove it by hand at card"
    forget_means(till.office, ADA, till.account, saved(till, "pm_second").id)
    till.methods.names = ()
    detach_means(till.office, GATEWAY, till.methods)
    assert len(audited(till, "payments means_left")) == 1
    clock.now += 4 * 86_400
    detach_means(till.office, GATEWAY, till.methods)
    told = audited(till, "payments means_left")
    assert len(told) == 2 and "pm_second" not in str(told)
    assert waiting_means(till.office, "card") == []


def test_means_that_are_left_again_can_be_charged_again(till: Till) -> None:
    means = saved(till)
    forget_means(till.office, ADA, till.account, means.id)
    detach_means(till.office, GATEWAY, till.methods)
    again = saved(till)
    assert again.id == means.id and detach_means(till.office, GATEWAY, till.methods) == 0
    set_automatic(
        *(till.office, ADA, till.account, again.id), threshold_nano=50 * NANO, amount_nano=10 * NANO, per_day=1
    )
    till.method.charge = lambda topup, token: [TopUpPaid(f"pi_{topup.id}", topup.id, topup.amount, "USD")]
    charge_automatic(till.office, GATEWAY, till.methods)
    assert [one[1] for what, one in till.method.asked if what == "charge"] == ["pm_secret"]
    till.tell(MeansForgotten("pm_secret"))
    assert list_means(till.office, till.account) == [] and tokens(till) == [""]
    assert detach_means(till.office, GATEWAY, till.methods) == 0, "the method knows"


def test_means_that_two_accounts_left_stay_until_both_took_them_back(till: Till) -> None:
    other = accounts.create_account(till.office, OPERATOR, "Other").id
    first, second = saved(till), saved(till, account=other)
    forget_means(till.office, ADA, till.account, first.id)
    assert detach_means(till.office, GATEWAY, till.methods) == 0
    forget_means(till.office, ADA, other, second.id)
    assert detach_means(till.office, GATEWAY, till.methods) == 2 and set(tokens(till)) == {""}


def test_accounts_that_share_means_are_told_together(till: Till) -> None:
    others = [accounts.create_account(till.office, OPERATOR, name).id for name in ("Bob", "Cy")]
    left = [("pm_a", till.account, "fp_1"), ("pm_a2", till.account, "fp_1"), ("pm_c", others[1], "")]
    for token, account, fingerprint in [*left, ("pm_b", others[0], "fp_1")]:
        assert list_shared_means(till.office, 5) == []
        row = till.begin(20 * NANO, save_means=True, account=account)
        till.tell(paid(till, row), MeansSaved(row.id, token, "Visa 4242", fingerprint))
    (shared,) = list_shared_means(till.office, 5)
    assert shared.label == "Visa 4242" and {id for id, _ in shared.accounts} == {till.account, others[0]}
    [mine, _] = list_means(till.office, till.account)
    forget_means(till.office, ADA, till.account, mine.id)
    assert list_shared_means(till.office, 5) == [shared], "what was taken back is told of, too"
