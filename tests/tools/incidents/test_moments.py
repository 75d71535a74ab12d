"""When a cron expression is due: through summer time, and whatever somebody writes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from opsmcp_tools.incidents.moments import BadMoments, Moments


def _following(cron: str, zone: str, after: str, count: int) -> list[str]:
    """The next moments as the clocks of the zone show them, with their offset."""
    moments, found = Moments(cron, zone), datetime.fromisoformat(after).astimezone(UTC)
    shown: list[str] = []
    for _ in range(count):
        following = moments.next_after(found)
        assert following is not None and following > found
        found = following
        shown.append(f"{found.astimezone(ZoneInfo(zone)):%m-%d %H:%M%z}")
    return shown


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # A fixed time that spring skips is due right after the gap, once.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00+01:00",
            ["03-29 03:00+0200", "03-30 02:30+0200"],
        ),
        (
            "0,30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00+01:00",
            ["03-29 03:00+0200", "03-30 02:00+0200"],
        ),
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T12:00+10:30",
            ["10-04 02:30+1100", "10-05 02:15+1100"],
        ),
        (
            "0 0 * * *",
            "America/Sao_Paulo",
            "2018-11-03T12:00-03:00",
            ["11-04 01:00-0200", "11-05 00:00-0200"],
        ),
        # One that autumn has twice is due once, whichever of the two hours it is now.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00+02:00",
            ["10-25 02:30+0200", "10-26 02:30+0100"],
        ),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T02:10+01:00", ["10-26 02:30+0100"]),
        (
            "45 1 * * *",
            "Australia/Lord_Howe",
            "2026-04-04T12:00+11:00",
            ["04-05 01:45+1100", "04-06 01:45+1030"],
        ),
        # An interval goes by the time that passes: nothing in the gap, both hours in autumn.
        (
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-03-29T01:15+01:00",
            ["03-29 01:30+0100", "03-29 03:00+0200"],
        ),
        (
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-10-25T02:15+02:00",
            ["10-25 02:30+0200", "10-25 02:00+0100", "10-25 02:30+0100", "10-25 03:00+0100"],
        ),
        # A day that a zone left out.
        (
            "0 0,12 * * *",
            "Pacific/Apia",
            "2011-12-29T12:30-10:00",
            ["12-31 00:00+1400", "12-31 12:00+1400"],
        ),
        (
            "0 9 * * 1#2",
            "Asia/Kathmandu",
            "2026-01-01T00:00+05:45",
            ["01-12 09:00+0545", "02-09 09:00+0545"],
        ),
    ],
)
def test_moments_go_through_summer_time_as_those_of_cron(
    cron: str, zone: str, after: str, expected: list[str]
) -> None:
    assert _following(cron, zone, after, len(expected)) == expected


@pytest.mark.parametrize("cron", ["30 2 * * *", "*/20 * * * *", "15 */3 * * *", "5 1,2,3 * * 0"])
def test_no_moment_is_there_twice_or_goes_back(cron: str) -> None:
    """Asked again at every half hour of a change, as a server that starts then does."""
    moments = Moments(cron, "Europe/Berlin")
    for day in (datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 10, 24, 20, tzinfo=UTC)):
        promised = day
        for number in range(24):
            at = day + timedelta(minutes=30 * number)
            following = moments.next_after(at)
            assert following is not None and following > at
            assert number == 0 or at >= promised or following == promised
            promised = following


def test_the_newest_moment_that_was_missed_is_found_however_long_ago() -> None:
    moments = Moments("30 9 1 * *", "Asia/Shanghai")
    since = datetime(2020, 1, 1, tzinfo=UTC)
    until = datetime(2026, 11, 30, 17, 30, tzinfo=UTC)
    assert moments.newest(since, until) == datetime(2026, 11, 1, 1, 30, tzinfo=UTC)
    assert moments.newest(datetime(2026, 11, 1, 1, 30, tzinfo=UTC), until) is not None
    assert moments.newest(datetime(2026, 11, 1, 1, 31, tzinfo=UTC), until) is None


@pytest.mark.parametrize(
    ("cron", "zone", "why"),
    [
        ("@hourly", "UTC", "it must have 5 fields, such as '30 9 * * 1-5'"),
        ("0 30 9 * * *", "UTC", "it must have 5 fields"),
        ("61 * * * *", "UTC", "bad minute; such as '30 9 * * 1-5'"),
        ("* * * * FOO", "UTC", "bad day-of-week"),
        ("0 0 31 2 *", "UTC", "bad day-of-month"),
        ("0 0 */30 * 1#3", "UTC", "it is never due; such as"),
        ("0 9 * * *", "Europe/Atlantis", "there is no such time zone"),
        ("0 9 * * *", "../../etc/passwd", "there is no such time zone"),
        ("0 9 * * *", "", "there is no such time zone"),
    ],
)
def test_what_is_never_due_is_refused_with_an_example(cron: str, zone: str, why: str) -> None:
    with pytest.raises(BadMoments, match=why.replace("*", r"\*")):
        Moments(cron, zone)
