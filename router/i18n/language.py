"""A language: its texts by gettext, and how it writes amounts, numbers and times.

The forms are those of the Unicode CLDR for English, Russian and Turkmen, with two differences: the currency's code is
in Latin letters in all of them, and stands behind the amount.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from router.i18n.worded import Worded
from router.money.amounts import format_nano

__all__ = ["CODES", "PSEUDO", "Language", "best_language", "language_of", "zone_names", "zone_of"]

CODES = ("en", "ru", "tk")
"""The languages that there are; English texts are the messages themselves."""

PSEUDO = "en-XA"
"""A language for tests: English with marks around every text that is translated."""

_LOCALE = Path(__file__).parent / "locale"
_NO_BREAK = "\u00a0"
_CHOICE = re.compile(r"\s*([A-Za-z]{2,3})(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*")
_MARKED = str.maketrans("AEIOUYaeiouycns", "ÀËÎÖÛÝàëîöûýçñš")
_HOLDERS = re.compile(r"(%\(\w+\)[sd]|%[sd]|\{\w*\})")


@dataclass(frozen=True)
class Language:
    """One language.

    Attributes:
        code: ``en``, ``ru`` or ``tk``; ``en-XA`` for tests.
        group, decimal: what stands between thousands, and before decimals.
        name: how it calls itself.
    """

    code: str
    name: str
    group: str
    decimal: str
    translations: gettext.NullTranslations = field(repr=False, compare=False)

    def gettext(self, message: str) -> str:
        """A text in this language; the message itself where there is none."""
        if self.code == PSEUDO:
            return _marked(message)
        return self.translations.gettext(message)

    def translated(self, message: str) -> str:
        """What an error says, in this language, with its values."""
        if isinstance(message, Worded):
            return self.gettext(message.template) % message.values
        return self.gettext(message) if message else ""

    def ngettext(self, one: str, many: str, count: int) -> str:
        """As ``gettext``, in the form that goes with a count."""
        if self.code == PSEUDO:
            return _marked(one if count == 1 else many)
        return self.translations.ngettext(one, many, count)

    def number(self, value: int) -> str:
        """A whole number, grouped: ``1,234,567``."""
        return f"{value:,}".replace(",", self.group)

    def amount(self, nano: int, places: int = 2) -> str:
        """An amount without its currency: rounded down, towards less money, to some decimals."""
        unit = 10 ** (9 - places)
        text = format_nano(nano // unit * unit)
        whole, _, rest = text.lstrip("-").partition(".")
        decimals = self.decimal + rest.ljust(places, "0")[:places] if places else ""
        sign = "\u2212" if text.startswith("-") else ""
        return sign + self.number(int(whole)) + decimals

    def money(self, nano: int, currency: str, places: int = 2) -> str:
        """An amount with its currency: ``$12.50`` for USD in English, else ``12.50 TMT``."""
        text = self.amount(nano, places)
        if currency == "USD" and self.code in ("en", PSEUDO):
            return f"\u2212${text[1:]}" if text.startswith("\u2212") else f"${text}"
        return f"{text}{_NO_BREAK}{currency}"

    def minor(self, amount: int, currency: str, decimals: int) -> str:
        """An amount in minor units of a currency, exact, with two decimals at least where it has so many."""
        text = format_nano(amount, min(2, decimals), places=decimals) if decimals else str(amount)
        whole, _, rest = text.partition(".")
        shown = self.number(int(whole)) + (self.decimal + rest if rest else "")
        return f"${shown}" if currency == "USD" and self.code in ("en", PSEUDO) else f"{shown}{_NO_BREAK}{currency}"

    def price(self, nano: int, currency: str) -> str:
        """A price, exact, with two decimals at least: ``$0.000123``; rates of one call are small."""
        text = format_nano(nano)
        places = max(2, len(text.partition(".")[2].rstrip("0")))
        return self.money(nano, currency, places)

    def day(self, seconds: float, zone: tzinfo) -> str:
        """A day: ``29 Nov 2026``."""
        return f"{self.short_day(seconds, zone)}{_NO_BREAK}{datetime.fromtimestamp(seconds, zone).year}"

    def short_day(self, seconds: float, zone: tzinfo) -> str:
        """A day without its year: ``29 Nov``."""
        when = datetime.fromtimestamp(seconds, zone)
        return f"{when.day}{_NO_BREAK}{self._months()[when.month - 1]}"

    def month(self, seconds: float, zone: tzinfo) -> str:
        """A month: ``Nov 2026``."""
        when = datetime.fromtimestamp(seconds, zone)
        return f"{self._months()[when.month - 1]}{_NO_BREAK}{when.year}"

    def moment(self, seconds: float, zone: tzinfo) -> str:
        """A day with its time: ``29 Nov 2026, 21:05:00``."""
        when = datetime.fromtimestamp(seconds, zone)
        return f"{self.day(seconds, zone)}, {when:%H:%M:%S}"

    def lasting(self, seconds: int) -> str:
        """How long something lasts or is to be waited for, in the largest unit that says it whole: ``15 minutes``."""
        if seconds >= 172_800 and seconds % 86_400 == 0:
            return self.ngettext("%(count)s day", "%(count)s days", seconds // 86_400) % {"count": seconds // 86_400}
        if seconds >= 3_600 and seconds % 3_600 == 0:
            return self.ngettext("%(count)s hour", "%(count)s hours", seconds // 3_600) % {"count": seconds // 3_600}
        if seconds >= 60 and seconds % 60 == 0:
            return self.ngettext("%(count)s minute", "%(count)s minutes", seconds // 60) % {"count": seconds // 60}
        return self.ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}

    def _months(self) -> tuple[str, ...]:
        """The months' short names, as they stand in dates."""
        _ = self.gettext
        return (
            *(_("Jan"), _("Feb"), _("Mar"), _("Apr"), _("May (short)").removesuffix(" (short)"), _("Jun")),
            *(_("Jul"), _("Aug"), _("Sep"), _("Oct"), _("Nov"), _("Dec")),
        )


@cache
def language_of(code: str) -> Language:
    """The language with a code; English for one that there is not."""
    if code == PSEUDO:
        return Language(PSEUDO, "[!! Ëñglîšh !!]", ",", ".", gettext.NullTranslations())
    if code == "ru":
        return Language("ru", "Русский", _NO_BREAK, ",", _translations("ru"))
    if code == "tk":
        return Language("tk", "Türkmençe", _NO_BREAK, ",", _translations("tk"))
    return Language("en", "English", ",", ".", gettext.NullTranslations())


def best_language(accepted: str, *, default: str) -> str:
    """The code of the language that a browser's ``Accept-Language`` likes best of those that there are."""
    wanted = [_CHOICE.fullmatch(one) for one in accepted[:1000].split(",")[:32]]
    liked = ((float(one[2] or 1), -number, one[1].lower()) for number, one in enumerate(wanted) if one is not None)
    ordered: Iterable[tuple[float, int, str]] = sorted(liked, reverse=True)
    return next((code for quality, _, code in ordered if quality > 0 and code in CODES), default)


def zone_of(name: str) -> tzinfo:
    """A time zone by its IANA name; UTC for one that is not known."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


@cache
def zone_names() -> frozenset[str]:
    """The IANA names of all time zones; reading them opens a file for each."""
    return frozenset(available_timezones())


def _translations(code: str) -> gettext.NullTranslations:
    return gettext.translation("router", _LOCALE, [code], fallback=True)


def _marked(message: str) -> str:
    """A text that shows that it was translated, a third longer, its placeholders whole."""
    parts = _HOLDERS.split(message)
    changed = "".join(part if _HOLDERS.fullmatch(part) else part.translate(_MARKED) for part in parts)
    return f"[!! {changed}{'·' * (len(message) // 3)} !!]"
