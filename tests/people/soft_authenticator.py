"""A device that keeps passkeys, without a browser: it answers options as WebAuthn level 3 says, section 6 and 7."""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64encode
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

__all__ = ["SoftAuthenticator"]

_PRESENT, _VERIFIED, _WITH_KEY = 0x01, 0x04, 0x40


class SoftAuthenticator:
    """One passkey.

    Attributes:
        origin: of the page that asks.
        verifies: whether it checks who holds it.
        counter: of its signatures; None for one that does not count.
        public: what it says in the place of its public key; None for that.
    """

    def __init__(self, origin: str, *, verifies: bool = True, counter: int | None = None, public: Any = None) -> None:
        self.origin = origin
        self.verifies = verifies
        self.counter = counter
        self.public = public
        self.id = secrets.token_bytes(20)
        self._key = ec.generate_private_key(ec.SECP256R1())

    def make(self, options: str, **changed: Any) -> str:
        """The answer to options of a new passkey."""
        asked = json.loads(options)
        point = self._key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        credential = (
            bytes(16)
            + struct.pack(">H", len(self.id))
            + self.id
            + cbor2.dumps(public if self.public is None else self.public)
        )
        data = self._data(asked["rp"]["id"], _WITH_KEY) + credential
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        said = self._said("webauthn.create", asked, changed)
        return self._answer({"clientDataJSON": _text(said), "attestationObject": _text(attested)})

    def sign(self, options: str, **changed: Any) -> str:
        """The answer to options of a proof.

        Args:
            changed: members of the client's data to be told otherwise.
        """
        asked = json.loads(options)
        data, said = self._data(asked["rpId"]), self._said("webauthn.get", asked, changed)
        signature = self._key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(SHA256()))
        told = {"clientDataJSON": said, "authenticatorData": data, "signature": signature}
        return self._answer({name: _text(value) for name, value in told.items()})

    def _data(self, site: str, flags: int = 0) -> bytes:
        if self.counter is not None:
            self.counter += 1
        flags |= _PRESENT | (_VERIFIED if self.verifies else 0)
        return hashlib.sha256(site.encode()).digest() + bytes([flags]) + struct.pack(">I", self.counter or 0)

    def _said(self, kind: str, asked: dict[str, Any], changed: dict[str, Any]) -> bytes:
        told = {"type": kind, "challenge": asked["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(told | changed).encode()

    def _answer(self, response: dict[str, Any]) -> str:
        name = _text(self.id)
        return json.dumps(
            {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}
        )


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
