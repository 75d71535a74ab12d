"""The files that a chat writes."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from opsmcp_server.copilot.chat.transcript import Saved


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "talk.md"


def test_a_file_of_its_own_is_written_anew_for_its_owner_alone(file: Path) -> None:
    saved = Saved()
    saved.write(file, "one and more")
    file.chmod(0o644)
    saved.write(file, "two")
    assert file.read_text("utf-8") == "two"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def written(file: Path) -> None:
    file.write_text("mine", "utf-8")


def linked(file: Path) -> None:
    target = file.with_name("target")
    target.write_text("mine", "utf-8")
    file.symlink_to(target)


@pytest.mark.parametrize("made", [written, linked, os.mkfifo])
def test_what_is_there_already_is_left_alone(file: Path, made: Callable[[Path], None]) -> None:
    made(file)
    before = file.lstat()
    with pytest.raises(OSError, match=r"exists|No such device"):
        Saved().write(file, "theirs")
    assert file.lstat() == before
    assert not file.is_file() or file.read_text("utf-8") == "mine"


def test_a_file_of_its_own_that_somebody_changed_is_left_alone(file: Path) -> None:
    saved = Saved()
    saved.write(file, "one")
    with file.open("a", encoding="utf-8") as more:
        more.write(" and what I think of it")
    with pytest.raises(FileExistsError):
        saved.write(file, "two")
    assert file.read_text("utf-8") == "one and what I think of it"
