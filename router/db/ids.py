"""Names that people give, and IDs that we give."""

from __future__ import annotations

import os
import re
import secrets
import string
import time
import unicodedata
import zlib

from router.errors import BadRequest

__all__ = [
    "check_name",
    "checked_text",
    "clean_text",
    "has_checksum",
    "new_id",
    "new_request_id",
    "random_text",
    "request_id_in",
]

_ALPHANUMERIC = string.ascii_letters + string.digits
_LOWER = string.ascii_lowercase + string.digits
_NAME_MAX = 200
_CHECKSUM = 6  # characters
_OF_A_REQUEST = re.compile(r"[a-z]{2,16}[-_](?:req_)?([0-9a-f]{24})", re.ASCII)
_REFUSED = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control characters, lone surrogates, line and paragraph separators


def check_name(text: str, what: str, *, longest: int = _NAME_MAX) -> str:
    """Check a name that people give; returned without surrounding blanks.

    Args:
        text: as given.
        what: what it names, for the message (``an account's name``).
        longest: the most characters that it may have.

    Raises:
        BadRequest: it is empty, too long, or holds a control character.
    """
    name = text.strip()
    if not name or len(name) > longest:
        raise BadRequest(f"{what[:1].upper()}{what[1:]} must have 1 to {longest} characters, not {len(name)}.")
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


def new_request_id() -> str:
    """A new request's ID: ``req_``, 11 hexadecimal digits of Unix milliseconds, 13 random ones.

    Those of one time are neighbours in an index, so that writing a row touches pages that are at hand.
    """
    return f"req_{time.time_ns() // 1_000_000:011x}{os.urandom(7).hex()[:13]}"


def request_id_in(text: str) -> str:
    """The request's ID in one that an answer's body has, where we made that of it; empty where we did not.

    ``chatcmpl-req_...``, ``msg_req_...`` and ``resp_...`` are of the request whose ID ends so.
    """
    found = _OF_A_REQUEST.fullmatch(text)
    return f"req_{found[1]}" if found is not None else ""


def checked_text(prefix: str, length: int, seed: bytes = b"") -> str:
    """A prefix and ``length`` ASCII letters and digits: random ones, but for the last six, a checksum of the rest.

    Args:
        seed: random bytes, at least as many as letters: what these are made of, the same each time. Empty for chance.
    """
    count = max(0, length - _CHECKSUM)
    text = prefix + (_seeded(seed, count) if seed else random_text(count))
    return text + _checksum(text)[: min(length, _CHECKSUM)]


def _seeded(seed: bytes, length: int) -> str:
    number, digits = int.from_bytes(seed, "big"), ""
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHANUMERIC))
        digits += _ALPHANUMERIC[digit]
    return digits


def has_checksum(text: str) -> bool:
    """Whether ``checked_text`` can have made a text."""
    return len(text) > _CHECKSUM and _checksum(text[:-_CHECKSUM]) == text[-_CHECKSUM:]


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    digits = ""
    for _ in range(_CHECKSUM):  # 62 to the sixth is more than 32 bits can say
        number, digit = divmod(number, len(_ALPHANUMERIC))
        digits += _ALPHANUMERIC[digit]
    return digits


def random_text(length: int) -> str:
    """Random ASCII letters and digits."""
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(length))
