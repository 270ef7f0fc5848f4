"""Text encrypted at rest: Fernet, under a key that scrypt derives from the operator's master key."""

from __future__ import annotations

import base64
import os

from router.config.provider import Secret
from router.errors import ConfigError

__all__ = ["MASTER_KEY", "check_master_key", "seal", "unseal"]

MASTER_KEY = "ROUTER_MASTER_KEY"
"""The environment variable with the master key."""

_LENGTH_MIN = 16
_SALT_BYTES = 16
_COST = 2**14  # 16 MiB and about 50 ms for each guess at a master key
_MAKE_ONE = f"set the environment variable {MASTER_KEY}, for example to what `openssl rand -base64 32` prints"


def check_master_key(master: Secret) -> None:
    """Raises:
    ConfigError: there is none, or it is too short.
    """
    if not master:
        raise ConfigError(f"there is no master key: {_MAKE_ONE}")
    if len(master.reveal()) < _LENGTH_MIN:
        raise ConfigError(f"the master key is shorter than {_LENGTH_MIN} characters: {_MAKE_ONE}")


def seal(text: str, master: Secret, purpose: str) -> str:
    """``text`` encrypted; each time another result.

    Args:
        master: the master key.
        purpose: what the text is for. It can be read again for the same purpose alone, so rows cannot change places.

    Raises:
        ConfigError: there is no master key, or it is too short.
    """
    from cryptography.fernet import Fernet

    salt = os.urandom(_SALT_BYTES)
    token = Fernet(_derived(master, salt, purpose)).encrypt(text.encode("utf-8"))
    return f"{base64.urlsafe_b64encode(salt).decode('ascii')}.{token.decode('ascii')}"


def unseal(sealed: str, master: Secret, purpose: str) -> str:
    """The text that ``seal`` was given.

    Raises:
        ConfigError: the master key is missing, too short, or another than the one that sealed it.
    """
    from cryptography.fernet import Fernet, InvalidToken

    salt, _, token = sealed.partition(".")
    try:
        key = _derived(master, base64.urlsafe_b64decode(salt), purpose)
        return Fernet(key).decrypt(token).decode("utf-8")
    except (InvalidToken, ValueError):
        message = f"{MASTER_KEY} is not the master key that encrypted it: set that one, or store the key again"
        raise ConfigError(message) from None


def _derived(master: Secret, salt: bytes, purpose: str) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    check_master_key(master)
    kdf = Scrypt(salt + purpose.encode("utf-8"), length=32, n=_COST, r=8, p=1)
    return base64.urlsafe_b64encode(kdf.derive(master.reveal().encode("utf-8", "surrogateescape")))
