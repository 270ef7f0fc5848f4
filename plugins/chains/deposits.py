"""What came to our addresses: found by logs or in blocks, and believed as the receipt of its transaction has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router_plugins.chains.network import Network
from router_plugins.chains.nodes import Limited, Node, NodeFault, number_in, text_in

from router import DepositPaid, DepositSeen

__all__ = ["TRANSFER", "Deposit", "Span", "block_of", "deposits_of", "found_in", "read_log", "swept", "topic_of"]

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
_TOPICS_MAX = 500  # addresses in one question; nodes refuse more than 500 or 1,000


@dataclass(frozen=True, slots=True)
class Deposit:
    """One payment to one of our addresses.

    Attributes:
        currency, decimals, amount: what came.
        address: as it was given out.
        tx, block, block_hash, at: where it stands, and since when: Unix seconds of its block.
        n: which of the transfers of this token to this address in its transaction: the place of its log in the block
            changes when the chain goes another way, this does not.
    """

    network: Network
    currency: str
    decimals: int
    amount: int
    address: str
    tx: str
    block: int
    block_hash: str
    at: int
    n: int

    @property
    def reference(self) -> str:
        """What names it for ever."""
        network = self.network
        return f"{network.method}:{network.chain_id}:{self.tx}:{self.currency}:{self.address}:{self.n}"

    @property
    def detail(self) -> Mapping[str, Any]:
        """What finds it again."""
        return {
            "network": self.network.name,
            "tx": self.tx,
            "block": self.block,
            "block_hash": self.block_hash,
            "at": self.at,
        }

    def seen(self, confirmations: int, wanted: int) -> DepositSeen:
        """The fact that it is on its way."""
        return DepositSeen(
            self.reference,
            self.address,
            self.amount,
            self.currency,
            self.decimals,
            confirmations,
            wanted,
            self.detail,
        )

    def paid(self, usd_rate: str = "") -> DepositPaid:
        """The fact that it came for good."""
        return DepositPaid(
            self.reference, self.address, self.amount, self.currency, self.decimals, usd_rate, self.detail
        )


class Span:
    """How many blocks one question asks for: halved when a node refuses, grown slowly when it answers."""

    def __init__(self, value: int, most: int) -> None:
        self.value = max(1, min(value, most))
        self._most = most

    def halve(self) -> bool:
        """False where there is nothing left to halve."""
        was, self.value = self.value, max(1, self.value // 2)
        return was > 1

    def grow(self) -> None:
        self.value = min(self._most, self.value + max(1, self.value // 8))


def block_of(node: Node, number: int | str, whole: bool = False) -> Mapping[str, Any] | None:
    """A block by its number or tag; None where the node has none."""
    tag = number if isinstance(number, str) else hex(number)
    block = node.call("eth_getBlockByNumber", tag, whole)
    if block is not None and not isinstance(block, dict):
        raise NodeFault(f"{node.host} answered with a block that is none")
    return block


def swept(
    node: Node,
    network: Network,
    addresses: Mapping[str, str],
    first: int,
    last: int,
    span: Span,
    is_over: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[int, list[Deposit]]]:
    """For one stretch after the other its last block, and what came in it: a block with deposits ends one.

    Args:
        addresses: 0x and 40 digits -> the address as it was given out.
        is_over: whether it is not worth while to ask again for less.

    Raises:
        NodeFault: a range of one block is refused too.
    """
    while first <= last:
        upto = min(first + span.value - 1, last)
        try:
            for block, transactions in found_in(node, network, addresses, first, upto).items():
                yield block, _proved(node, network, addresses, block, transactions)
                first = block + 1
        except Limited:
            raise
        except NodeFault:
            if not span.halve() or is_over():
                raise
            continue
        span.grow()
        yield upto, []
        first = upto + 1


def found_in(
    node: Node, network: Network, addresses: Mapping[str, str], first: int, last: int
) -> Mapping[int, Sequence[str]]:
    """Blocks that have transactions which are worth a look, in their order, and the hashes of these, each once.

    Raises:
        NodeFault: one of them is in no block that was asked for, besides all else.
    """
    found = set(_in_logs(node, network, list(addresses), first, last))
    if network.coin is not None and addresses:
        for number in range(first, last + 1):
            found.update((number, tx) for tx in _in_block(node, network, addresses, number))
    blocks: dict[int, list[str]] = {}
    for block, tx in sorted(found):
        if not first <= block <= last:
            raise NodeFault(f"{node.host} tells of block {block}, which it was not asked for")
        blocks.setdefault(block, []).append(tx)
    return blocks


def deposits_of(
    node: Node, network: Network, addresses: Mapping[str, str], tx: str, known: Mapping[str, Any] | None = None
) -> list[Deposit]:
    """What a transaction brought, by its receipt and by the block that stands on the chain now; empty where it is not
    there, or failed. Amounts below the least are left out, and counted all the same.

    Args:
        known: its block, where that was just fetched.
    """
    receipt = node.call("eth_getTransactionReceipt", tx)
    if receipt is None:
        return []
    number, block_hash = number_in(receipt, "blockNumber", node.host), text_in(receipt, "blockHash", node.host)
    block = known or block_of(node, number)
    if block is None or text_in(block, "hash", node.host) != block_hash:
        return []
    if number_in(receipt, "status", node.host) != 1:
        return []
    place = (tx, number, block_hash, number_in(block, "timestamp", node.host))
    found = list(_transfers(receipt, node, network, addresses, place))
    coin, to = network.coin, receipt.get("to")
    if coin is not None and isinstance(to, str) and to.lower() in addresses:
        value = number_in(node.call("eth_getTransactionByHash", tx), "value", node.host)
        if value >= coin.least:
            found.append(Deposit(network, coin.name, coin.decimals, value, addresses[to.lower()], *place, 0))
    return found


def topic_of(account: str) -> str:
    """0x and 40 digits as a topic has them."""
    return "0x" + account[2:].rjust(64, "0")


def read_log(log: Any, host: str) -> tuple[str, str, str, int] | None:
    """Contract, sender, recipient and amount of a Transfer; None for any other log.

    Raises:
        NodeFault: it is no log.
    """
    topics, data = (log.get("topics"), log.get("data")) if isinstance(log, dict) else (None, None)
    if not isinstance(topics, list) or not isinstance(data, str):
        raise NodeFault(f"{host} answered with a log that is none")
    if len(topics) != 3 or len(data) != 66 or str(topics[0]).lower() != TRANSFER:
        return None  # an NFT's has four
    return (
        text_in(log, "address", host),
        "0x" + str(topics[1])[-40:].lower(),
        "0x" + str(topics[2])[-40:].lower(),
        number_in(log, "data", host),
    )


def _proved(
    node: Node, network: Network, addresses: Mapping[str, str], number: int, transactions: Sequence[str]
) -> list[Deposit]:
    """The deposits of one block, each transaction's by its receipt."""
    block = block_of(node, number)
    found: list[Deposit] = []
    for tx in transactions:
        brought = deposits_of(node, network, addresses, tx, block)
        if not brought or brought[0].block != number:
            raise NodeFault(f"{node.host} tells of a payment in {tx}, whose receipt does not have it")
        found += brought
    return found


def _in_logs(node: Node, network: Network, accounts: Sequence[str], first: int, last: int) -> Iterator[tuple[int, str]]:
    for start in range(0, len(accounts) if network.tokens else 0, _TOPICS_MAX):
        asked = {
            "fromBlock": hex(first),
            "toBlock": hex(last),
            "address": [token.contract for token in network.tokens],
            "topics": [TRANSFER, None, [topic_of(one) for one in accounts[start : start + _TOPICS_MAX]]],
        }
        logs = node.call("eth_getLogs", asked)
        if not isinstance(logs, list):
            raise NodeFault(f"{node.host} answered with logs that are none")
        for log in logs:
            read = read_log(log, node.host)
            token = network.by_contract.get(read[0]) if read else None
            if read and token is not None and read[3] >= token.least and not log.get("removed"):
                yield number_in(log, "blockNumber", node.host), text_in(log, "transactionHash", node.host)


def _in_block(node: Node, network: Network, addresses: Mapping[str, str], number: int) -> Iterator[str]:
    block = block_of(node, number, whole=True)
    transactions = block.get("transactions") if block else None
    if not isinstance(transactions, list) or network.coin is None:
        raise NodeFault(f"{node.host} does not have block {number}")
    for one in transactions:
        to = one.get("to") if isinstance(one, dict) else None
        if not isinstance(to, str) or to.lower() not in addresses:
            continue
        tx = text_in(one, "hash", node.host)
        if number_in(one, "value", node.host) >= network.coin.least and _succeeded(node, tx):
            yield tx


def _succeeded(node: Node, tx: str) -> bool:
    return number_in(node.call("eth_getTransactionReceipt", tx), "status", node.host) == 1


def _transfers(
    receipt: Any, node: Node, network: Network, addresses: Mapping[str, str], place: tuple[str, int, str, int]
) -> Iterator[Deposit]:
    logs = receipt.get("logs")
    if not isinstance(logs, list):
        raise NodeFault(f"{node.host} answered with a receipt without logs")
    counts: Counter[tuple[str, str]] = Counter()
    for log in logs:
        read = read_log(log, node.host)
        if read is None or read[0] not in network.by_contract or read[2] not in addresses or not read[3]:
            continue
        contract, _, to, amount = read
        token = network.by_contract[contract]
        if amount >= token.least:
            n = counts[contract, to]
            yield Deposit(network, token.name, token.decimals, amount, addresses[to], *place, n)
        counts[contract, to] += 1  # those below the least too: a changed setting renames nothing
