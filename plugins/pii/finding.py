"""Personal data in a text, by its shape, and by its check digits where it has some.

No expression here has a repeat within a repeat, or two repeats side by side that take the same characters, and each
repeat is bounded: a text of n characters takes n times a constant, whatever stands in it.
"""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from router import matches_in

__all__ = ["KINDS", "values_in"]

_EMAIL = re.compile(r"(?<![\w.+-])[\w+-][\w.+-]{0,63}@[a-zA-Z0-9-]{1,63}(?:\.[a-zA-Z0-9-]{1,63}){1,8}(?![\w-])")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")
_CARD = re.compile(r"(?<![\w.,-])\d(?:[ -]?\d){12,18}(?![\w-])")
_PHONE = re.compile(
    r"(?<![\w.])(?:\+|00)[1-9](?:[ ./()-]{0,2}\d){6,14}(?!\w)"
    r"|(?<![\w./-])\(?0[1-9]\d{1,4}\)?(?:[ /-]{1,3}\d{2,8}){1,4}(?![\w/-])"
    r"|(?<![\w.])\(?[2-9]\d{2}\)?[ .-]{1,2}[2-9]\d{2}[ .-]\d{4}(?!\w)"
)
_IP4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)")
_IP6 = re.compile(r"(?<![\w:.])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?:\.\d{1,3}){0,3}(?![\w:])")
_IBAN_LENGTHS = range(15, 35)
_CARD_LENGTHS = range(13, 20)
_PHONE_LENGTHS = range(7, 16)


def _is_card(text: str) -> bool:
    """Luhn's check, of a number as cards have it."""
    digits = [int(one) for one in text if one.isdigit()]
    if len(digits) not in _CARD_LENGTHS or digits[0] in (0, 7, 8, 9) or len(set(digits)) == 1:
        return False
    doubled = (one * 2 - 9 * (one > 4) for one in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """The check of ISO 13616: the rest by 97 is one."""
    plain = text.replace(" ", "")
    if len(plain) not in _IBAN_LENGTHS:
        return False
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1


def _is_phone(text: str) -> bool:
    return sum(one.isdigit() for one in text) in _PHONE_LENGTHS


def _is_ip(text: str) -> bool:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (found.is_loopback or found.is_unspecified)


def _always(text: str) -> bool:
    return True


_FINDERS: Sequence[tuple[str, re.Pattern[str], Callable[[str], bool]]] = (
    ("email", _EMAIL, _always),
    ("iban", _IBAN, _is_iban),
    ("card", _CARD, _is_card),
    ("ip", _IP4, _is_ip),
    ("ip", _IP6, _is_ip),
    ("phone", _PHONE, _is_phone),
)
"""In the order of certainty: where two meet, the first counts."""

KINDS = ("email", "phone", "card", "iban", "ip")
"""What can be found."""


def values_in(text: str, kinds: Sequence[str]) -> list[tuple[int, int, str]]:
    """Where personal data stand: from, to, kind; in their order, none within another."""
    taken: list[tuple[int, int, str]] = []
    for kind, pattern, holds in _FINDERS:
        if kind in kinds:
            taken = sorted([*taken, *(one for one in _found(text, kind, pattern, holds) if not _meets(one, taken))])
    return taken


def _found(
    text: str, kind: str, pattern: re.Pattern[str], holds: Callable[[str], bool]
) -> Iterator[tuple[int, int, str]]:
    for match in matches_in(pattern, text):
        start, stop = match.span()
        while stop > start and not holds(text[start:stop]) and kind == "iban" and " " in text[start:stop]:
            stop = start + text[start:stop].rindex(" ")  # a word of capitals behind it is none of it
        if holds(text[start:stop]):
            yield start, stop, kind


def _meets(one: tuple[int, int, str], others: Sequence[tuple[int, int, str]]) -> bool:
    """Whether it meets one of some that are in their order, and apart."""
    place = bisect_left(others, one)
    before, behind = others[max(place - 1, 0) : place], others[place : place + 1]
    return any(one[0] < stop and start < one[1] for start, stop, _ in (*before, *behind))
