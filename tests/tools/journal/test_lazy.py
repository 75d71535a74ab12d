"""A journal that cannot be opened: nothing is started, all else works, and it can be mended."""

import errno
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path

import pytest

from opsmcp_tools.journal.lazy import LazyJournal, lazy_journal
from opsmcp_tools.journal.protocol import Query
from opsmcp_tools.journal.sqlite_file import VERSIONS, translated
from opsmcp_tools.journal.sqlite_read import open_to_read
from opsmcp_tools.journal.sqlite_write import Limits, SqliteJournal, open_journal
from opsmcp_tools.model.errors import JournalUnusable
from tests.tools.journal.test_sqlite_journal import _record


def test_a_journal_is_opened_once_that_is_possible(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("in the way", encoding="utf-8")
    with lazy_journal(state, Limits()) as journal:
        for _ in range(2):
            with pytest.raises(JournalUnusable, match="state cannot be used"):
                journal.add(_record())
        state.unlink()
        assert journal.add(_record()) is None
        assert [one.run for one in journal.list(Query()).runs] == ["r-1"]
    assert list((state / "owners").iterdir()) == []


@pytest.mark.parametrize("used", ["by nobody", "by another", "by one that found no room"])
def test_what_a_journal_holds_is_read_where_nothing_can_be_written(
    used: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        with ExitStack() as done:
            until = stack if used == "by another" else done
            until.enter_context(open_journal(tmp_path)).add(_record())
        if used == "by one that found no room":
            (tmp_path / "journal.db-wal").touch()
            (tmp_path / "journal.db-shm").write_bytes(b"\0" * 3)
        _leave_no_room(tmp_path)
        before = _files(tmp_path)
        late = stack.enter_context(lazy_journal(tmp_path, Limits()))
        assert [one.run for one in late.list(Query()).runs] == ["r-1"]
        assert late.get("r-1") == _record()
        assert late.uses() == {"say": 1}
        with pytest.raises(JournalUnusable, match="cannot be used: there is a file where"):
            late.add(_record("r-2"))
        assert _files(tmp_path) == before


def test_a_journal_of_before_is_not_read_while_it_cannot_be_brought_up_to_date(
    tmp_path: Path,
) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database:
        database.executescript(f"{VERSIONS[0]}; PRAGMA user_version = 1")
    _leave_no_room(tmp_path)
    with (
        lazy_journal(tmp_path, Limits()) as journal,
        pytest.raises(JournalUnusable, match="there is a file where"),
    ):
        journal.list(Query())


def _leave_no_room(state: Path) -> None:
    """As on a full disk, the file by which a process shows that it lives cannot be made."""
    for file in (state / "owners").glob("*"):
        file.unlink()
    with suppress(FileNotFoundError):
        (state / "owners").rmdir()
    (state / "owners").touch()


def _files(state: Path) -> set[str]:
    return {path.name for path in state.iterdir()}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EMFILE, errno.EDQUOT])
def test_what_can_pass_by_itself_is_no_reason_not_to_begin(number: int, tmp_path: Path) -> None:
    def open_it() -> SqliteJournal:
        with translated(tmp_path):
            raise OSError(number, "Trouble")

    journal = LazyJournal(open_it, partial(open_to_read, tmp_path))
    journal.require()
    with pytest.raises(JournalUnusable, match=str(tmp_path)):
        journal.add(_record())


def _put_a_folder_in_the_way(state: Path) -> None:
    (state / "journal.db").mkdir()


@pytest.mark.parametrize("spoil", [_leave_no_room, _put_a_folder_in_the_way])
def test_what_somebody_has_to_mend_is(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    spoil(tmp_path)
    with lazy_journal(tmp_path, Limits()) as journal, pytest.raises(JournalUnusable):
        journal.require()


def test_a_journal_that_nobody_needs_is_not_made(tmp_path: Path) -> None:
    with lazy_journal(tmp_path / "state", Limits()):
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
