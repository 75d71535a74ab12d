"""Lines that are chained, across processes, days, kills and clocks that are wrong."""

import multiprocessing
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from opsmcp_tools.audit.line import MOST_BYTES, AuditEvent
from opsmcp_tools.audit.trail import Trail
from opsmcp_tools.model.errors import JournalHindered
from tests.tools.audit.trails import NOON, Ground

OPEN, START, SIGNED, TORN = "audit.open", "run.start", "audit.checkpoint", "audit.torn"


def test_a_trail_goes_on_across_days(ground: Ground) -> None:
    ground.days(3).close()
    assert [path.name[-16:] for path in ground.files.all()] == [
        "2026-11-30.jsonl",
        "2026-12-01.jsonl",
        "2026-12-02.jsonl",
    ]
    assert [line["seq"] for line in ground.lines()] == list(range(1, 16))
    assert ground.events() == [OPEN, START, START, START, SIGNED] * 3
    assert ground.found() == ""


def test_two_processes_write_one_trail_in_turn(ground: Ground) -> None:
    one, other = ground.trail(), ground.trail()
    for number in range(5):
        ground.write(one, [f"r-one-{number}"])
        ground.write(other, [f"r-other-{number}"])
    ground.at += timedelta(days=1)
    ground.write(other, ["r-other"])
    ground.write(one, ["r-one"])
    one.close()
    other.close()
    assert ground.found() == ""
    assert ground.events().count(START) == 12
    assert TORN not in ground.events()


def test_a_checkpoint_comes_after_256_lines_whoever_wrote_them(ground: Ground) -> None:
    one, other = ground.trail(), ground.trail()
    many = [AuditEvent("run.start", NOON)] * 200
    for trail in (one, other):
        ground.write(trail, ["r-0"])
    one.append(many)
    other.append(many)
    assert ground.events().count(SIGNED) == 1
    assert ground.events()[-1] == SIGNED


def _start_until_killed(root: Path) -> None:
    ground, number = Ground(root), 0
    trail = ground.trail()
    while True:
        ground.write(trail, [f"r-{number}"])
        number += 1


def test_the_end_of_a_process_that_was_killed_is_mended_and_told(ground: Ground) -> None:
    ground.write(ground.trail(), ["r-0"])  # so that the key is there
    ground.trails.pop().close()
    process = multiprocessing.get_context("spawn").Process(
        target=_start_until_killed, args=(ground.root,), daemon=True
    )
    process.start()
    path = ground.files.path(NOON.date())
    while path.stat().st_size < 20_000 and process.is_alive():
        os.sched_yield()
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    assert "ends without a checkpoint" in ground.found()
    ground.write(ground.trail(), ["r-next"])
    ground.trails[-1].close()
    assert ground.found() == ""
    assert ground.events().count(TORN) == 1


def test_half_a_line_is_cut_off_and_told_with_its_length(ground: Ground) -> None:
    ground.write(ground.trail(), ["r-0"])
    ground.trails.pop().close()
    path = ground.files.path(NOON.date())
    with path.open("ab") as file:
        file.write(b'{"seq":4,"ti')
    assert ground.found() == "2026-11-30.jsonl:4: it is cut off in the middle"
    ground.write(ground.trail(), ["r-1"])
    torn = next(line for line in ground.lines() if line["event"] == TORN)
    assert (torn["seq"], torn["bytes"], torn["outcome"]) == (4, 12, "unknown")
    ground.trails[-1].close()
    assert ground.found() == ""


def test_lines_that_are_cut_off_while_it_is_written_leave_a_gap(ground: Ground) -> None:
    trail = ground.trail()
    ground.write(trail, ["r-0", "r-1"])
    path = ground.files.path(NOON.date())
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    ground.write(trail, ["r-2"])
    trail.close()
    assert "number 3 is missing" in ground.found()


def test_a_file_that_is_removed_while_it_is_written_leaves_a_gap(ground: Ground) -> None:
    trail = ground.days(2)
    ground.files.all()[1].unlink()
    ground.write(trail, ["r-late"])
    trail.close()
    assert "number 6 to 9 is missing" in ground.found()


def test_a_file_that_is_emptied_is_filled_anew_and_told(ground: Ground) -> None:
    ground.days(2).close()
    ground.files.all()[1].write_bytes(b"")
    ground.write(ground.trail(), ["r-late"])
    ground.trails[-1].close()
    assert ground.events()[5:7] == [OPEN, TORN]
    assert ground.found() == ""


def test_a_clock_that_goes_back_starts_no_file_and_breaks_no_chain(ground: Ground) -> None:
    trail = ground.days(2)
    ground.at = NOON - timedelta(days=900)
    ground.write(trail, ["r-back"])
    ground.at = NOON + timedelta(days=9_000)
    ground.write(trail, ["r-ahead"])
    ground.at = NOON
    ground.write(trail, ["r-now"])
    trail.close()
    assert len(ground.files.all()) == 3
    assert ground.found() == ""
    assert ground.verify().back.startswith("audit-one-2026-12-01.jsonl:")


def test_old_files_go_by_their_number_and_what_stays_is_whole(ground: Ground) -> None:
    ground.keep_files = 3
    trail = ground.days(5)
    ground.at += timedelta(days=9_000)
    ground.write(trail, ["r-ahead"])
    trail.close()
    assert len(ground.files.all()) == 3
    report = ground.verify()
    assert report.problem is None
    assert report.first_seq == 16


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_that_is_removed_is_missed(ground: Ground, which: int) -> None:
    ground.days(3).close()
    ground.files.all()[which].unlink()
    missing = ("1 to 5", "6 to 10")[which]
    assert f"{missing} " in ground.found()


def test_lines_that_cannot_be_written_are_refused_and_leave_nothing(ground: Ground) -> None:
    trail = ground.trail()
    ground.write(trail, ["r-0"])
    (ground.root / "audit").rename(ground.root / "elsewhere")
    (ground.root / "audit").write_text("in the way", "utf-8")
    with pytest.raises(JournalHindered, match="the audit trail in .* cannot be written"):
        ground.write(trail, ["r-1"])
    (ground.root / "audit").unlink()
    (ground.root / "elsewhere").rename(ground.root / "audit")
    ground.write(trail, ["r-2"])
    trail.close()
    assert ground.found() == ""
    assert [line.get("run") for line in ground.lines() if line["event"] == START] == ["r-0", "r-2"]


def test_where_nothing_may_be_written_the_setting_is_named(ground: Ground) -> None:
    ground.root = Path("/sys/opsmcp")
    with pytest.raises(JournalHindered, match=r"let the user of opsmcp .*OPSMCP_AUDIT_DIR"):
        ground.write(ground.trail(), ["r-0"])


def test_a_key_that_is_damaged_is_told(ground: Ground) -> None:
    (ground.root / "audit.key").write_text("no key", "utf-8")
    trail = ground.trail()
    ground.write(trail, ["r-0"])
    with pytest.raises(JournalHindered, match="is damaged"):
        trail.close()


def test_a_line_that_is_too_long_loses_what_is_long(ground: Ground) -> None:
    trail: Trail = ground.trail()
    targets = ["\U0001f600" * 250] * 50
    trail.append([AuditEvent("run.start", NOON, details={"run": "r-0", "targets": targets})])
    trail.close()
    line = next(line for line in ground.lines() if line["event"] == START)
    assert (line["run"], line["targets"]) == ("r-0", "(too long)")
    assert max(map(len, ground.files.all()[0].read_bytes().splitlines())) <= MOST_BYTES
    assert ground.found() == ""
