"""A disk that is full in the middle of a run: its end is kept all the same, for everybody."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from opsmcp_pipelines.run import Run, Verdict
from opsmcp_tools.journal.sqlite_write import open_journal
from opsmcp_tools.model.errors import JournalHindered
from tests.tools.journal.test_sqlite_journal import AT, _record

_MOUNT = 'mount -t tmpfs -o size=4m none "$1" && shift && exec "$@"'
_UNSHARE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def small_disk(folder: Path) -> list[str]:
    """What a command begins with for which a disk of 4 MB is mounted on that folder."""
    return [*_UNSHARE, "sh", "-c", _MOUNT, "sh", str(folder)]


def fill(folder: Path) -> Path:
    """Leave no room on the disk of that folder: the file that takes it."""
    path = folder / "filling"
    with pytest.raises(OSError, match="No space left"), path.open("ab", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return path


def _on_a_small_disk(folder: Path) -> None:
    with open_journal(folder) as journal:
        for number in range(20):
            journal.add(_record(f"r-{number}"))
        filling = fill(folder)
        with pytest.raises(JournalHindered):
            for number in range(20):
                journal.progressed(replace(_record(f"r-{number}"), result=_long(number)))
        for number in range(20):
            ended = AT + timedelta(seconds=number)
            journal.finish(replace(_record(f"r-{number}"), result=_long(number), ended_at=ended))
        _check_ends(folder)
        fill(folder)
        with pytest.raises(JournalHindered, match="the disk is full"):
            journal.add(_record("r-late"))
        assert journal.get("r-late") is None
        filling.unlink()
        assert journal.add(_record("r-late")) is None
    _check_ends(folder)
    assert (folder / "reserve").stat().st_size == 512 * 1024


def _long(number: int) -> Run:
    return Run(Verdict.SUCCEEDED, reason=f"{number}: {os.urandom(2_000).hex()}")


def _check_ends(folder: Path) -> None:
    with open_journal(folder) as others:
        for number in range(20):
            record = others.get(f"r-{number}")
            assert record is not None
            assert record.verdict is Verdict.SUCCEEDED
            assert record.result.reason.startswith(f"{number}: ")


def test_the_end_of_a_run_is_kept_on_a_full_disk_and_nothing_new_is_started(
    tmp_path: Path,
) -> None:
    small = small_disk(tmp_path)
    if subprocess.run([*small, "true"], capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    script = [sys.executable, "-m", "tests.faults.test_full_disk", str(tmp_path)]
    ended = subprocess.run([*small, *script], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


if __name__ == "__main__":
    _on_a_small_disk(Path(sys.argv[1]))
