"""Only what is gone takes its operations away; what cannot be read keeps them, and says so."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import anyio
import pytest

from opsmcp_pipelines.embedded.library import Library
from opsmcp_pipelines.embedded.loader import Loaded
from opsmcp_pipelines.embedded.reader import Reading, WatchedReader
from opsmcp_pipelines.errors import SourceUnavailable
from tests.pipelines.embedded.test_loader import task_text, write


def _names(loaded: Loaded) -> list[str]:
    return sorted(task.name for task in loaded.tasks)


def _two(folder: Path) -> Library:
    write(folder / "a.yaml", task_text("one"))
    write(folder / "b.yaml", task_text("two"))
    return Library([folder], "ns")


def _refusing(*paths: Path) -> Callable[[Path], None]:
    """A file system that has no descriptor left when it comes to one of these."""

    def at(path: Path) -> None:
        if path in paths:
            raise OSError(24, "Too many open files")

    return at


def test_a_file_that_cannot_be_read_keeps_what_it_had_and_the_others_go_on(tmp_path: Path) -> None:
    library = _two(tmp_path)
    library.read()
    write(tmp_path / "a.yaml", task_text("new-one"))
    write(tmp_path / "b.yaml", task_text("new-two"))
    loaded = library.read(_refusing(tmp_path / "b.yaml"))
    assert _names(loaded) == ["new-one", "two"]
    assert loaded.unread == (f"{tmp_path}/b.yaml: the file cannot be read: Too many open files",)
    assert _names(library.read()) == ["new-one", "new-two"]
    assert library.read().unread == ()


def test_a_directory_that_cannot_be_listed_keeps_what_it_had(tmp_path: Path) -> None:
    write(tmp_path / "inner/c.yaml", task_text("three"))
    library = _two(tmp_path)
    library.read()
    loaded = library.read(_refusing(tmp_path / "inner"))
    assert _names(loaded) == ["one", "three", "two"]
    assert "inner: this directory of manifests cannot be read" in loaded.unread[0]
    assert _names(library.read(_refusing(tmp_path))) == ["one", "three", "two"]


def test_what_is_gone_takes_its_operations_away(tmp_path: Path) -> None:
    write(tmp_path / "inner/c.yaml", task_text("three"))
    library = _two(tmp_path)
    library.read()
    (tmp_path / "a.yaml").unlink()
    (tmp_path / "inner/c.yaml").unlink()
    (tmp_path / "inner").rmdir()
    loaded = library.read()
    assert (_names(loaded), loaded.unread) == (["two"], ())


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _kernel_log(path: Path) -> None:
    path.symlink_to("/proc/kmsg")


def _memory(path: Path) -> None:
    path.symlink_to("/proc/self/mem")


def _kernel_setting(path: Path) -> None:
    path.symlink_to("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.parametrize("make", [_pipe, _device, _loop, _kernel_log, _memory, _kernel_setting])
def test_only_regular_files_are_opened(make: Callable[[Path], None], tmp_path: Path) -> None:
    library = _two(tmp_path)
    library.read()
    (tmp_path / "b.yaml").unlink()
    make(tmp_path / "b.yaml")
    loaded = library.read()
    assert _names(loaded) == ["one", "two"]
    assert "b.yaml: the file cannot be read" in loaded.unread[0]


def test_an_operation_that_is_defined_twice_in_one_directory_is_warned_of(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write(ours / "a.yaml", f"{task_text('one')}---\n{task_text('one')}")
    write(ours / "b.yaml", task_text("one"))
    write(theirs / "c.yaml", task_text("one"))
    loaded = Library([ours, theirs], "ns").read()
    defined = f"the task 'one' is defined in {ours}/a.yaml, too; the one that is read last counts"
    assert loaded.warnings == (
        f"{ours}/a.yaml: {defined.replace(f'{ours}/a.yaml', 'this file')}",
        f"{ours}/b.yaml: {defined}",
    )
    assert _names(loaded) == ["one"]


def test_a_file_that_somebody_emptied_has_no_operations_any_more(tmp_path: Path) -> None:
    library = _two(tmp_path)
    library.read()
    (tmp_path / "b.yaml").write_bytes(b"")
    loaded = library.read()
    assert (_names(loaded), loaded.unread) == (["one"], ())


def test_a_file_that_is_too_large_is_a_problem_and_is_not_read(tmp_path: Path) -> None:
    library = _two(tmp_path)
    os.truncate(tmp_path / "b.yaml", 1 << 40)
    loaded = library.read()
    assert _names(loaded) == ["one"]
    assert loaded.problems[0].reason.endswith("larger than 1048576 bytes")


class Hanging(Library):
    """Manifests on a file system that does not answer when it is asked for some of them."""

    def __init__(self, folder: Path, hanging: Iterable[Path]) -> None:
        super().__init__([folder], "ns")
        self.hanging = set(hanging)
        self.answers = threading.Event()
        self.hung = 0

    def read(self, at: Callable[[Path], None] = lambda _path: None) -> Loaded:
        def reach(path: Path) -> None:
            at(path)
            if path in self.hanging:
                self.hung += 1
                self.answers.wait()

        return super().read(reach)


def _reader(library: Library) -> WatchedReader:
    return WatchedReader(library, {}, file_seconds=0.5)


async def _read(reader: WatchedReader) -> Reading:
    with anyio.fail_after(60):
        return await reader.read()


async def test_a_file_that_does_not_answer_is_left_out_until_it_does(tmp_path: Path) -> None:
    _two(tmp_path)
    library = Hanging(tmp_path, [tmp_path / "b.yaml"])
    reader = _reader(library)
    first = await _read(reader)
    assert _names(first.loaded) == ["one"]
    assert first.unread == (f"{tmp_path}/b.yaml: the file cannot be read: Connection timed out",)
    assert _names((await _read(reader)).loaded) == ["one"]
    assert library.hung == 1
    library.hanging.clear()
    library.answers.set()
    with anyio.fail_after(5):
        while (await reader.read()).unread:
            pass
    assert _names((await _read(reader)).loaded) == ["one", "two"]


async def test_a_directory_that_does_not_answer_costs_itself(tmp_path: Path) -> None:
    write(tmp_path / "inner/c.yaml", task_text("three"))
    _two(tmp_path)
    library = Hanging(tmp_path, [])
    reader = _reader(library)
    await _read(reader)
    library.hanging.add(tmp_path / "inner")
    write(tmp_path / "a.yaml", task_text("new-one"))
    reading = await _read(reader)
    assert _names(reading.loaded) == ["new-one", "three", "two"]
    assert len(reading.unread) == 2
    library.answers.set()


async def test_where_nothing_answers_the_source_cannot_be_read(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.yaml" for number in range(10)]
    for path in paths:
        write(path, task_text(path.stem))
    library = Hanging(tmp_path, paths)
    with pytest.raises(SourceUnavailable, match="do not answer"):
        await _read(_reader(library))
    library.answers.set()


def test_a_file_that_may_not_be_read_costs_itself_and_says_so(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", task_text("one"))
    write(tmp_path / "b.yaml", task_text("two"))
    trusted = hashlib.sha256(task_text("one").encode()).hexdigest()
    library = Library([tmp_path], "ns", lambda path, digest: digest == trusted)
    loaded = library.read()
    assert [task.name for task in loaded.tasks] == ["one"]
    (problem,) = loaded.problems
    assert "a person has to look at it with `opsmcp trust`" in problem.reason
    write(tmp_path / "a.yaml", task_text("one", "rewritten"))
    assert library.read().tasks == ()


def test_what_is_wrong_is_logged_once_and_not_without_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    library = _two(tmp_path)
    write(tmp_path / "bad.yaml", "kind: Task\n---\n" * 150)
    library.read()
    assert len(caplog.messages) == 101
    assert caplog.messages[-1] == "manifests: 50 more are not right"
    write(tmp_path / "a.yaml", task_text("new-one"))
    library.read()
    assert len(caplog.messages) == 101
