"""A journal that cannot be opened: nothing is started, all else works, and it can be mended."""

import sqlite3
from pathlib import Path

import pytest

from opsmcp_tools.errors import JournalUnusable
from opsmcp_tools.journal import Query
from opsmcp_tools.late_journal import late_journal
from opsmcp_tools.sqlite_database import translated
from opsmcp_tools.sqlite_journal import Limits
from tests.execution.test_journal import _record


def test_a_journal_is_opened_once_that_is_possible(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("in the way", encoding="utf-8")
    with late_journal(state, Limits()) as journal:
        for _ in range(2):
            with pytest.raises(JournalUnusable, match="state cannot be used"):
                journal.add(_record())
        state.unlink()
        assert journal.add(_record()) is None
        assert [one.run for one in journal.list(Query())[0]] == ["r-1"]
    assert list((state / "owners").iterdir()) == []


def test_a_journal_that_nobody_needs_is_not_made(tmp_path: Path) -> None:
    with late_journal(tmp_path / "state", Limits()):
        pass
    assert not (tmp_path / "state").exists()


# The file system of processes never has room.
@pytest.mark.parametrize(("folder", "words"), [("/proc", "the disk is full: "), ("", "does not")])
def test_a_full_disk_is_told_from_a_broken_one(folder: str, words: str, tmp_path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_SHMSIZE"
    path = Path(folder or tmp_path) / "journal.db"
    with pytest.raises(JournalUnusable, match=words) as told, translated(path):
        raise error
    assert ("OPSMCP_STATE_DIR" in str(told.value)) == bool(folder)
