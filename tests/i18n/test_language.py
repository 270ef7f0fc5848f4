"""What people read in their language: texts, plurals, amounts that are never too much, days where they live."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from router.i18n.language import CODES, PSEUDO, Language, best_language, language_of, zone_of

NB = "\u00a0"
MINUS = "\u2212"
EN, RU, TK = (language_of(code) for code in CODES)
ASHGABAT = ZoneInfo("Asia/Ashgabat")


@pytest.mark.parametrize(
    ("nano", "places", "en", "ru"),
    [
        (0, 2, "0.00", "0,00"),
        (1_234_567_890_000_000, 2, "1,234,567.89", f"1{NB}234{NB}567,89"),
        (19_999_999, 2, "0.01", "0,01"),
        (9_999_999, 2, "0.00", "0,00"),
        (12_999_999_999, 2, "12.99", "12,99"),
        (12_999_999_999, 0, "12", "12"),
        (12_999_999_999, 9, "12.999999999", "12,999999999"),
        (-1, 2, f"{MINUS}0.01", f"{MINUS}0,01"),
        (-1_500_000_001, 2, f"{MINUS}1.51", f"{MINUS}1,51"),
        (-1_500_000_000, 2, f"{MINUS}1.50", f"{MINUS}1,50"),
    ],
)
def test_amounts_are_rounded_towards_less_money(nano: int, places: int, en: str, ru: str) -> None:
    assert (EN.amount(nano, places), RU.amount(nano, places), TK.amount(nano, places)) == (en, ru, ru)


def test_a_currency_stands_where_the_language_has_it() -> None:
    nano = 1_234_500_000_000
    assert EN.money(nano, "USD") == "$1,234.50"
    assert EN.money(-nano, "USD") == f"{MINUS}$1,234.50"
    assert EN.money(nano, "TMT") == f"1,234.50{NB}TMT"
    assert RU.money(nano, "USD") == f"1{NB}234,50{NB}USD"
    assert TK.money(nano, "TMT") == f"1{NB}234,50{NB}TMT"


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "$0.00"), (123_000, "$0.000123"), (2_500_000_000, "$2.50"), (1, "$0.000000001"), (1_100_000_000, "$1.10")],
)
def test_prices_are_exact(nano: int, text: str) -> None:
    assert EN.price(nano, "USD") == text


def test_numbers_are_grouped() -> None:
    assert [one.number(1_234_567) for one in (EN, RU, TK)] == ["1,234,567", *(f"1{NB}234{NB}567",) * 2]
    assert EN.number(999) == "999"


def test_days_are_those_of_the_persons_zone() -> None:
    moment = datetime(2026, 11, 28, 20, 30, 5, tzinfo=UTC).timestamp()
    assert EN.day(moment, UTC) == f"28{NB}Nov{NB}2026"
    assert EN.moment(moment, ASHGABAT) == f"29{NB}Nov{NB}2026, 01:30:05"
    assert RU.moment(moment, ASHGABAT) == f"29{NB}ноя{NB}2026, 01:30:05"
    assert TK.moment(moment, ASHGABAT) == f"29{NB}noý{NB}2026, 01:30:05"


def test_days_around_a_change_of_clocks() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before, after = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert [EN.moment(one.timestamp(), berlin)[-8:] for one in (before, after)] == ["02:30:00", "02:30:00"]


def test_may_is_short_in_every_language() -> None:
    moment = datetime(2026, 5, 9, tzinfo=UTC).timestamp()
    assert [one.day(moment, UTC).replace(NB, " ") for one in (EN, RU, TK)] == ["9 May 2026", "9 мая 2026", "9 maý 2026"]


@pytest.mark.parametrize(
    ("count", "ru", "tk"),
    [
        (1, "1 минута", "1 minut"),
        (2, "2 минуты", "2 minut"),
        (5, "5 минут", "5 minut"),
        (11, "11 минут", "11 minut"),
        (21, "21 минута", "21 minut"),
        (22, "22 минуты", "22 minut"),
        (59, "59 минут", "59 minut"),
    ],
)
def test_plurals(count: int, ru: str, tk: str) -> None:
    assert (RU.lasting(count * 60), TK.lasting(count * 60)) == (ru, tk)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (900, "15 minutes"),
        (3_600, "1 hour"),
        (5_400, "90 minutes"),
        (86_400, "24 hours"),
        (604_800, "7 days"),
    ],
)
def test_how_long_something_lasts(seconds: int, text: str) -> None:
    assert EN.lasting(seconds) == text


def test_the_language_for_tests_marks_every_text_and_keeps_its_placeholders() -> None:
    pseudo = language_of(PSEUDO)
    text = pseudo.gettext("The key %(key)s of {name} is %s")
    assert text.startswith("[!! ") and text.endswith(" !!]") and "key" not in text.replace("%(key)s", "")
    assert "%(key)s" in text and "{name}" in text and "%s" in text
    assert len(text) > 1.3 * len("The key %(key)s of {name} is %s")
    assert pseudo.ngettext("one", "many", 2) != pseudo.ngettext("one", "many", 1)


@pytest.mark.parametrize("code", ["", "xx", "EN", "ru-RU", "../ru"])
def test_a_language_that_there_is_not_is_english(code: str) -> None:
    assert language_of(code) == EN
    assert language_of(code).gettext("When") == "When"


def test_languages_call_themselves() -> None:
    assert [language_of(code).name for code in CODES] == ["English", "Русский", "Türkmençe"]
    assert isinstance(RU, Language) and RU.gettext("When") == "Когда"


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("tk-TM,ru;q=0.9,en;q=0.8", "tk"),
        ("de, ru;q=0.3, tk;q=0.7", "tk"),
        ("fr-CH, fr;q=0.9", "en"),
        ("RU-ru", "ru"),
        ("ru;q=0, tk;q=0", "en"),
        ("*", "en"),
        (";;;q=,,ru;q=x", "en"),
        (",".join(["de"] * 500) + ",ru", "en"),
    ],
)
def test_the_browsers_wish(accepted: str, code: str) -> None:
    assert best_language(accepted, default="en") == code


@pytest.mark.parametrize("name", ["", "Mars/Base", "../../etc/passwd", "/etc/localtime", "a\0b", "x" * 5000])
def test_a_zone_that_there_is_not_is_utc(name: str) -> None:
    assert zone_of(name) is UTC
    assert zone_of("Asia/Ashgabat") == ASHGABAT


@pytest.mark.parametrize(
    ("code", "amount", "currency", "decimals", "shown"),
    [
        ("en", 123_450, "USD", 2, "$1,234.50"),
        ("en", 25_000_001, "USDT", 6, "25.000001\u00a0USDT"),
        ("en", 1500, "JPY", 0, "1,500\u00a0JPY"),
        ("en", 10**18 + 1, "ETH", 18, "1.000000000000000001\u00a0ETH"),
        ("ru", 1_234_567, "USD", 2, "12\u00a0345,67\u00a0USD"),
        ("tk", 50, "TMT", 2, "0,50\u00a0TMT"),
    ],
)
def test_minor_units_are_shown_exactly(code: str, amount: int, currency: str, decimals: int, shown: str) -> None:
    assert language_of(code).minor(amount, currency, decimals) == shown
