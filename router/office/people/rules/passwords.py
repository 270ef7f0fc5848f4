"""Passwords: which ones do, and their hashes, which take a while by intent and are made off the event loop."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import ParamSpec, TypeVar

import gevent
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from gevent.monkey import is_module_patched

from router.errors import BadRequest
from router.i18n.worded import worded

__all__ = ["LENGTH_MAX", "LENGTH_WITH_FACTOR", "check_new_password", "hash_password", "off_loop", "password_fits"]

LENGTH_MAX = 256
LENGTH_WITH_FACTOR = 8
"""The least of a password beside which there is a second factor."""

_AT_ONCE = threading.BoundedSemaphore(3)
"""Hashes under way: each takes a processor, and 19 MiB."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_DISTINCT_MIN = 5
_WORDS = """
password passwort parol пароль motdepasse contrasena senha passphrase mypassword thepassword pass passwd
qwerty qwertyuiop qwertzuiop azertyuiop asdfghjkl zxcvbnm qwertyuiopasdfghjkl qwertyuiopasdfghjklzxcvbnm йцукен
йцукенгшщзхъ фывапролджэ qazwsx qazwsxedc qazwsxedcrfv letmein welcome hello iloveyou iloveyouforever trustno
secret changeme changethis default admin administrator root superuser user guest test tester testing monkey dragon
football baseball sunshine princess master shadow superman batman starwars whatever computer internet
correcthorsebatterystaple abcdefghijklmnopqrstuvwxyz
"""
_COMMON = frozenset(_WORDS.split())

P = ParamSpec("P")
T = TypeVar("T")


def check_new_password(password: str, *, least: int, email: str = "") -> str:
    """A password as it is hashed (NFKC).

    Args:
        least: characters that it must have.
        email: of whose it is to be.

    Raises:
        BadRequest: it is too short (code ``password_too_short``), too long (``password_too_long``), or one that is
            guessed first (``password_too_common``).
    """
    text = unicodedata.normalize("NFKC", password) if len(password) <= LENGTH_MAX else password
    if len(text) > LENGTH_MAX:
        message = worded("A password has at most %(most)s characters.", most=LENGTH_MAX)
        raise BadRequest(message, code="password_too_long", param="password")
    if len(text) < least:
        raise BadRequest(
            worded(
                "A password has at least %(least)s characters: a few words that belong to nothing do well.", least=least
            ),
            code="password_too_short",
            param="password",
        )
    if _is_common(text.casefold(), email.casefold()):
        raise BadRequest(
            "This password is one of those that are guessed first: take another, such as a few words.",
            code="password_too_common",
            param="password",
        )
    return text


def hash_password(password: str) -> str:
    """The hash of a password that ``check_new_password`` gave."""
    return off_loop(_HASHER.hash, _bytes(password))


def password_fits(hash: str, password: str) -> tuple[bool, str]:
    """Whether a password is the one of a hash, and its new hash where the old one's kind is out of date.

    It takes as long where there is no hash: whether somebody is known cannot be told by the time.
    """
    text = unicodedata.normalize("NFKC", password) if len(password) <= LENGTH_MAX else ""
    fits = off_loop(_verified, hash or _nobodys(), _bytes(text))
    if not (fits and hash and text):
        return False, ""
    return True, hash_password(text) if _HASHER.check_needs_rehash(hash) else ""


def off_loop(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function gives that takes a processor for long: in a native thread where there is an event loop to stop,
    and a few at a time everywhere.
    """
    with _AT_ONCE:
        if is_module_patched("threading"):
            result: T = gevent.get_hub().threadpool.apply(function, args, kwargs)
            return result
        return function(*args, **kwargs)


def _verified(hash: str, password: bytes) -> bool:
    try:
        return _HASHER.verify(hash, password)
    except (Argon2Error, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    """A hash for those who have none, of a password that nobody knows."""
    return _HASHER.hash(secrets.token_bytes(32))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _is_common(text: str, email: str) -> bool:
    """Whether a password is guessed first: few signs, a run of them, a well-known word with digits, the address."""
    if len(set(text)) < _DISTINCT_MIN:
        return True
    local, _, domain = email.partition("@")
    words = {email, local, domain, domain.partition(".")[0]} - {""}
    letters = "".join(character for character in text if character.isalpha())
    return _is_run(_unit(text)) or any(_unit(one) in _COMMON | words for one in (text, letters))


def _is_run(text: str) -> bool:
    """``123456789012345``, ``zyxw...``: each sign the one after, or before, the last."""
    steps = {(ord(after) - ord(before)) for before, after in pairwise(text)}
    if text.isdecimal() and text.isascii():
        steps = {step % 10 for step in steps}
        return steps <= {1} or steps <= {9}
    return steps <= {1} or steps <= {-1}


def _unit(text: str) -> str:
    """What a text repeats, in whole or in part at its end: ``password`` of ``passwordpasswordpass``."""
    for length in range(1, len(text) // 2 + 1):
        unit = text[:length]
        if (unit * (len(text) // length + 1))[: len(text)] == text:
            return unit
    return text
