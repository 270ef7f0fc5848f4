"""What providers want back with their reasoning, wrapped so that clients of any surface can keep it: ``gw1:`` and text.

Under the operator's master key it is encrypted, for one account; without one it is only encoded. Either way nothing is
in it that a client of chat would not hold in its hands.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from router.config.provider import Secret
from router.upstream.wire import dump_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["PREFIX", "Proof", "ProofSealer"]

PREFIX = "gw1:"
"""How a wrapper of ours begins."""

_PLAIN, _SEALED = b"\0", b"\1"
_NONCE = 12
_SALT = b"router proofs 1"
_COST = 2**14  # as for all else under the master key: wrappers are in many hands
_SIZE_MAX = 4 * 1024 * 1024  # of one, decompressed
_SMALL, _RATIO_MAX = 4096, 32  # a request may hold thousands of them


class Proof(NamedTuple):
    """What a wrapper holds.

    Attributes:
        plugin: of the provider that gave it.
        members: of a chat message; empty where its text was all.
    """

    plugin: str
    members: Mapping[str, Any]


class ProofSealer:
    """Wraps proofs, and opens wrappers.

    Args:
        master: the master key; empty for none.
    """

    def __init__(self, master: Secret = Secret("")) -> None:  # noqa: B008  (it is frozen)
        self._master = master

    def seal(self, proof: Proof, account: str) -> str:
        """The wrapper of a proof, for one account; each time another text."""
        data = zlib.compress(dump_json([proof.plugin, proof.members]), 1)
        cipher = self._cipher
        if cipher is None:
            return PREFIX + base64.urlsafe_b64encode(_PLAIN + data).decode("ascii")
        nonce = os.urandom(_NONCE)
        sealed = _SEALED + nonce + cipher.encrypt(nonce, data, _bytes(account))
        return PREFIX + base64.urlsafe_b64encode(sealed).decode("ascii")

    def open(self, text: str, account: str) -> Proof | None:
        """What a wrapper holds; None for what is none of ours, was made for another account, or under another key."""
        if not text.startswith(PREFIX):
            return None
        try:
            raw = base64.b64decode(text[len(PREFIX) :], altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        data = self._opened(raw, account)
        if data is None:
            return None
        reader = zlib.decompressobj()
        try:
            plain = reader.decompress(data, min(_SIZE_MAX, _SMALL + _RATIO_MAX * len(data)))
            value = json.loads(plain) if reader.eof else None
        except (ValueError, RecursionError, zlib.error):
            return None
        if not isinstance(value, list) or list(map(type, value)) != [str, dict]:
            return None
        return Proof(*value)

    def _opened(self, raw: bytes, account: str) -> bytes | None:
        cipher = self._cipher
        if cipher is None:
            return raw[1:] if raw[:1] == _PLAIN else None
        if raw[:1] != _SEALED:
            return None
        from cryptography.exceptions import InvalidTag

        nonce, sealed = raw[1 : 1 + _NONCE], raw[1 + _NONCE :]
        try:
            return cipher.decrypt(nonce, sealed, _bytes(account))
        except (InvalidTag, ValueError):
            return None

    @cached_property
    def _cipher(self) -> AESGCM | None:
        """Made when the first proof comes; None without a master key."""
        if not self._master:
            return None
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = hashlib.scrypt(_bytes(self._master.reveal()), salt=_SALT, n=_COST, r=8, p=1, dklen=32)
        return AESGCM(key)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
