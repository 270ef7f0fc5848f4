"""Days, weeks and months where clocks change, months end and days are left out."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.types.periods import PERIODS, window_of

ZONES = ("UTC", "Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Pacific/Apia", "Asia/Kathmandu")


def zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


def seconds(text: str, timezone: tzinfo) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=timezone).timestamp()


@pytest.mark.parametrize(
    ("period", "moment", "begins", "ends"),
    [
        ("day", "2025-12-31T23:59:59", "2025-12-31", "2026-01-01"),
        ("week", "2025-07-20T23:59", "2025-07-14", "2025-07-21"),
        ("week", "2025-07-21T00:00", "2025-07-21", "2025-07-28"),
        ("week", "2026-01-01T12:00", "2025-12-29", "2026-01-05"),
        ("month", "2024-02-29T12:00", "2024-02-01", "2024-03-01"),
        ("month", "2025-02-28T23:59:59", "2025-02-01", "2025-03-01"),
        ("month", "2025-12-31T23:59:59", "2025-12-01", "2026-01-01"),
        ("month", "2025-01-31T00:00", "2025-01-01", "2025-02-01"),
    ],
)
def test_where_periods_begin_and_end(period: str, moment: str, begins: str, ends: str) -> None:
    window = window_of(period, seconds(moment, UTC), UTC)
    assert window.start == seconds(begins, UTC)
    assert window.start + window.seconds == seconds(ends, UTC)


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Berlin", "2025-03-30T12:00", 23),
        ("Europe/Berlin", "2025-10-26T12:00", 25),
        ("America/Sao_Paulo", "2018-11-04T12:00", 23),  # its midnight was left out
        ("America/Sao_Paulo", "2018-02-17T12:00", 25),  # its last hour came twice
        ("America/Havana", "2024-11-03T12:00", 25),  # its first hour came twice
    ],
)
def test_days_on_which_clocks_change(name: str, day: str, hours: int) -> None:
    assert window_of("day", seconds(day, zone(name)), zone(name)).seconds == hours * 3600


def test_a_day_is_the_zones_own() -> None:
    at = seconds("2025-07-23T23:30", UTC)
    assert window_of("day", at, ZoneInfo("Europe/Berlin")).start == seconds("2025-07-24", ZoneInfo("Europe/Berlin"))


def test_there_is_no_other_period() -> None:
    with pytest.raises(ValueError, match="day, week, month"):
        window_of("year", 0, UTC)


@given(st.floats(1e9, 4e9), st.sampled_from(ZONES), st.sampled_from(PERIODS))
def test_windows_hold_their_moments_and_leave_no_gap(at: float, name: str, period: str) -> None:
    timezone = zone(name)
    window = window_of(period, at, timezone)
    assert window.start is not None and window.start <= at < window.start + window.seconds
    assert window_of(period, window.start, timezone) == window
    following = window_of(period, window.start + window.seconds, timezone)
    assert following.start == window.start + window.seconds
