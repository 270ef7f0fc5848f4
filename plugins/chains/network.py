"""One network as it is watched: its tokens, its finality, its nodes; and amounts as decimal text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router_plugins.chains.nodes import Node

__all__ = ["Coin", "Network", "Token", "minor_units"]

_AMOUNT = re.compile(r"(\d{1,15})(?:\.(\d{1,18}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """A token's contract.

    Attributes:
        name: the currency, which references of deposits name: it never changes its meaning.
        contract: 0x and 40 digits, in lower case: a token is known by this and nothing else.
        least: the smallest deposit that is credited, in minor units.
    """

    name: str
    contract: str
    decimals: int
    least: int


@dataclass(frozen=True, slots=True)
class Coin:
    """The network's own currency, where it is credited.

    Attributes:
        feed: Chainlink's contract that tells its price in USD.
        feed_age_s: how old what it tells may be.
    """

    name: str
    decimals: int
    least: int
    feed: str
    feed_age_s: int = 4500


@dataclass(slots=True)
class Network:
    """One network.

    Attributes:
        name: in settings, cursors and references' details; ``title`` as people read it.
        method: the plugin's name, with which references begin.
        confirmations: blocks, its own among them, after which a deposit is credited; 0 asks the node for ``finalized``.
        nodes: the first is asked; the second where it fails, before large credits, and for the second look.
        check_above: whole units of a token from which a credit needs the second node's word; 0 for every credit.
        poll_s: between two looks at the chain's head.
        span: blocks of one question, at most.
        stale_s: how old the newest block may be before the node is taken to lag.
    """

    name: str
    title: str
    method: str
    chain_id: int
    tokens: Sequence[Token]
    confirmations: int
    nodes: Sequence[Node]
    coin: Coin | None = None
    check_above: int = 100
    poll_s: float = 5.0
    span: int = 2000
    stale_s: float = 180.0
    by_contract: Mapping[str, Token] = field(init=False)

    def __post_init__(self) -> None:
        self.by_contract = {token.contract: token for token in self.tokens}

    def currencies(self) -> list[str]:
        """What is credited here."""
        return [token.name for token in self.tokens] + ([self.coin.name] if self.coin else [])

    def named(self, currency: str) -> Token | Coin | None:
        """The token or coin of a name."""
        if self.coin is not None and self.coin.name == currency:
            return self.coin
        return next((token for token in self.tokens if token.name == currency), None)


def minor_units(text: str, decimals: int) -> int:
    """Decimal text in minor units; digits that the currency does not have are rounded up.

    Raises:
        ValueError: it is none.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'{text!r} is not an amount: write decimal text such as "5" or "2.50"')
    whole, fraction = match.group(1), match.group(2) or ""
    kept, rest = fraction[:decimals].ljust(decimals, "0"), fraction[decimals:]
    return int(whole + kept) + (1 if rest.strip("0") else 0)
