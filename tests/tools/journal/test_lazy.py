"""A journal that cannot be opened: nothing is started, all else works, and it can be mended."""

import errno
import resource
import sqlite3
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from opsmcp_tools.journal.sqlite_file import translated
from opsmcp_tools.journal.sqlite_read import Query
from opsmcp_tools.journal.sqlite_write import open_journal
from opsmcp_tools.model.errors import JournalHindered, JournalUnusable
from tests.tools.journal.test_sqlite_journal import _record


def test_a_journal_is_opened_once_that_is_possible(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("in the way", encoding="utf-8")
    with open_journal(state) as journal:
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
        late = stack.enter_context(open_journal(tmp_path))
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
        database.execute("CREATE TABLE runs (sequence)")
    _leave_no_room(tmp_path)
    with (
        open_journal(tmp_path) as journal,
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


def test_what_can_pass_by_itself_is_no_reason_not_to_begin(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal, _no_more_files():
        journal.require()
        with pytest.raises(JournalHindered, match=str(tmp_path)):
            journal.add(_record())


@contextmanager
def _no_more_files() -> Generator[None]:
    """This process may open no more files for the time of the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EMFILE, errno.EDQUOT])
def test_what_can_pass_by_itself_is_told_from_what_cannot(number: int, tmp_path: Path) -> None:
    with pytest.raises(JournalHindered, match=str(tmp_path)), translated(tmp_path):
        raise OSError(number, "Trouble")


def _put_a_folder_in_the_way(state: Path) -> None:
    (state / "journal.db").mkdir()


@pytest.mark.parametrize("spoil", [_leave_no_room, _put_a_folder_in_the_way])
def test_what_somebody_has_to_mend_is(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    spoil(tmp_path)
    with open_journal(tmp_path) as journal, pytest.raises(JournalUnusable):
        journal.require()


def test_a_journal_that_nobody_needs_is_not_made(tmp_path: Path) -> None:
    with open_journal(tmp_path / "state"):
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
