"""Names that people give, and IDs that we give."""

from __future__ import annotations

import secrets
import string
import unicodedata

from router.errors import BadRequest

__all__ = ["check_name", "clean_text", "new_id", "random_text"]

_ALPHANUMERIC = string.ascii_letters + string.digits
_LOWER = string.ascii_lowercase + string.digits
_NAME_MAX = 200
_REFUSED = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control characters, lone surrogates, line and paragraph separators


def check_name(text: str, what: str) -> str:
    """A name without surrounding blanks.

    Args:
        text: as given.
        what: what it names, for the message (``an account's name``).

    Raises:
        BadRequest: it is empty, longer than 200 characters, or holds a control character.
    """
    name = text.strip()
    if not name or len(name) > _NAME_MAX:
        raise BadRequest(f"{what[:1].upper()}{what[1:]} must have 1 to {_NAME_MAX} characters, not {len(name)}.")
    if any(unicodedata.category(character) in _REFUSED for character in name):
        raise BadRequest(f"{what[:1].upper()}{what[1:]} must not hold control characters or line breaks.")
    return name


def clean_text(text: str) -> str:
    """Text from outside as both databases can keep it: NUL and lone surrogates become U+FFFD."""
    if text.isprintable():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def new_id(prefix: str) -> str:
    """A new ID: ``prefix``, an underscore, 16 random lower-case letters and digits (82 bits)."""
    return f"{prefix}_{''.join(secrets.choice(_LOWER) for _ in range(16))}"


def random_text(length: int) -> str:
    """Random ASCII letters and digits."""
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(length))
