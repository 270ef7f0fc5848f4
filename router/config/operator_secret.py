"""The operator's secret: only its hash stays, beside the configuration."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

__all__ = ["OPERATOR_FILE", "is_operator"]

OPERATOR_FILE = "operator.sha256"
"""Beside ``router.toml``: the SHA-256 of the operator secret, hexadecimal."""


def is_operator(config: Path, secret: str) -> bool:
    """Whether this is the secret that ``router init`` showed last; never where there is none."""
    try:
        kept = config.with_name(OPERATOR_FILE).read_text("ascii", "replace").strip()
    except OSError:
        return False
    given = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
    return len(kept) == len(given) and hmac.compare_digest(kept.encode("ascii", "replace"), given.encode("ascii"))
