"""Where signals are kept: each delivery once, with what follows from it, and bounded."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from opsmcp_tools.incidents.signal import Status
from opsmcp_tools.incidents.sqlite_file import FILE, IncidentFile, open_incident_file
from opsmcp_tools.incidents.sqlite_signals import SqliteSignals
from opsmcp_tools.incidents.store import Bounds
from opsmcp_tools.model.errors import JournalBusy, JournalUnusable
from tests.tools.incidents.signals import NOW, make


@pytest.fixture
def file(tmp_path: Path) -> Iterator[IncidentFile]:
    with open_incident_file(tmp_path) as opened:
        yield opened


def counted(file: IncidentFile, table: str) -> int:
    with file.reading() as database:
        return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_what_was_recorded_is_read_again_as_it_was(file: IncidentFile) -> None:
    signal = make(labels={"a": "é\0\n"}, data={"n": [1, None]}, annotations={"x": "y" * 9_000})
    store = SqliteSignals(file)
    assert store.record([signal]).new == (signal,)
    assert store.signals() == (signal,)


def test_a_delivery_is_new_once_also_within_one_post(file: IncidentFile) -> None:
    store = SqliteSignals(file)
    first = store.record([make("a"), make("b"), make("a")])
    assert [one.delivery_id for one in first.new] == ["a", "b"]
    assert [one.delivery_id for one in first.known] == ["a"]
    again = store.record([make("b"), make("a", sender="other")])
    assert [one.sender for one in again.new] == ["other"]
    assert [one.delivery_id for one in again.known] == ["b"]
    assert counted(file, "signals") == 3


def test_what_follows_from_signals_is_in_their_transaction(file: IncidentFile) -> None:
    seen: list[tuple[int, int, int]] = []

    def correlate(database: sqlite3.Connection, new: object, known: object) -> None:
        inside = database.execute("SELECT count(*) FROM signals").fetchone()[0]
        seen.append((inside, len(list(new)), len(list(known))))  # type: ignore[call-overload]

    store = SqliteSignals(file, correlate)
    store.record([make("a"), make("b")])
    store.record([make("a"), make("c")])
    assert seen == [(2, 2, 0), (3, 1, 1)]


def test_nothing_is_recorded_when_what_follows_fails(file: IncidentFile) -> None:
    def correlate(*_: object) -> None:
        raise LookupError("broken")

    with pytest.raises(LookupError):
        SqliteSignals(file, correlate).record([make("a")])
    assert counted(file, "signals") == 0
    assert SqliteSignals(file).record([make("a")]).new


def test_signals_are_found_by_sender_and_time(file: IncidentFile) -> None:
    store = SqliteSignals(file)
    later = NOW + timedelta(hours=1)
    store.record([make("a"), make("b", sender="grafana"), make("c", received_at=later)])
    assert [one.delivery_id for one in store.signals()] == ["c", "b", "a"]
    assert [one.delivery_id for one in store.signals(limit=1)] == ["c"]
    assert [one.delivery_id for one in store.signals(sender="grafana")] == ["b"]
    assert [one.delivery_id for one in store.signals(since=later)] == ["c"]


def test_activity_counts_signals_and_knows_when_the_last_delivery_was(file: IncidentFile) -> None:
    store, later = SqliteSignals(file), NOW + timedelta(minutes=5)
    store.record([make("a"), make("b", status=Status.RESOLVED)])
    store.record([make("a", received_at=later)])
    (one,) = store.activity()
    assert (one.sender, one.signals, one.last_at) == ("alertmanager", 2, later)


def test_refusals_add_up_by_sender_and_reason(file: IncidentFile) -> None:
    store, later = SqliteSignals(file), NOW + timedelta(minutes=5)
    store.refused({("a", "signature"): 2, ("b", "rate"): 1}, NOW)
    store.refused({("a", "signature"): 3}, later)
    first, second = store.refusals()
    assert (first.sender, first.reason, first.count, first.last_at) == ("a", "signature", 5, later)
    assert (second.sender, second.count) == ("b", 1)


def test_what_was_said_goes_after_days_and_that_it_was_there_after_weeks(
    file: IncidentFile,
) -> None:
    store = SqliteSignals(file, bounds=Bounds(keep_newest=0))
    store.record([make("a")])
    store.record([make("b", received_at=NOW + timedelta(days=8))])
    assert [one.delivery_id for one in store.signals()] == ["b"]
    assert store.record([make("a", received_at=NOW + timedelta(days=29))]).known
    # It was seen again, which counts.
    store.record([make("c", received_at=NOW + timedelta(days=39))])
    assert store.record([make("a", received_at=NOW + timedelta(days=39))]).known
    store.record([make("d", received_at=NOW + timedelta(days=70))])
    assert store.record([make("a", received_at=NOW + timedelta(days=70))]).new


def test_a_clock_that_is_wrong_for_a_while_empties_nothing(file: IncidentFile) -> None:
    store = SqliteSignals(file)
    store.record([make("a")])
    store.record([make("b", received_at=NOW + timedelta(days=4_000))])
    assert counted(file, "signal_bodies") == 2
    assert store.record([make("a")]).known


def test_a_full_record_drops_what_was_said_first_and_the_oldest_first(file: IncidentFile) -> None:
    store = SqliteSignals(file, bounds=Bounds(all_bytes=4 * 1024 * 1024))
    for number in range(25):
        big = {"text": "x" * 50_000}
        store.record([make(f"{number}-{part}", data=big) for part in range(20)])
    kept = store.signals(limit=1_000)
    assert 40 < len(kept) < 90
    assert kept[0].delivery_id == "24-19"
    assert counted(file, "signals") == 500


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    with open_incident_file(tmp_path / "state"):
        assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "state" / FILE).stat().st_mode & 0o777 == 0o600


def test_a_file_of_a_newer_opsmcp_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(JournalUnusable, match="newer opsmcp"), open_incident_file(tmp_path):
        pass


def test_a_damaged_signal_is_said_and_not_taken_for_none(file: IncidentFile) -> None:
    store = SqliteSignals(file)
    store.record([make("a")])
    with file.writing() as database:
        database.execute("UPDATE signal_bodies SET body = '{}'")
    with pytest.raises(JournalUnusable, match="damaged"):
        store.signals()


def test_who_finds_the_file_taken_for_too_long_is_told_so(
    tmp_path: Path, file: IncidentFile
) -> None:
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalBusy), file.writing(patience_seconds=0.0):
            pass
        other.execute("ROLLBACK")
    assert SqliteSignals(file).record([make("a")]).new


_WRITER = """
import sys
from pathlib import Path
from opsmcp_tools.incidents.sqlite_file import open_incident_file
from opsmcp_tools.incidents.sqlite_signals import SqliteSignals
from tests.tools.incidents.signals import make
with open_incident_file(Path(sys.argv[1])) as file:
    store = SqliteSignals(file)
    new = sum(len(store.record([make(f"d{n}")]).new) for n in range(100))
print(new)
"""


def test_processes_and_threads_that_write_at_once_record_each_delivery_once(
    tmp_path: Path, file: IncidentFile
) -> None:
    command = [sys.executable, "-c", _WRITER, str(tmp_path)]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    mine: list[int] = []

    def write() -> None:
        store = SqliteSignals(file)
        mine.append(sum(len(store.record([make(f"d{n}")]).new) for n in range(100)))

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    theirs = [int(other.communicate()[0]) for other in others]
    assert sum(mine) + sum(theirs) == 100
    assert counted(file, "signals") == 100
