"""What lies on deposit addresses, for an operator to collect."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AddressHolding"]


@dataclass(frozen=True, slots=True)
class AddressHolding:
    """What one address holds of one currency on one network.

    Attributes:
        address: one of those that were asked about.
        network: as people read it.
        decimals: digits of the currency behind the point; the other amounts are minor units.
        held: what lies there now.
        credited: what was credited of deposits there, before anything was collected.
        least: the smallest deposit that is credited.
        path: by which a wallet finds the address: ``m/44'/60'/0'/0/7``; empty where there is none.
    """

    address: str
    network: str
    currency: str
    decimals: int
    held: int
    credited: int = 0
    least: int = 0
    path: str = ""
