"""clear-disk on a directory of its own: what would go, what goes, and what never goes."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsmcp_pipelines.run import Verdict
from tests.pipelines.bundled.bench import Bench

DAY_SECONDS = 86400


def make_old(path: Path, *, days: int = 30, read_days: int = 30, size: int = 10) -> Path:
    """A file last changed and last read so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    now = path.stat().st_mtime
    os.utime(path, (now - read_days * DAY_SECONDS, now - days * DAY_SECONDS))
    return path


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory below an allowed root; the one of pytest may be elsewhere."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="opsmcp-test-") as path:
        yield Path(path).resolve()


async def test_a_dry_run_lists_and_deletes_nothing(bench: Bench, folder: Path) -> None:
    old = make_old(folder / "deep" / "old.log", size=2 * 1024 * 1024)
    outcome = await bench.run("clear-disk", path=str(folder))
    assert outcome.verdict is Verdict.SUCCEEDED
    assert outcome.text.startswith("1 files would be deleted, 2.0 MiB, not used for 7 days")
    assert str(old) in outcome.text
    assert old.exists()


@pytest.mark.parametrize("word", ["", "no", "False", "0"])
async def test_anything_but_false_is_a_dry_run(bench: Bench, folder: Path, word: str) -> None:
    old = make_old(folder / "old.log")
    await bench.run("clear-disk", path=str(folder), dry_run=word)
    assert old.exists()


async def test_only_old_files_go(bench: Bench, folder: Path) -> None:
    old = make_old(folder / "deep" / "old.log")
    new = make_old(folder / "deep" / "new.log", days=3)
    outcome = await bench.run("clear-disk", path=str(folder), dry_run="false")
    assert outcome.verdict is Verdict.SUCCEEDED
    assert outcome.text.startswith("1 files deleted, ")
    assert not old.exists()
    assert new.exists()


async def test_a_file_that_was_read_lately_stays(bench: Bench, folder: Path) -> None:
    lately = make_old(folder / "old.log", read_days=1)
    await bench.run("clear-disk", path=str(folder), dry_run="false")
    assert lately.exists()


async def test_links_pipes_hidden_files_and_locks_stay(bench: Bench, folder: Path) -> None:
    target = make_old(folder / "kept.lock")
    hidden = make_old(folder / ".X0-lock")
    link, pipe = folder / "link", folder / "pipe"
    link.symlink_to(target)
    os.mkfifo(pipe)
    for path in (link, pipe):
        os.utime(path, (0, 0), follow_symlinks=False)
    outcome = await bench.run("clear-disk", path=str(folder), dry_run="false")
    assert outcome.text.startswith("0 files deleted")
    assert all(path.exists() for path in (target, hidden, link, pipe))


async def test_a_linked_directory_is_not_entered(
    bench: Bench, folder: Path, tmp_path: Path
) -> None:
    outside = make_old(tmp_path / "outside" / "old.log")
    (folder / "link").symlink_to(outside.parent)
    await bench.run("clear-disk", path=str(folder), dry_run="false")
    assert outside.exists()


async def test_a_path_elsewhere_is_refused(bench: Bench, folder: Path) -> None:
    (folder / "link").symlink_to("/etc")
    for path in ("/etc", "/", f"{folder}/../../etc", f"{folder}/link", "/tmpfoo"):
        outcome = await bench.run("clear-disk", path=path)
        assert outcome.verdict is Verdict.FAILED
        assert "nothing else is cleared" in outcome.text


async def test_days_and_path_must_make_sense(bench: Bench, folder: Path) -> None:
    none = await bench.run("clear-disk", path=f"{folder}/none")
    assert f"{folder}/none is not a directory" in none.text
    zero = await bench.run("clear-disk", path=str(folder), days="0")
    assert "days must be 1 to 3650" in zero.text
    assert {none.verdict, zero.verdict} == {Verdict.FAILED}
