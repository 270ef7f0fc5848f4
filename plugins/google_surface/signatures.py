"""Signatures of thoughts: bytes to Google's clients, which keep them and send them back with the part that has them."""

from __future__ import annotations

import base64
import binascii
from typing import Any

__all__ = ["signature_of", "wrapper_of"]

_URLS = {ord("-"): "+", ord("_"): "/"}


def signature_of(wrapper: str) -> str:
    """What stands for a wrapper in a part: base64, as Google's clients read bytes."""
    return base64.b64encode(wrapper.encode("ascii")).decode("ascii")


def wrapper_of(signature: Any) -> str:
    """The wrapper that a signature stands for; empty for one that is none of ours."""
    if not isinstance(signature, str):
        return ""
    text = signature.translate(_URLS).rstrip("=")  # clients write the alphabet of URLs
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
