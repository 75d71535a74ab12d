import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.run import NodeResult, Run, StepResult, TaskResult, Verdict
from opsmcp_pipelines.verdict.expected import (
    ExpectedHost,
    ExpectedPlace,
    ExpectedStep,
    ExpectedTask,
    Runner,
    Truth,
)
from opsmcp_tools.journal.process_lock import ProcessLock
from opsmcp_tools.journal.retention import Limits
from opsmcp_tools.journal.sqlite_read import Page, Query
from opsmcp_tools.journal.sqlite_write import Journal, open_journal
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.run_record import RunRecord

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)

EXPECTED = ExpectedTask(
    "a",
    "b",
    run_always=True,
    steps=(
        ExpectedStep("s", Truth.OPEN, may_fail=True),
        ExpectedStep("t", Truth.ON_NUMBER, ends_task=True),
    ),
    place=ExpectedPlace(
        "k=v",
        (ExpectedHost("db-1", ("db-2",)),),
        exact=True,
        runner=Runner.EITHER,
        known=True,
        by_variable=True,
    ),
)


def _record(run: str = "r-1", *, at: datetime = AT, **more: str) -> RunRecord:
    return RunRecord(
        run=run,
        tool=more.get("tool", "say"),
        operation=OperationKey(OperationKind.PIPELINE, "ops-system", "say"),
        principal=more.get("principal", "anna"),
        principal_id=more.get("id", f"local:{more.get('principal', 'anna')}"),
        arguments={"message": "hello"},
        source="here",
        source_run="",
        created_at=at,
        result=Run(Verdict.RUNNING),
        expected=(EXPECTED,),
        definition="5f2b",
    )


def _ended(record: RunRecord, output: str = "done\n") -> RunRecord:
    step = StepResult("s", Verdict.FAILED, output, len(output), allowed=True, note="n")
    task = TaskResult(
        "a", "b", Verdict.FAILED, (NodeResult("w", Verdict.FAILED, (step,)),), {"k": "v"}
    )
    result = Run(Verdict.FAILED, (task,), "it broke", {"k": "v"}, AT, AT + timedelta(seconds=1))
    return replace(record, source_run="say-1", result=result, ended_at=AT + timedelta(seconds=2))


def _any(_record: RunRecord) -> bool:
    return True


def test_a_run_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.add(_record())
        assert journal.get("r-1") == _record()
        journal.accepted("r-1", "say-1")
        assert journal.get("r-1") == replace(_record(), source_run="say-1")
        journal.finish(_ended(_record()))
    with open_journal(tmp_path) as journal:
        assert journal.get("r-1") == _ended(_record())
        assert journal.get("r-2") is None


def test_only_its_owner_may_read_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "opsmcp"
    with open_journal(folder) as journal:
        journal.add(_record())
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {modes.pop("owners")} == {0o700}
    assert set(modes.values()) == {0o600}


def test_lists_are_newest_first_and_filtered(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        for number in range(4):
            journal.add(_record(f"r-{number}", principal="ben" if number % 2 else "anna"))
        journal.finish(_ended(_record("r-2")))
        page = journal.list(Query(limit=3))
        assert ([one.run for one in page.runs], page.before) == (["r-3", "r-2", "r-1"], 2)
        assert [one.run for one in journal.list(Query(before=page.before)).runs] == ["r-0"]
        assert [one.run for one in journal.list(Query(principal_id="local:ben")).runs] == [
            "r-3",
            "r-1",
        ]
        (failed,) = journal.list(Query(verdict=Verdict.FAILED)).runs
        assert (failed.run, failed.result) == ("r-2", Run(Verdict.FAILED, reason="it broke"))
        assert journal.list(Query(operation="other")) == Page()


_LOOKS: dict[str, Callable[[Journal], object]] = {
    "own": lambda journal: journal.list(Query(principal_id="local:anna")),
    "verdict": lambda journal: journal.list(
        Query(principal_id="local:anna", verdict=Verdict.STUCK)
    ),
    "since": lambda journal: journal.list(Query(principal_id="local:anna", since=AT)),
    "head": lambda journal: journal.head("r-1"),
    "same call": lambda journal: journal.same(replace(_record(), digest="d")),
    "same key": lambda journal: journal.same(replace(_record(), key="k")),
    "last good": lambda journal: journal.last_good(_record()),
    "durations": lambda journal: journal.durations(_record()),
    "claim": lambda journal: journal.claim(_any),
}


@pytest.mark.parametrize("look", _LOOKS.values(), ids=_LOOKS)
def test_no_look_reads_the_whole_table(look: Callable[[Journal], object], tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        asked: list[str] = []
        journal._open().reader.set_trace_callback(asked.append)
        look(journal)
        journal._open().reader.set_trace_callback(None)
        plans = [journal._read(f"EXPLAIN QUERY PLAN {statement}", {}) for statement in asked]
    steps = [step["detail"] for plan in plans for step in plan]
    assert [step for step in steps if " runs" in step and "INDEX" not in step] == []
    # Runs that have not ended are few: they may be sorted.
    sorts = [step for step in steps if "B-TREE" in step]
    assert bool(sorts) == ("runs_unfinished" in " ".join(steps))


def test_a_list_does_not_read_the_outputs(tmp_path: Path) -> None:
    noise = "".join(chr(0x4E00 + (n * n * 7919) % 20_000) for n in range(400_000))
    with open_journal(tmp_path) as journal:
        journal.add(_record())
        journal.finish(_ended(_record(), noise))
    path = tmp_path / "journal.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size - 400_000)
        file.write(b"\xff" * 400_000)
    with open_journal(tmp_path) as journal:
        assert [one.run for one in journal.list(Query()).runs] == ["r-1"]
        with pytest.raises(JournalUnusable, match="it is damaged"):
            journal.get("r-1")


def test_what_is_too_old_goes_but_never_what_still_runs(tmp_path: Path) -> None:
    with open_journal(tmp_path, Limits(timedelta(days=3), keep_newest=1)) as journal:
        journal.add(_record("r-running", at=AT - timedelta(days=20)))
        for days in (4, 2, 0):
            journal.add(_record(f"r-{days}", at=AT - timedelta(days=days)))
            journal.finish(_ended(_record(f"r-{days}", at=AT - timedelta(days=days))))
    with open_journal(tmp_path, Limits(timedelta(days=3), keep_newest=1)) as journal:
        journal.add(_record("r-now"))
        kept = [one.run for one in journal.list(Query()).runs]
        assert kept == ["r-now", "r-0", "r-2", "r-running"]


@pytest.mark.parametrize("jump", [timedelta(days=40), timedelta(days=-4000)], ids=["on", "back"])
def test_a_clock_that_is_wrong_for_a_while_deletes_nothing(jump: timedelta, tmp_path: Path) -> None:
    times = [AT + timedelta(seconds=n) for n in range(20)]
    times[15] += jump
    for number, at in enumerate(times):
        with open_journal(tmp_path, Limits(timedelta(days=3), keep_newest=4)) as journal:
            record = _record(f"r-{number}", at=at)
            journal.add(record)
            if number:
                journal.finish(_ended(record))
    with open_journal(tmp_path) as journal:
        assert len(journal.list(Query(limit=100)).runs) == 20


def test_the_oldest_runs_go_when_the_journal_is_too_large(tmp_path: Path) -> None:
    noise = "".join(chr(0x4E00 + (n * n * 7919) % 20_000) for n in range(40_000))
    with open_journal(tmp_path, Limits(all_bytes=1_500_000)) as journal:
        journal.add(_record("r-running"))
        for number in range(60):
            journal.add(_record(f"r-{number}"))
            journal.finish(_ended(_record(f"r-{number}"), noise))
        kept = [one.run for one in journal.list(Query(limit=100)).runs]
    assert kept[0] == "r-59"
    assert kept[-1] == "r-running"
    assert len(kept) < 40
    assert (tmp_path / "journal.db").stat().st_size < 2_000_000


_TROUBLES: dict[str, tuple[str, str]] = {
    "full": ("PRAGMA max_page_count = 1", "the disk is full"),
    "read-only": ("PRAGMA query_only = 1", "it may not be written"),
}


@pytest.mark.parametrize(("statement", "words"), _TROUBLES.values(), ids=_TROUBLES)
def test_a_journal_that_cannot_be_written_says_why(
    statement: str, words: str, tmp_path: Path
) -> None:
    with open_journal(tmp_path) as journal:
        journal._open().writer.execute(statement)
        with pytest.raises(JournalUnusable, match=words):
            for number in range(100):
                journal.add(_record(f"r-{number}"))


def test_a_journal_that_another_process_holds_says_so(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal, open_journal(tmp_path) as other:
        journal._open().writer.execute("PRAGMA busy_timeout = 10")
        with (
            other.together(),
            pytest.raises(JournalUnusable, match="another process holds it locked"),
        ):
            journal.add(_record())
        journal.add(_record())
        assert journal.get("r-1")


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        for number in range(50):
            journal.add(_record(f"r-{number}"))
    size = (tmp_path / "journal.db").stat().st_size
    with (tmp_path / "journal.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with (
        pytest.raises(JournalUnusable, match="it is damaged; stop every opsmcp that uses it"),
        open_journal(tmp_path) as journal,
    ):
        journal.list(Query())


@pytest.mark.parametrize("column", ["result", "arguments", "created_at", "kind"])
def test_a_damaged_run_is_an_error_of_the_journal(column: str, tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.add(_record())
        journal.finish(_ended(_record()))
        with journal._writing() as database:
            database.execute(f"UPDATE runs SET {column} = 'rubbish'")
        with pytest.raises(JournalUnusable, match="holds a damaged run, r-1"):
            journal.get("r-1")


_DAMAGES = (
    "arguments = 'rubbish'",
    """arguments = '{"message": 7}'""",
    "created_at = '2026-13-01'",
    "verdict = 'splendid'",
    "tool = CAST(X'C328' AS TEXT)",
    "reason = X'00'",
)


@pytest.mark.parametrize("damage", _DAMAGES)
def test_a_list_names_a_run_that_is_damaged_and_shows_the_others(
    damage: str, tmp_path: Path
) -> None:
    with open_journal(tmp_path) as journal:
        for number in range(4):
            journal.add(_record(f"r-{number}"))
        with journal._writing() as database:
            database.execute(f"UPDATE runs SET {damage} WHERE run = 'r-2'")
        first = journal.list(Query(limit=2))
        second = journal.list(Query(limit=2, before=first.before))
    assert ([one.run for one in first.runs], first.damaged) == (["r-3"], ("r-2",))
    assert ([one.run for one in second.runs], second.damaged) == (["r-1", "r-0"], ())


def test_a_handle_that_is_damaged_cannot_be_named(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.add(_record())
        with journal._writing() as database:
            database.execute("UPDATE runs SET run = CAST(X'C328' AS TEXT)")
        assert journal.list(Query()) == Page(damaged=("one whose handle is damaged, too",))


def test_a_damaged_run_is_no_past_run_and_hides_none(tmp_path: Path) -> None:
    good = replace(_ended(_record()), result=Run(Verdict.SUCCEEDED))
    with open_journal(tmp_path) as journal:
        for run in ("r-1", "r-2"):
            journal.add(replace(_record(), run=run))
            journal.finish(replace(good, run=run))
        with journal._writing() as database:
            database.execute("UPDATE runs SET arguments = '', created_at = '' WHERE run = 'r-2'")
        assert journal.durations(_record()) == (2.0,)
        found = journal.last_good(_record("r-3"))
    assert found and found.run == "r-1"


@pytest.mark.parametrize(("limit", "kept"), [(30_000, 16_384), (10, None)])
def test_a_run_that_is_too_large_is_kept_shortened(
    limit: int, kept: int | None, tmp_path: Path
) -> None:
    noise = "".join(chr(0x4E00 + (n * n * 7919) % 20_000) for n in range(60_000))
    with open_journal(tmp_path, Limits(result_bytes=limit + 40_000 if kept else limit)) as journal:
        journal.add(_record())
        journal.finish(_ended(_record(), noise))
        found = journal.get("r-1")
        assert found and found.verdict is Verdict.FAILED
        outputs = [step.output for task in found.result.tasks for step in task.nodes[0].steps]
        assert [len(output) for output in outputs] == ([kept] if kept else [])


def test_runs_of_a_closed_journal_can_be_claimed_once(tmp_path: Path) -> None:
    with open_journal(tmp_path) as gone:
        gone.add(_record())
        with open_journal(tmp_path) as other:
            assert other.claim(_any) == ()
    with open_journal(tmp_path) as first, open_journal(tmp_path) as second:
        assert second.claim(lambda record: record.source == "elsewhere") == ()
        assert first.claim(_any) == (_record(),)
        assert second.claim(_any) == ()


@pytest.mark.parametrize("put_back", ["nothing", "another", "the same"])
def test_nothing_is_added_to_a_journal_that_others_would_not_see(
    put_back: str, tmp_path: Path
) -> None:
    with open_journal(tmp_path / "state") as journal:
        journal.add(_record())
        (tmp_path / "state").rename(tmp_path / "old")
        if put_back == "the same":
            (tmp_path / "old").rename(tmp_path / "state")
            assert journal.add(_record("r-2")) is None
            return
        if put_back == "another":
            with open_journal(tmp_path / "state") as other:
                other.require()
        with pytest.raises(JournalUnusable, match="was moved or removed .*; stop every opsmcp"):
            journal.add(_record("r-2"))
        assert journal.get("r-2") is None


def test_what_sqlite_cannot_hold_is_an_error_of_the_journal(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        with pytest.raises(JournalUnusable):
            journal.add(replace(_record(), key="\ud800"))
        journal.add(_record())


_KILLED = """
import os, pathlib, signal, sys
from opsmcp_tools.journal.sqlite_write import open_journal
from tests.tools.journal.test_sqlite_journal import _record
with open_journal(pathlib.Path(sys.argv[1])) as journal:
    journal.add(_record())
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_runs_of_a_killed_process_can_be_claimed_at_once(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], timeout=30, check=False)
    assert done.returncode == -9
    with open_journal(tmp_path) as journal:
        assert journal.claim(_any, "r-1") == (_record(),)
        assert len(list((tmp_path / "owners").iterdir())) == 1


_KILLED_IDLE = """
import os, pathlib, signal, sys
from opsmcp_tools.journal.process_lock import ProcessLock
with ProcessLock(pathlib.Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_stays_of_processes_that_were_killed(tmp_path: Path) -> None:
    folder = tmp_path / "owners"
    for _ in range(2):
        command = [sys.executable, "-c", _KILLED_IDLE, str(folder)]
        assert subprocess.run(command, timeout=30, check=False).returncode == -9
    with ProcessLock(folder) as other, ProcessLock(folder) as own:
        assert {path.name for path in folder.iterdir()} == {own.name, other.name}
        assert other.is_alive(own.name)
    assert list(folder.iterdir()) == []


def test_two_connections_may_write_at_once(tmp_path: Path) -> None:
    with open_journal(tmp_path) as one, open_journal(tmp_path) as two:

        def write(number: int) -> None:
            journal = one if number % 2 else two
            journal.add(_record(f"r-{number}"))
            journal.finish(_ended(_record(f"r-{number}")))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(60)))
        assert len(one.list(Query(verdict=Verdict.FAILED, limit=100)).runs) == 60


@pytest.mark.parametrize(("version", "whose"), [(99, "newer"), (6, "older")])
def test_the_journal_of_another_version_is_left_alone(
    version: int, whose: str, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "journal.db") as database:
        database.execute(f"PRAGMA user_version = {version}")
    database.close()
    said = f"{whose} opsmcp"
    with open_journal(tmp_path) as journal, pytest.raises(JournalUnusable, match=said):
        journal.require()


def test_runs_are_listed_by_the_name_or_the_id_that_a_person_gives(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.add(_record("r-1", id="token:anna"))
        journal.add(_record("r-2", id="https://issuer.example 7"))
        journal.add(_record("r-3", principal="ben"))
        found = {
            text: [one.run for one in journal.list(Query(named=text)).runs]
            for text in ("anna", "token:anna", "https://issuer.example 7", "carl")
        }
    assert found == {
        "anna": ["r-2", "r-1"],
        "token:anna": ["r-1"],
        "https://issuer.example 7": ["r-2"],
        "carl": [],
    }


@pytest.mark.parametrize("where", ["file/state", "broken"])
def test_a_journal_that_cannot_be_opened_says_where(where: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "journal.db").write_bytes(b"not a database" * 100)
    with open_journal(tmp_path / where) as journal, pytest.raises(JournalUnusable, match=where):
        journal.require()


def test_the_last_good_run_is_of_the_same_call_and_before(tmp_path: Path) -> None:
    good = Run(Verdict.SUCCEEDED, started_at=AT, ended_at=AT)
    asked = _record("r-5")
    runs = [
        _record("r-1"),
        _record("r-2"),
        _record("r-3", principal="bert"),
        replace(_record("r-4"), arguments={"message": "bye"}),
        asked,
        _record("r-6"),
    ]
    with open_journal(tmp_path) as journal:
        assert journal.last_good(asked) is None
        for run in runs:
            journal.add(run)
            journal.finish(replace(run, result=good, ended_at=AT))
        journal.finish(_ended(runs[1]))
        found = journal.last_good(asked)
    assert found is not None
    assert found.run == "r-1"
