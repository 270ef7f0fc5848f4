"""Signatures of outgoing webhooks, as Standard Webhooks has them: three headers, and a secret that both sides know.

What is signed is ``ID.TIMESTAMP.BODY``, by HMAC-SHA256 with the bytes of the secret. A second secret makes a second
signature, so that a receiver may know either while the secret is changed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

__all__ = ["new_signing_secret", "signing_key", "webhook_headers"]

_PREFIX = "whsec_"
_BYTES = 32
_BYTES_MIN, _BYTES_MAX = 24, 64


def new_signing_secret() -> str:
    """A secret that nobody has: ``whsec_`` and the base64 of random bytes."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode("ascii")


def signing_key(secret: str) -> bytes:
    """The bytes that a secret stands for.

    Raises:
        ValueError: it is none; the message does not hold it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or not _BYTES_MIN <= len(key) <= _BYTES_MAX:
        least, most = _BYTES_MIN, _BYTES_MAX
        raise ValueError(f"a signing secret is whsec_ and the base64 of {least} to {most} random bytes")
    return key


def webhook_headers(id: str, at: int, body: bytes, *signed_with: str) -> dict[str, str]:
    """The headers of one message: ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``.

    Args:
        id: of the message, the same each time that it is sent; it holds no dot.
        at: Unix seconds of this sending.
        signed_with: the secrets, the newest first.

    Raises:
        ValueError: one is no secret.
    """
    signed = b".".join((id.encode("ascii"), str(at).encode("ascii"), body))
    made = [hmac.digest(signing_key(secret), signed, hashlib.sha256) for secret in signed_with]
    signatures = " ".join(f"v1,{base64.b64encode(one).decode('ascii')}" for one in made)
    return {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": signatures}
