"""Samples of the plugins ``evm`` and ``tron``: set up with the public keys of a mnemonic that everybody knows."""

from __future__ import annotations

from router.testing.samples import PaymentSamples

__all__ = ["EVM", "TRON"]

_NODE = "https://node.invalid/rpc/key-made-up-for-the-rules"

EVM = PaymentSamples(
    {
        "xpub": (
            "xpub6Ce9NcJvTk372KjsGfWqbcex5DumjpNquQLApoeQUavSCjEc823BV1tb4rXUuPuht8h2hSxkg2EX"
            "UaKUJmniJvRZAELxypsCzBFdtosmV76"
        ),
        "networks": {"base": {"rpc": [_NODE]}},
    }
)
TRON = PaymentSamples(
    {
        "xpub": (
            "xpub6BuRy7ZmkGfP4LfiwbWSuu7pRCfSbjyB59BHNudeJgwsJUu23Dzmz4fRKh7Bsfo1EgmmCxtCLsat"
            "66A3Fe28PGEzwkmiTChdjv5PDhyqh2Q"
        ),
        "rpc": [_NODE],
    }
)
