"""What addresses hold of a token or a network's coin: many questions in few requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from router_plugins.chains.deposits import topic_of
from router_plugins.chains.network import Coin, Network, Token
from router_plugins.chains.nodes import Limited, Node, NodeFault, asked_of, number_in

from router import DepositPaid, PaymentFact

__all__ = ["answers_of", "balances_of", "credited_on", "moneys_of"]

_BALANCE_OF = "0x70a08231"
_BATCH = 100


def moneys_of(network: Network) -> list[Token | Coin]:
    """What is credited on a network."""
    return [*network.tokens, *([network.coin] if network.coin else [])]


def credited_on(network: Network, money: Token | Coin, booked: Iterable[PaymentFact]) -> Counter[str]:
    """Address -> what was credited of its deposits there, in minor units."""
    begin = f"{network.method}:{network.chain_id}:"
    credited: Counter[str] = Counter()
    for fact in booked:
        if isinstance(fact, DepositPaid) and fact.reference.startswith(begin) and fact.currency == money.name:
            credited[fact.address] += fact.amount
    return credited


def balances_of(node: Node, money: Token | Coin, accounts: Sequence[str]) -> Mapping[str, int]:
    """Account (0x and 40 digits) -> what it holds, in minor units, by the node's newest block.

    Raises:
        NodeFault: the node does not answer, or nonsense.
    """
    if isinstance(money, Coin):
        answers = answers_of(node, "eth_getBalance", [[one, "latest"] for one in accounts])
    else:
        asked = [asked_of(money.contract, _BALANCE_OF + topic_of(one)[2:]) for one in accounts]
        answers = answers_of(node, "eth_call", asked)
    return {
        account: number_in({"balance": answer}, "balance", node.host)
        for account, answer in zip(accounts, answers, strict=True)
    }


def answers_of(node: Node, method: str, each: Sequence[Sequence[object]]) -> list[object]:
    """The answers to all of them, 100 in a request; fewer at once where the node refuses so many.

    Raises:
        NodeFault: the node does not answer, or nonsense.
    """
    answers: list[object] = []
    size = _BATCH
    while len(answers) < len(each):
        part = each[len(answers) : len(answers) + size]
        try:
            answers += node.batch(method, part) if size > 1 else [node.call(method, *part[0])]
        except Limited:
            raise
        except NodeFault:
            if size == 1:
                raise
            size = max(1, size // 4)
    return answers
