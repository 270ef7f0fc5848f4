"""How the operations of one batch take their claims: all of a call's, or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from router.db.connection import Connection
from router.ledger.ledger_cache import BoundClaims, LedgerCache, Meter
from router.ledger.operations import Authorize, Hold, Refused, StaleKey, Taken
from router.ledger.state import AccountState, Bucket, Counts
from router.types.claims import BALANCE

__all__ = ["ClaimTaking"]

_new = tuple.__new__  # a named tuple's own is a function in Python


class ClaimTaking:
    """What a batch that takes claims has; the batch itself makes it all."""

    _connection: Connection
    _book: LedgerCache
    _bound: dict[int, BoundClaims]
    _others: dict[int, dict[int, tuple[Meter, ...]]]
    _known: dict[str, Hold]
    _version: int
    _accounts: set[str]
    _touched: dict[str, None]
    _balances: dict[str, AccountState]
    _buckets: dict[str, Bucket]
    _holds: list[Hold]
    _counts: Counter[str]
    _now: float
    _now_ms: int

    def _bind(self, takes: Sequence[Authorize]) -> list[tuple[Authorize, BoundClaims]]:
        """Read all counters that the batch may change, and bind the claims to them."""
        book = self._book
        found = self._bound
        for take in takes:
            bound = book.known(take.claims)
            if bound is None:
                self._touched.update((bucket, None) for bucket, _ in take.claims if bucket != BALANCE)
                billed = any(bucket == BALANCE for bucket, _ in take.claims)
            else:
                found[id(take.claims)] = bound
                self._touched.update(bound.buckets)
                billed = bound.billed
            for alternatives in (take.alternatives or {}).values():
                self._touched.update((bucket, None) for bucket, _ in alternatives if bucket != BALANCE)
                billed = billed or any(bucket == BALANCE for bucket, _ in alternatives)
            if billed:
                self._accounts.add(take.hold.account)
        book.read(self._connection, self._accounts, self._touched)
        for take in takes:
            if id(take.claims) not in found:
                found[id(take.claims)] = book.bind(take.claims)
        bound_takes = [(take, found[id(take.claims)]) for take in takes]
        for take in takes:
            if take.alternatives:
                others = {place: book.bind(list(claims)) for place, claims in take.alternatives.items()}
                self._others[id(take)] = {place: one.meters for place, one in others.items()}
                bound_takes += [(take, one) for one in others.values()]
        return bound_takes

    def _take(self, operation: Authorize) -> None:
        known = self._known.get(operation.label)
        if known is not None:
            operation.result = known
        elif operation.abandoned:
            return
        elif operation.version != self._version:
            operation.error = StaleKey()
        else:
            bound = self._bound[id(operation.claims)]
            amounts = bound.amounts if operation.amounts is None else operation.amounts
            if operation.alternatives:
                operation.chosen = {}
            refused = self._take_all(operation, bound.meters, amounts)
            if refused is not None:
                self._take_others(operation, bound.meters, amounts, refused)

    def _take_all(self, operation: Authorize, meters: Sequence[Meter], amounts: Sequence[int]) -> Meter | None:
        """Take all claims, or none: then the error says why, and what is returned is the first that did not fit."""
        hold, now_ms = operation.hold, self._now_ms
        amount_nano = 0
        taken: list[Taken] = []
        begun: list[tuple[Bucket, Counts]] = []
        refused = None
        for meter, amount in zip(meters, amounts, strict=True):
            bucket, state, _, ceiling, at_least, window, at_once, length_ms, calendar, refill = meter
            if state is None:
                balance = self._balances[hold.account]
                if amount + at_least > balance.available:
                    refused = self._refused(meter, amount, balance.available)
                    break
                balance.hold(amount)
                amount_nano += amount
                continue
            if window is not None and not (window is state.window and state.begins_ms <= now_ms < state.ends_ms):
                before = state.enter(window, now_ms)
                if before is not None:
                    begun.append((state, before))
            left = None
            if ceiling is not None:
                left = ceiling - state.used - state.held
                if amount + at_least > left:
                    refused = self._refused(meter, amount, max(0, left))
                    break
                left -= amount
            if at_once:
                state.used += amount
            else:
                state.held += amount
            state.changed = True
            taken.append(_new(Taken, (bucket, amount, state.window_start, length_ms, calendar, left, refill)))
        if refused is not None:
            self._put_back(hold.account, amount_nano, taken, begun)
            operation.error = refused
            return meter
        held = _new(Hold, (*hold[:9], amount_nano, tuple(taken)))
        if operation.in_flight:
            self._holds.append(held)
        operation.result, operation.error = held, None
        return None

    def _take_others(
        self, operation: Authorize, meters: Sequence[Meter], amounts: Sequence[int], refused: Meter | None
    ) -> None:
        """Put its next alternative in the place of a claim that does not fit, until all fit, or none is left."""
        others = self._others.get(id(operation), {})
        while refused is not None:
            place = next(number for number, meter in enumerate(meters) if meter is refused)
            number = operation.chosen.get(place, -1) + 1
            if number >= len(others.get(place, ())):
                self._counts["refused_claims"] += 1
                return
            operation.chosen[place] = number
            other = others[place][number]
            meters = (*meters[:place], other, *meters[place + 1 :])
            amounts = (*amounts[:place], other.claim.amount, *amounts[place + 1 :])
            refused = self._take_all(operation, meters, amounts)

    def _refused(self, meter: Meter, amount: int, left: int) -> Refused:
        claim, state, window = meter.claim, meter.state, meter.window
        if state is None or window is None:
            ends_s = None
        elif window.refill and meter.ceiling is not None:
            missing = amount + meter.at_least - (meter.ceiling - state.used - state.held)
            ends_s = state.refilled_in_s(window, missing, self._now_ms)
        else:
            ends_s = state.ends_in_s(window, self._now)
        return Refused(claim if claim.amount == amount else claim._replace(amount=amount), left, ends_s)

    def _put_back(
        self, account: str, amount_nano: int, taken: Sequence[Taken], begun: Sequence[tuple[Bucket, Counts]]
    ) -> None:
        """Undo the claims of a refused call: it uses nothing, and begins no window."""
        if amount_nano:
            self._balances[account].hold(-amount_nano)
        for one in taken:
            self._buckets[one.bucket].uncount(one)
        for bucket, before in reversed(begun):
            bucket.restore(before)
