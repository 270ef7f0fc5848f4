"""What comes crosswise: a refund that was made although it was refused, and top-ups begun to keep others waiting."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from payments_kit import OPERATOR, Clock, Till

from router import BadRequest, Refund, TopUp
from router.money.amounts import NANO
from router.office.payments.refunds import ask_refund, push_refunds
from router.office.payments.topups import list_topups
from router.office.payments.upkeep import TopUpPoll


def test_a_refund_that_was_made_although_it_was_refused_is_taken(till: Till) -> None:
    row = till.paid()

    def refuses(topup: TopUp, amount: int, asked: str) -> Any:
        raise BadRequest("the answer could not be read")

    till.method.refund = refuses
    with pytest.raises(BadRequest):
        ask_refund(till.office, OPERATOR, till.methods, row.id, 400, reason="sorry")
    [(_, (_, _, asked))] = [one for one in till.method.asked if one[0] == "refund"]
    made = Refund("re_1", payment=row.payment, amount=400, currency="USD", asked=asked)
    for _ in range(2):
        till.tell(made)
    assert till.balance() == 6 * NANO and till.row(row.id).state == "part_refunded"
    for _ in range(2):
        till.tell(replace(made, failed=True))
        till.tell(made)
    assert till.balance() == 10 * NANO and till.row(row.id).state == "paid"
    till.check()


def test_a_refund_that_is_asked_for_again_while_it_is_made_is_not_given_back(till: Till) -> None:
    row = till.paid()

    def makes(topup: TopUp, amount: int, asked: str) -> Any:
        made = Refund("re_1", payment=row.payment, amount=amount, currency="USD", asked=asked)
        till.method.refund = refuses
        till.clock.now += 30
        push_refunds(till.office, till.methods)  # whoever asks again is told first that it cannot be made
        return [made]

    def refuses(topup: TopUp, amount: int, asked: str) -> Any:
        till.tell(Refund("re_1", payment=row.payment, amount=amount, currency="USD", asked=asked))
        raise BadRequest("charge already refunded")

    till.method.refund = makes
    assert ask_refund(till.office, OPERATOR, till.methods, row.id, 400, reason="sorry").state == "done"
    assert till.balance() == 6 * NANO and till.row(row.id).state == "part_refunded"
    till.check()


def test_who_goes_on_beginning_top_ups_keeps_nobody_from_being_asked_about(local_till: Till, clock: Clock) -> None:
    for _ in range(250):
        local_till.begin()
    poll, asked = TopUpPoll(local_till.office, local_till.methods, "card"), Counter[str]()
    begun = {row.id for row in list_topups(local_till.office, limit=1000)}
    for _ in range(4):
        poll.run()
        asked.update(local_till.method.asked[-1][1])
        for _ in range(20):
            local_till.begin()
    assert begun <= set(asked), "each within one round"
    assert max(asked[one] for one in begun) <= 2
