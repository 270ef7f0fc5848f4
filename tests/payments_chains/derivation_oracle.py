"""Addresses as other people's libraries derive them; run by an interpreter that has these, and nothing of ours.

``python derivation_oracle.py COUNT`` prints, for the account keys of a known mnemonic, the xpub and the digests of
addresses 0 to COUNT, by ``bip_utils`` and by ``bip32``.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

MNEMONIC = "abandon " * 11 + "about"
BLOCK = 250


def main(count: int) -> None:
    from bip32 import BIP32
    from bip_utils import Bip39SeedGenerator, Bip44, Bip44Changes, Bip44Coins, EthAddrEncoder, TrxAddrEncoder

    seed = Bip39SeedGenerator(MNEMONIC).Generate()
    found: dict[str, Any] = {}
    for name, coin, encoder in (
        ("evm", Bip44Coins.ETHEREUM, EthAddrEncoder),
        ("tron", Bip44Coins.TRON, TrxAddrEncoder),
    ):
        account = Bip44.FromSeed(seed, coin).Purpose().Coin().Account(0)
        xpub = account.PublicKey().ToExtended()
        branch = account.Change(Bip44Changes.CHAIN_EXT)
        by_bip_utils = [branch.AddressIndex(index).PublicKey().ToAddress() for index in range(count)]
        plain = BIP32.from_xpub(xpub)
        by_bip32 = [encoder.EncodeKey(plain.get_pubkey_from_path(f"m/0/{index}")) for index in range(count)]
        found[name] = {
            "xpub": xpub,
            "first": by_bip_utils[:3],
            "bip_utils": digests(by_bip_utils),
            "bip32": digests(by_bip32),
        }
    print(json.dumps(found))


def digests(addresses: list[str]) -> list[str]:
    """One for each block of addresses: enough to say where two lists part."""
    blocks = [addresses[start : start + BLOCK] for start in range(0, len(addresses), BLOCK)]
    return [hashlib.sha256("\n".join(block).encode()).hexdigest()[:24] for block in blocks]


if __name__ == "__main__":
    main(int(sys.argv[1]))
