"""What a code is: nineteen random letters and one that checks them, read whatever the case and the dashes."""

from __future__ import annotations

import hashlib
import secrets

__all__ = ["digest_of", "hint_of", "new_code", "read_code"]

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: none that looks like another."""
_RANDOM = 19
_GROUP = 5
_READ_AS = str.maketrans(
    {"O": "0", "I": "1", "L": "1", "-": None, " ": None, "\t": None, "\u2010": None, "\u2013": None}
)
_TYPED_MAX = 100


def new_code() -> str:
    """A code that nobody has had: ``7K2QF-...``, 95 random bits."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM))
    whole = letters + _check(letters)
    return "-".join(whole[start : start + _GROUP] for start in range(0, len(whole), _GROUP))


def read_code(typed: str) -> str:
    """The letters of what somebody typed; empty where it is no code at all: too short, too long, or mistyped."""
    if len(typed) > _TYPED_MAX:
        return ""
    letters = typed.strip().upper().translate(_READ_AS)
    if len(letters) != _RANDOM + 1 or not set(letters) <= set(_LETTERS):
        return ""
    return letters if letters[-1] == _check(letters[:-1]) else ""


def digest_of(code: str) -> str:
    """What is kept of a code. It has too many random bits to be guessed from its digest."""
    return hashlib.sha256(read_code(code).encode("ascii")).hexdigest()


def hint_of(code: str) -> str:
    """By which its owner can tell a code from others: the last group."""
    return code.rpartition("-")[2]


def _check(letters: str) -> str:
    """Luhn's digit in base 32: one letter mistyped, or two neighbours swapped, are noticed."""
    base, total = len(_LETTERS), 0
    for place, letter in enumerate(reversed(letters)):
        value = _LETTERS.index(letter) * (2 if place % 2 == 0 else 1)
        total += value // base + value % base
    return _LETTERS[-total % base]
