"""One look at one network: what is final and new, what becomes of payments on their way, and which are new on it.

Blocks are looked through when they are final, by their logs; each payment is believed by its receipt, and a large one
only when another node has the same. Some blocks later they are looked through once more, by the other node: what one
of them left out is found then.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from router_plugins.chains.choice import Head, head_of, newest, rest
from router_plugins.chains.deposits import Deposit, Span, block_of, deposits_of, swept
from router_plugins.chains.feed import NoPrice, usd_price
from router_plugins.chains.network import Network
from router_plugins.chains.nodes import Node, NodeFault, text_in
from router_plugins.chains.progress import Progress

from router import DepositDropped, DepositSeen, PaymentFact

__all__ = ["Look"]

_WORK_S = 3.0
_SECOND_LOOK_S = 60.0
_SECOND_LOOK_BLOCKS = 20
_FIRST_LOOK_BLOCKS = 500

Check = Callable[[Deposit, float], bool]
"""Whether another source has the deposit too; raises ``NodeFault`` where it cannot say."""


@dataclass(slots=True)
class Look:
    """One look.

    Args:
        progress: where it goes on; it is changed.
        addresses: 0x and 40 digits -> the address as it was given out.
        on_way: deposits of this network that were seen, and are neither paid nor dropped.
        also: what else must have a deposit before it is credited.
    """

    network: Network
    progress: Progress
    addresses: Mapping[str, str]
    on_way: Mapping[str, DepositSeen]
    now: float
    log: logging.Logger
    also: Check | None = None
    facts: list[PaymentFact] = field(default_factory=list)
    _told: set[str] = field(default_factory=set)
    _notes: list[str] = field(default_factory=list)
    _until: float = 0.0

    def take(self) -> list[PaymentFact]:
        """Look, within some seconds. What was found before a node failed is told all the same."""
        self._until = time.monotonic() + _WORK_S
        node: Node | None = None
        try:
            head = newest(self.network, self.progress.head, self.now, self.log)
            node = head.node
            self._begin(head)
            self._look_through_final(head)
            self._second_look()
            self._follow(head)
            self._show_new(head)
            node.failures = 0
            self.progress.due = self.now + (0 if self.progress.is_behind(head.final) else self.network.poll_s)
        except NodeFault as fault:
            if node is not None:
                rest(node, fault, self.now, self.log)
            self._notes.append("the network cannot be asked just now; payments are credited as soon as it can")
            self.progress.due = max(self.now, min(one.rests_until for one in self.network.nodes))
        self.progress.prune()
        self.progress.delayed = "; ".join(dict.fromkeys(self._notes))
        return self.facts

    def _begin(self, head: Head) -> None:
        progress = self.progress
        if progress.done is None:
            progress.done = progress.proved = max(-1, head.final - _FIRST_LOOK_BLOCKS)
        if head.age_s <= self.network.stale_s:
            progress.done = min(progress.done, max(head.final, -1))  # a node may have told of blocks that never were
            progress.head = head.number
        else:
            self._notes.append(f"the network's nodes are {round(head.age_s / 60)} minutes behind")

    def _look_through_final(self, head: Head) -> None:
        assert self.progress.done is not None
        span = Span(self.progress.span, self.network.span)
        try:
            for upto, found in swept(
                head.node, self.network, self.addresses, self.progress.done + 1, head.final, span, self._is_over
            ):
                for deposit in found:
                    self._judge(deposit, head.node)
                self.progress.done = upto
                if self._is_over():
                    break
        finally:
            self.progress.span = span.value

    def _second_look(self) -> None:
        """The same by the other node; whatever it meets harms nobody, and is tried again."""
        node = self.network.nodes[-1]
        waits = 0 < self.progress.second_due - self.now <= _SECOND_LOOK_S
        if waits or node.rests(self.now) or self._is_over():
            return
        self.progress.second_due = self.now + _SECOND_LOOK_S
        try:
            final = head_of(node, self.network, self.now).final
            last = final - max(_SECOND_LOOK_BLOCKS, self.network.confirmations)
            span = Span(self.progress.span, self.network.span)
            for upto, found in swept(
                node, self.network, self.addresses, self.progress.proved + 1, last, span, self._is_over
            ):
                for deposit in found:
                    self._judge(deposit, node)
                self.progress.proved = upto
                if self._is_over():
                    self.progress.second_due = self.now
                    break
        except NodeFault as fault:
            rest(node, fault, self.now, self.log)

    def _follow(self, head: Head) -> None:
        """What became of payments that were seen on their way."""
        assert self.progress.done is not None
        known: dict[int, str | None] = {}
        on_way = [one for reference, one in self.on_way.items() if reference not in self._told]
        start = int(self.now) % max(1, len(on_way))  # where time does not suffice for all, another is first next time
        for seen in on_way[start:] + on_way[:start]:
            if self._is_over():
                return
            block, block_hash = int(seen.detail["block"]), str(seen.detail["block_hash"])
            if block > self.progress.done:
                if block not in known:
                    known[block] = self._hash_of(head.node, block)
                if known[block] == block_hash:
                    self._tell_confirmations(seen, block, head)
                    continue
            self._look_up(seen, head)

    def _look_up(self, seen: DepositSeen, head: Head) -> None:
        """A payment that is final, or no longer where it was."""
        assert self.progress.done is not None
        deposit = self._at(head.node, seen)
        if deposit is None and not self._is_elsewhere(seen, head.node):
            self.facts.append(DepositDropped(seen.reference, "the network went another way: the payment is not on it"))
            self._told.add(seen.reference)
        elif deposit is not None and deposit.block > self.progress.done:
            self._tell(deposit, head)
        elif deposit is not None:
            self._judge(deposit, head.node)

    def _show_new(self, head: Head) -> None:
        """Payments that are on the chain, and not final."""
        assert self.progress.done is not None
        marks = self.progress.marks
        while marks and self._hash_of(head.node, marks[-1][0]) != marks[-1][1]:
            marks.pop()
        first = max(self.progress.done, marks[-1][0] if marks else -1) + 1
        if self.progress.is_behind(head.final) or first > head.number:
            return
        span = Span(self.progress.span, self.network.span)
        for upto, found in swept(head.node, self.network, self.addresses, first, head.number, span, self._is_over):
            for deposit in found:
                if deposit.reference not in self._told and deposit.reference not in self.progress.paid:
                    self._tell(deposit, head)
            if upto == head.number or found:
                marks.append([upto, found[0].block_hash if found else head.block_hash])
            if self._is_over():
                return

    def _judge(self, deposit: Deposit, node: Node) -> None:
        """Tell a final deposit as paid; as seen as long as somebody does not agree."""
        if deposit.reference in self.progress.paid:
            return
        usd_rate = ""
        try:
            agreed = self._others_agree(deposit, node)
            if agreed and self.network.coin is not None and deposit.currency == self.network.coin.name:
                usd_rate = usd_price(node, self.network.coin, self.now)
        except NoPrice as fault:
            agreed = False
            self.log.warning("%s is not credited yet: %s", deposit.reference, fault)
            self._notes.append(f"{deposit.currency} has no price just now; it is credited as soon as it has one")
        self._told.add(deposit.reference)
        if agreed:
            self.facts.append(deposit.paid(usd_rate))
            self.progress.paid[deposit.reference] = deposit.block
        elif deposit.reference not in self.on_way:
            self.facts.append(deposit.seen(1, 1))

    def _others_agree(self, deposit: Deposit, node: Node) -> bool:
        limit = self.network.check_above * 10**deposit.decimals
        others = [one for one in self.network.nodes if one is not node]
        if others and deposit.amount > limit and not self._has(others[0], deposit):
            return False
        if self.also is None:
            return True
        try:
            has = self.also(deposit, self.now)
        except NodeFault as fault:
            self.log.info("%s is not credited yet: %s", deposit.reference, fault)
            self._notes.append("a second source cannot be asked just now; payments are credited as soon as it can")
            return False
        return has

    def _has(self, node: Node, deposit: Deposit) -> bool:
        """Whether another node has the very same deposit, and in a block that is final by its own word."""
        if not node.rests(self.now):
            try:
                if head_of(node, self.network, self.now).final >= deposit.block:
                    if deposit in deposits_of(node, self.network, self.addresses, deposit.tx):
                        return True
                    self.log.error("%s is not credited: %s does not have it", deposit.reference, node.host)
            except NodeFault as fault:
                rest(node, fault, self.now, self.log)
        self._notes.append("a large payment waits for the word of a second node")
        return False

    def _at(self, node: Node, seen: DepositSeen) -> Deposit | None:
        found = deposits_of(node, self.network, self.addresses, str(seen.detail["tx"]))
        return next((one for one in found if one.reference == seen.reference), None)

    def _is_elsewhere(self, seen: DepositSeen, node: Node) -> bool:
        """Whether another node may still have it: then it is not told as gone."""
        for other in self.network.nodes:
            if other is not node:
                try:
                    if other.rests(self.now) or self._at(other, seen) is not None:
                        return True
                except NodeFault as fault:
                    rest(other, fault, self.now, self.log)
                    return True
        return False

    def _tell(self, deposit: Deposit, head: Head) -> None:
        confirmations = max(1, head.number - deposit.block + 1)
        self.facts.append(deposit.seen(confirmations, confirmations + max(0, deposit.block - head.final)))
        self._told.add(deposit.reference)

    def _tell_confirmations(self, seen: DepositSeen, block: int, head: Head) -> None:
        confirmations = max(1, head.number - block + 1)
        if confirmations != seen.confirmations:
            wanted = confirmations + max(0, block - head.final)
            self.facts.append(
                DepositSeen(
                    seen.reference,
                    seen.address,
                    seen.amount,
                    seen.currency,
                    seen.decimals,
                    confirmations,
                    wanted,
                    seen.detail,
                )
            )

    def _hash_of(self, node: Node, number: int) -> str | None:
        block = block_of(node, number)
        return None if block is None else text_in(block, "hash", node.host)

    def _is_over(self) -> bool:
        return time.monotonic() > self._until
