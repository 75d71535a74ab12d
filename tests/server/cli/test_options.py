"""The options that commands share."""

import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import click
import pytest

from opsmcp_server.cli.options import Timestamp


@pytest.fixture
def in_zone_of_china(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """This process in a zone that is 8 hours ahead all year."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CST-8")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_zone_of_china")
def test_a_time_without_a_zone_is_one_of_this_machine() -> None:
    found = Timestamp().convert("2026-11-23T09:30", None, None)
    assert found == datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
    assert Timestamp().convert("2026-11-23T09:30Z", None, None) - found == timedelta(hours=8)


def test_what_is_no_time_says_what_is() -> None:
    with pytest.raises(click.BadParameter, match="like 30m, 2h, 7d"):
        Timestamp().convert("soon", None, None)
