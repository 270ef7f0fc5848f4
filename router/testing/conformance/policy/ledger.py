"""A policy's claims in a real ledger: taken once, settled once, never above a ceiling, given back after a crash."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from router.ledger.operations import Refused
from router.ledger.sweep import sweep
from router.money.usage import Usage
from router.testing.conformance.base import Failed, NotOffered, expect
from router.testing.conformance.policy.bench import PolicyBench, policy_rule
from router.testing.conformance.policy.books import QUOTE, Books, Running
from router.types.claims import BALANCE, Outcome
from router.types.keys import Limits

__all__ = ["crash", "once", "races", "refused_call"]

_AT_ONCE = 50
_THREADS = 8
_ROOM = 7
_USED = Outcome("ok", Usage(90, 50), 5_000_000)
_UNUSED = Outcome("error", None, 0)
_WIDE = Limits(10**6, 10**9, 10**6, 2**60, 2**60)
_SMALL = Limits(_ROOM, None, _ROOM, None, None)


@policy_rule(
    "20",
    "A call is taken once and settled once: settled again, or swept afterwards, it changes nothing.",
    remedy="Name buckets and amounts, and leave the counting to the host.",
)
def once(bench: PolicyBench) -> None:
    books = Books(bench, bench.key(_WIDE), 3 * QUOTE.charge_nano)
    before = books.state()
    for outcome in (_USED, _UNUSED):
        running = _begun(books)
        books.end(running, outcome)
        settled = books.state()
        books.end(running, outcome)
        sweep(bench.database, time.time(), "capture", everything=True)
        expect(books.state() == settled, f"settled twice, {settled} became {books.state()}")
    expect(before[0] - books.state()[0] <= QUOTE.charge_nano, "one call was charged more than its quote")
    books.expect_sound()


@policy_rule(
    "21",
    "A call that is refused uses nothing.",
    remedy="Do not count in the hook: the host takes all claims of a call, or none.",
)
def refused_call(bench: PolicyBench) -> None:
    books = Books(bench, bench.key(_SMALL))
    running, refused = [], None
    for _ in range(_AT_ONCE):
        before = books.state()
        answer = books.begin()
        if isinstance(answer, Refused):
            refused = answer
            expect(books.state() == before, f"a refused call changed {before} to {books.state()}")
            break
        running.append(answer)
    for one in running:
        books.end(one, _UNUSED)
    books.expect_sound()
    if refused is None:
        raise NotOffered(f"it lets {_AT_ONCE} calls of a key with limits and an account without credit pass")


@policy_rule(
    "22",
    f"{_AT_ONCE} calls at once never take a bucket above its ceiling, nor a balance below zero.",
    remedy="Give each claim the ceiling of its bucket, the same for all calls that share it.",
)
def races(bench: PolicyBench) -> None:
    books = Books(bench, bench.key(_SMALL), _ROOM * QUOTE.charge_nano)
    with ThreadPoolExecutor(_THREADS) as threads:
        answers = list(threads.map(lambda _: books.begin(), range(_AT_ONCE)))
    running = [answer for answer in answers if isinstance(answer, Running)]
    money, held, buckets = books.state()
    expect(held <= money, f"{held} nano are held of a balance of {money}")
    for claim in {claim for one in running for claim in one.claims}:
        used = sum(buckets.get(f"{bench.plugin.name}:{claim.bucket}", (0, 0)))
        over = claim.bucket != BALANCE and claim.ceiling is not None and used > claim.ceiling
        expect(not over, f"the bucket {claim.bucket!r} stands at {used}, above its ceiling {claim.ceiling}")
    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(lambda one: books.end(one, _USED), running))
    expect(books.state()[0] >= 0, f"the balance is {books.state()[0]} nano")
    books.expect_sound()


@policy_rule(
    "23",
    "What calls of a dead worker hold is given back by the sweep, and nothing stays held.",
    remedy="Claim from buckets; what the hook takes elsewhere must lapse by itself after [gateway] max_call_s.",
)
def crash(bench: PolicyBench) -> None:
    books = Books(bench, bench.key(_WIDE), 3 * QUOTE.charge_nano)
    before = books.state()[0]
    running = [_begun(books) for _ in range(3)]
    ended = sweep(bench.database, time.time(), "void", everything=True).ended
    wanted = {one.held.id for one in running if one.claims}
    expect(wanted <= {row.request_id for row in ended}, f"of {len(wanted)} dead calls the sweep ended {len(ended)}")
    expect(books.state()[0] == before, f"a crash cost {before - books.state()[0]} nano")
    books.expect_sound()


def _begun(books: Books) -> Running:
    answer = books.begin()
    if isinstance(answer, Refused):
        raise Failed(f"a call that limits and balance cover is refused: {answer}")
    return answer
