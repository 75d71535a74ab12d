"""Where scripts run, secrets and all: nothing stays of them, even if opsmcp was killed."""

import subprocess
import sys
from pathlib import Path

from opsmcp_pipelines.embedded.engine.work_directory import WorkDirectory, remove_left_over
from opsmcp_pipelines.embedded.source import EmbeddedSettings, open_embedded_source
from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.source import StartRequest

_KILLED = """
import os, signal, sys
from opsmcp_pipelines.embedded.engine.work_directory import WorkDirectory
place = WorkDirectory.make(sys.argv[1])
(place.folder / "script").write_text("secret")
os.kill(os.getpid(), signal.SIGKILL)
"""


def _leave_one(temporary: Path) -> None:
    command = [sys.executable, "-c", _KILLED, str(temporary)]
    assert subprocess.run(command, timeout=30, check=False).returncode == -9
    assert len(list(temporary.glob("*/script"))) == 1


def test_what_a_killed_process_left_goes_and_what_is_used_stays(tmp_path: Path) -> None:
    place = WorkDirectory.make(str(tmp_path))
    _leave_one(tmp_path)
    remove_left_over(str(tmp_path))
    assert list(tmp_path.iterdir()) == [place.folder]
    place.remove()
    assert list(tmp_path.iterdir()) == []


def test_whatever_a_script_made_goes_and_nothing_that_it_links_to(tmp_path: Path) -> None:
    (tmp_path / "aim").mkdir()
    (tmp_path / "aim" / "kept").touch()
    for deep in (False, True):
        place = WorkDirectory.make(str(tmp_path))
        place.write("script", b"true")
        (place.folder / "link").symlink_to(tmp_path / "aim")
        if deep:
            (place.folder / "work" / "deep").mkdir(parents=True)
        place.remove()
    assert _names(tmp_path) == ["aim"]
    assert _names(tmp_path / "aim") == ["kept"]


def test_nobody_else_can_read_a_script(tmp_path: Path) -> None:
    place = WorkDirectory.make(str(tmp_path))
    place.write("script", b"true")
    assert (place.folder / "script").stat().st_mode & 0o077 == 0
    assert (place.folder / "script").read_bytes() == b"true"
    place.remove()


def test_nothing_but_such_directories_is_touched(tmp_path: Path) -> None:
    (tmp_path / "aim").mkdir()
    (tmp_path / "opsmcp-step-file").touch()
    (tmp_path / "opsmcp-step-link").symlink_to(tmp_path / "aim")
    (tmp_path / "opsmcp-other").mkdir()
    before = sorted(tmp_path.iterdir())
    remove_left_over(str(tmp_path))
    remove_left_over(str(tmp_path / "nowhere"))
    assert sorted(tmp_path.iterdir()) == before


async def test_the_next_engine_removes_it_before_it_runs_anything(tmp_path: Path) -> None:
    _leave_one(tmp_path)
    settings = EmbeddedSettings({"TMPDIR": str(tmp_path)})
    key = OperationKey(OperationKind.TASK, "ops-system", "host-overview")
    async with open_embedded_source(settings) as source:
        definition = (await source.read()).definition(key)
        assert definition is not None
        await source.start(StartRequest(definition, "r-1"))
    assert _names(tmp_path) == []


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
