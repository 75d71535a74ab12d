from datetime import UTC, datetime, timedelta

import pytest

from opsmcp_tools.safe_text.timestamps import parse_timestamp

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("2h", NOW - timedelta(hours=2)),
        (" 7 d ago ", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(days=14)),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22t08:15", datetime(2026, 11, 22, 8, 15, tzinfo=UTC)),
        ("2026-11-22T08:15:00Z", datetime(2026, 11, 22, 8, 15, tzinfo=UTC)),
        ("2026-11-22T08:15+08:00", datetime(2026, 11, 22, 0, 15, tzinfo=UTC)),
    ],
)
def test_times_are_understood(text: str, moment: datetime) -> None:
    assert parse_timestamp(text, NOW) == moment


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2", "-2h", "2h30", "999999w", "2026-13-01", "²h"]
)
def test_what_is_no_time_is_told_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="it must be like 30m, 2h, 7d"):
        parse_timestamp(text, NOW)
