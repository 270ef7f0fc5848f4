"""What a method's notices come to in the host's books: one credit, however they are told, and none for another's."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from router.errors import BadRequest, RouterError
from router.testing.conformance.base import Failed, expect
from router.testing.conformance.payment.bench import PAYMENT, PaymentBench
from router.testing.conformance.payment.books import Killed, PaymentBooks
from router.types.payments import PaymentNotice

__all__ = ["forged", "killed", "once", "others", "workers"]

_TIMES = 3
_THREADS = 6
_EACH = 8
_ORDERS = 12
_REFERENCES = "Give facts references of the service's own, the same whenever told: of the payment, not of the notice."


@PAYMENT.rule(
    "Y30",
    "Each notice any number of times, in any order: one credit.",
    remedy=_REFERENCES,
)
def once(bench: PaymentBench) -> None:
    for number in range(_ORDERS):
        books, notices = _begun(bench)
        orders = list(itertools.islice(itertools.permutations(notices), _ORDERS))
        if number >= len(orders):
            break
        for notice in orders[number]:
            for _ in range(_TIMES):
                _take(books, notice)
                books.expect_credits(1, "a notice that it was paid")


@PAYMENT.rule(
    "Y31",
    "The same notices by several workers at once: one credit.",
    remedy=_REFERENCES,
)
def workers(bench: PaymentBench) -> None:
    books, notices = _begun(bench)
    with ThreadPoolExecutor(_THREADS) as threads:
        told = [threads.submit(_take, books, notice, worker) for worker in range(_EACH) for notice in notices]
    for one in told:
        one.result()
    books.expect_credits(1, f"{len(told)} notices at once")


@PAYMENT.rule(
    "Y32",
    "A worker that is killed before it has booked a notice loses nothing: told again, it is credited once.",
    remedy="Keep nothing of a notice in the plugin: tell its facts whenever it comes, though it came before.",
)
def killed(bench: PaymentBench) -> None:
    books, notices = _begun(bench)
    for notice in notices:
        _die(books, notice)
    books.expect_credits(0, "workers that were killed")
    for notice in notices:
        _die(books, notice)
        _take(books, notice, 1)
        _die(books, notice)
        books.expect_credits(1, "a notice that came again")


@PAYMENT.rule(
    "Y33",
    "A payment of another amount, in another currency, or for another top-up credits nothing.",
    remedy="Tell the amount, the currency and the top-up of what was paid, never those that were asked for.",
)
def others(bench: PaymentBench) -> None:
    samples = bench.told()
    books, _ = _begun(bench)
    topup = books.topup
    currency = "EUR" if topup.currency != "EUR" else "USD"
    changed = {
        "a payment of less": replace(topup, amount=topup.amount - 1),
        "a payment of more": replace(topup, amount=topup.amount + 1),
        "a payment in another currency": replace(topup, currency=currency),
        "a payment for another top-up": replace(topup, id=topup.id[:-1] + ("a" if topup.id[-1] != "a" else "b")),
    }
    for said, other in changed.items():
        for notice in samples.paid(other):
            with contextlib.suppress(BadRequest):
                books.take(notice)
            books.expect_credits(0, said)


@PAYMENT.rule(
    "Y34",
    "A forged notice is refused with BadRequest, and credits nothing.",
    remedy="Compare the signature of the raw body in constant time, and refuse before anything is read.",
)
def forged(bench: PaymentBench) -> None:
    samples = bench.told()
    books, notices = _begun(bench)
    false = list(samples.forged(books.topup))
    expect(false, "its samples have no forged notice", "Give PaymentSamples its forged.")
    for notice in false:
        try:
            books.take(notice)
        except BadRequest:
            books.expect_credits(0, "a forged notice")
        else:
            raise Failed(f"a forged notice was taken: {notice.body[:60]!r}")
    _take(books, notices[0])
    books.expect_credits(1, "forged notices and a true one")


def _begun(bench: PaymentBench) -> tuple[PaymentBooks, Sequence[PaymentNotice]]:
    """A top-up of its own, and the notices that it was paid.

    Raises:
        NotOffered: the plugin has no samples.
        Failed: they have no notices.
    """
    samples = bench.told()
    books = PaymentBooks(bench, samples)
    notices = list(samples.paid(books.topup))
    expect(notices, "its samples have no notice that a top-up was paid", "Give PaymentSamples its paid.")
    return books, notices


def _take(books: PaymentBooks, notice: PaymentNotice, worker: int = 0) -> None:
    try:
        books.take(notice, worker)
    except RouterError as error:
        raise Failed(f"a true notice was refused: {error.in_full}") from error


def _die(books: PaymentBooks, notice: PaymentNotice) -> None:
    with contextlib.suppress(Killed):
        books.take_and_die(notice)
