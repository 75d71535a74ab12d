"""Moments in the record: each begun once, whoever looks, and what was missed made up for once."""

from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsmcp_tools.incidents.brakes import Pause
from opsmcp_tools.incidents.moments import Moments
from opsmcp_tools.incidents.schedule import Fire, FireState, Schedule
from opsmcp_tools.incidents.sqlite_file import open_incident_file
from opsmcp_tools.incidents.sqlite_incidents import SqliteIncidents
from opsmcp_tools.incidents.sqlite_schedules import SqliteSchedules
from opsmcp_tools.model.errors import JournalUnusable
from tests.tools.incidents.schedules import schedule

_NOW = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
_NINE = datetime(2026, 11, 30, 9, tzinfo=UTC)
_HOUR, _SECOND = timedelta(hours=1), timedelta(seconds=1)


class Two:
    """Two processes with one record, each with a connection of its own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        files = [stack.enter_context(open_incident_file(folder)) for _ in range(2)]
        self.one, self.other = (
            SqliteSchedules(file, name) for file, name in zip(files, ("a", "b"), strict=True)
        )
        self.file = files[0]
        self.pauses = SqliteIncidents(self.file, "a")

    def pause(self, name: str, *, paused: bool) -> None:
        self.pauses.pause(Pause(name, "anna", _NOW, paused))


@pytest.fixture
def two(tmp_path: Path) -> Generator[Two]:
    with ExitStack() as stack:
        yield Two(tmp_path, stack)


def _begun(
    store: SqliteSchedules, one: Schedule, at: datetime, entered: datetime | None = None
) -> list[datetime]:
    """What begins at a time; and ends at once."""
    if entered is not None:
        store.enter([one], entered)
    fires = store.take([one], at + one.jitter)
    for fire in fires:
        assert store.end(_ended(fire, at + one.jitter))
    return [fire.due_at for fire in fires]


def _ended(fire: Fire, at: datetime) -> Fire:
    return replace(fire, state=FireState.DONE, ended_at=at, verdict="succeeded", status="resolved")


def _states(store: SqliteSchedules) -> list[tuple[str, str]]:
    return [(f"{one.due_at:%H:%M}", str(one.state)) for one in store.last("disk", 50)]


def test_a_moment_is_begun_by_one_of_two_processes_and_once(two: Two) -> None:
    one = schedule()
    assert _begun(two.one, one, _NOW, entered=_NOW) == []
    two.other.enter([one], _NOW)
    assert _begun(two.one, one, _NINE) == [_NINE]
    assert _begun(two.other, one, _NINE) == []
    assert _begun(two.one, one, _NINE + _SECOND) == []
    assert _begun(two.other, one, _NINE + _HOUR) == [_NINE + _HOUR]


def test_nothing_begins_before_its_jitter_has_passed(two: Two) -> None:
    one = next(
        found
        for number in range(99)
        if (found := schedule(name=f"disk-{number}")).jitter > 9 * _SECOND
    )
    two.one.enter([one], _NOW)
    assert two.one.take([one], _NINE + one.jitter - _SECOND) == ()
    assert len(two.one.take([one], _NINE + one.jitter)) == 1


@pytest.mark.parametrize(
    ("catches_up", "begun", "kept"), [(True, 1, FireState.DONE), (False, 0, FireState.MISSED)]
)
def test_of_all_that_was_missed_the_newest_is_made_up_for_once_or_not_at_all(
    two: Two, catches_up: bool, begun: int, kept: FireState
) -> None:
    one = schedule(catches_up=catches_up)
    two.one.enter([one], _NOW)
    late = _NOW + 30 * _HOUR
    found = [_begun(store, one, late, entered=late) for store in (two.one, two.other)]
    newest = _NINE + 29 * _HOUR
    assert found == [[newest] * begun, []]
    assert _states(two.one) == [(f"{newest:%H:%M}", str(kept))]
    assert _begun(two.other, one, newest + _HOUR) == [newest + _HOUR]


def test_while_the_last_run_goes_on_the_next_moment_is_skipped_and_that_is_kept(two: Two) -> None:
    one = schedule("*/5 * * * *")
    two.one.enter([one], _NOW)
    at = _NOW + timedelta(minutes=5) + one.jitter
    (fire,) = two.one.take([one], at)
    later = at + timedelta(minutes=5)
    assert two.one.renew(fire, later)
    assert two.one.take([one], later) == () and two.other.take([one], later) == ()
    assert two.one.end(_ended(fire, later))
    assert _states(two.one) == [("08:40", "skipped"), ("08:35", "done")]


def test_what_a_process_that_is_gone_had_begun_is_taken_over_and_its_late_words_do_not_count(
    two: Two,
) -> None:
    one = schedule()
    two.one.enter([one], _NOW)
    (fire,) = two.one.take([one], _NINE + one.jitter)
    assert two.one.runs(fire, "r-1")
    gone = _NINE + one.jitter + timedelta(seconds=5)
    (taken,) = two.other.take([one], gone)
    assert (taken.due_at, taken.run, taken.key) == (_NINE, "r-1", fire.key)
    assert not two.one.renew(fire, gone)
    assert not two.one.end(_ended(fire, gone))
    assert two.other.end(_ended(taken, gone))
    assert _states(two.one) == [("09:00", "done")]


def test_a_damaged_moment_is_said_and_holds_no_other_schedule_up(
    two: Two, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = schedule(), replace(schedule(), name="other")
    two.one.enter([one, other], _NOW)
    (fire,) = two.one.take([one], _NINE + one.jitter)
    with two.file.writing() as database:
        database.execute("UPDATE fires SET began_at = 'odd'")
    (taken,) = two.other.take([one, other], _NINE + timedelta(seconds=60))
    assert taken.schedule == "other"
    assert "schedule disk begins nothing: the record of schedules holds a damaged" in caplog.text
    with pytest.raises(JournalUnusable, match="damaged"):
        two.one.last(one.name)
    assert two.one.renew(fire, _NINE)


@pytest.mark.parametrize("paused", ["schedule:disk", "*"])
def test_a_pause_begins_nothing_and_its_end_makes_up_for_one(two: Two, paused: str) -> None:
    one = schedule()
    two.one.enter([one], _NOW)
    two.pause(paused, paused=True)
    assert _begun(two.one, one, _NINE) == []
    assert _begun(two.other, one, _NINE + 5 * _HOUR) == []
    two.pause(paused, paused=False)
    late = _NINE + timedelta(hours=5, minutes=20)
    assert _begun(two.other, one, late) == [_NINE + 5 * _HOUR]
    assert _begun(two.one, one, late) == []


def test_a_clock_that_was_wrong_neither_silences_nor_repeats(two: Two) -> None:
    one = schedule()
    two.one.enter([one], _NOW)
    ahead = _NINE + timedelta(days=400)
    assert _begun(two.one, one, ahead) == [ahead]
    two.one.enter([one], _NINE - _SECOND)  # as it is set back
    assert _begun(two.one, one, _NINE) == [_NINE]
    two.one.enter([one], _NINE - _SECOND)
    assert _begun(two.one, one, _NINE + _SECOND) == []


def test_other_moments_count_from_when_they_are_known_and_the_newest_settings_win(
    two: Two,
) -> None:
    old, new = schedule(), schedule("*/10 * * * *")
    two.one.enter([old], _NOW)
    two.other.enter([new], _NINE + timedelta(minutes=15))
    assert _begun(two.one, old, _NINE + timedelta(minutes=30)) == []
    at = _NINE + timedelta(minutes=30)
    assert _begun(two.other, new, at) == [at]
    assert two.one.due() == {"disk": at + timedelta(minutes=10)}


def test_a_restart_finds_what_was_missed_while_a_new_schedule_has_missed_nothing(two: Two) -> None:
    known, new = schedule(), schedule(name="new", moments=Moments("0 * * * *", "UTC"))
    two.one.enter([known], _NOW)
    at = _NINE + timedelta(minutes=30)
    two.one.enter([known, new], at)
    fires: tuple[Any, ...] = two.one.take([known, new], at + timedelta(seconds=30))
    assert [(fire.schedule, fire.due_at) for fire in fires] == [("disk", _NINE)]


def test_what_is_old_goes_and_what_goes_on_stays(two: Two) -> None:
    one = schedule("0 9 * * *")
    _begun(two.one, one, _NINE, entered=_NOW)
    much_later = _NINE + timedelta(days=100)
    _begun(two.one, one, much_later)
    assert [found.due_at for found in two.one.last("disk", 50)] == [much_later]
