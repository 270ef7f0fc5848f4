"""What a provider wants back with its reasoning, sealed: clients carry it, and cannot read, change or make it."""

from __future__ import annotations

import base64
import binascii
import json
import os
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from router.upstream.wire import dump_json

__all__ = ["ProofSeal"]

_PREFIX = "gw1:"
_NONCE_BYTES = 12
_SMALLEST = 16  # what the cipher adds
_LARGEST = 64 * 2**20


class ProofSeal:
    """Seals with AES-GCM, for one account and one model.

    Args:
        key: gives 32 bytes that all workers share; asked for when first needed.
    """

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._key = key
        self._cipher: Any = None

    def seal(self, proof: Mapping[str, Any], account: str, model: str) -> str:
        """Text that ``open`` reads again, for the same account and model; each time another."""
        nonce = os.urandom(_NONCE_BYTES)
        packed = zlib.compress(dump_json(proof), 1)
        sealed = self._aead().encrypt(nonce, packed, _bound_to(account, model))
        return _PREFIX + base64.b64encode(nonce + sealed).decode("ascii")

    def open(self, text: str, account: str, model: str) -> Mapping[str, Any] | None:
        """What was sealed; None where it is not ours, of another account or model, or was changed."""
        from cryptography.exceptions import InvalidTag

        if not self.is_ours(text):
            return None
        try:
            data = base64.b64decode(text[len(_PREFIX) :], validate=True)
            if len(data) < _NONCE_BYTES + _SMALLEST:
                return None
            packed = self._aead().decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _bound_to(account, model))
            value = json.loads(zlib.decompressobj().decompress(packed, _LARGEST))
        except (InvalidTag, binascii.Error, ValueError, zlib.error):
            return None
        return value if isinstance(value, dict) else None

    @staticmethod
    def is_ours(text: str) -> bool:
        """Whether a text looks like one that a gateway has sealed."""
        return text.startswith(_PREFIX)

    def _aead(self) -> Any:
        if self._cipher is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._cipher = AESGCM(self._key())
        return self._cipher


def _bound_to(account: str, model: str) -> bytes:
    return json.dumps([account, model]).encode("ascii")
