"""This machine: a script in a private directory, started below the supervisor of the run."""

import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from opsmcp_pipelines.embedded.engine.file_work import FileOrder, open_work
from opsmcp_pipelines.embedded.engine.files_directory import FileRefused
from opsmcp_pipelines.embedded.engine.machine import Limit, StepEnd
from opsmcp_pipelines.embedded.engine.supervisor import Ended, Supervisor
from opsmcp_pipelines.embedded.engine.work_directory import WorkDirectory
from opsmcp_pipelines.embedded.loader import LOCAL_HOST
from opsmcp_pipelines.report import Status
from opsmcp_pipelines.shell import python_runner
from opsmcp_pipelines.ssh.file_frame import FILE_SCRIPT
from opsmcp_pipelines.ssh.session import RemoteEnd

if TYPE_CHECKING:
    from opsmcp_pipelines.shell.render import Script

__all__ = ["LocalMachine", "go_on"]

_LINGERED = "it left processes behind that kept its output open; they were ended"
_ESCAPED = "somebody keeps its output open who could not be found or ended, and may go on"


_MOVE_FILE = ("/bin/sh", "-c", FILE_SCRIPT)


class LocalMachine:
    """Starts steps on this machine."""

    name = LOCAL_HOST

    def __init__(self, supervisor: Supervisor, environ: Mapping[str, str]) -> None:
        """Start nothing yet; `environ` is what steps see, and says where temporary files are."""
        self.hostname = socket.gethostname()
        self._supervisor = supervisor
        self._environ = environ

    def get_ready(self) -> None:
        """Begin to have what starts steps, which a run that is all elsewhere never needs."""
        self._supervisor.get_ready()

    def prepare(self, script: "Script") -> "_LocalLaunch":
        """Write the script where it is run."""
        try:
            place = _write_script(script, self._environ.get("TMPDIR"))
        except OSError as error:
            return _LocalLaunch(self._supervisor, script, error)
        return _LocalLaunch(self._supervisor, script, place)

    def prepare_file(self, order: FileOrder) -> "_LocalFileLaunch":
        """Move nothing yet."""
        return _LocalFileLaunch(order, self._environ)


class _LocalFileLaunch:
    """A file that is ready to be moved; by what moves it elsewhere, too."""

    def __init__(self, order: FileOrder, environ: Mapping[str, str]) -> None:
        self._order = order
        self._environ = environ

    async def run(self, limit: Limit, on_output: Callable[[bytes], None]) -> StepEnd:
        """Move it."""
        try:
            async with open_work(self._order) as work:
                session = work.session(_MOVE_FILE, self._environ, on_output)
                return work.judge(await session.run(limit.seconds), limit, _not_moved)
        except FileRefused as refused:
            return StepEnd(Status.FAILED, f"not run: {refused}")


def _not_moved(end: RemoteEnd) -> StepEnd:
    return StepEnd(Status.FAILED, f"nothing was moved: {end.reason or end.state.value}")


class _LocalLaunch:
    """A script, and its private directory, or why there is none."""

    def __init__(
        self, supervisor: Supervisor, script: "Script", place: WorkDirectory | OSError
    ) -> None:
        self._supervisor = supervisor
        self._script = script
        self._place = place

    async def run(self, limit: Limit, on_output: Callable[[bytes], None]) -> StepEnd:
        """Run it from its private directory, which is removed afterwards."""
        place = self._place
        try:
            if isinstance(place, OSError):
                raise place
            ended = await self._run_from(place, limit.seconds, on_output)
        except OSError as error:
            note = f"could not be started: {_why_not(error)}"
            return StepEnd(Status.FAILED, note)
        good = ended.code == 0 and not ended.overdue
        return StepEnd(Status.SUCCEEDED if good else Status.FAILED, _note(ended, str(limit)))

    async def _run_from(
        self, place: WorkDirectory, seconds: float, on_output: Callable[[bytes], None]
    ) -> Ended:
        try:
            return await self._supervisor.run(
                _command(self._script, place.folder / "script"),
                env=self._script.environ,
                cwd=place.folder / "work",
                seconds=seconds,
                on_output=on_output,
            )
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(place.remove)


def _write_script(script: "Script", temporary: str | None) -> WorkDirectory:
    """The directory with the script and an empty folder in it."""
    # Not on standard input: a step that reads its input would eat the rest of its script.
    place = WorkDirectory.make(temporary)
    try:
        (place.folder / "work").mkdir(mode=0o700)
        place.write("script", script.text.encode())
    except OSError:
        place.remove()
        raise
    return place


def _command(script: "Script", path: Path) -> list[str]:
    if script.language == "python":
        runner = [python_runner.__file__] if script.mark else []
        return [sys.executable, "-u", *runner, str(path), *([script.mark] if script.mark else [])]
    return ["bash" if script.language == "bash" else "/bin/sh", str(path)]


def _why_not(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "its interpreter or a temporary directory is missing"
    return (error.strerror or "the system refused it").lower()


def _note(ended: Ended, limit: str) -> str:
    if ended.left:
        return f"not over after {limit}, and not all could be ended: {go_on(ended.left)}"
    if ended.code is None:
        return f"not over after {limit}, and it could not be ended: it may go on"
    if ended.overdue:
        return f"stopped after {limit}"
    if ended.code < 0:
        return f"ended by signal {_signal_name(-ended.code)}"
    note = f"exit status {ended.code}" if ended.code else ""
    if ended.lingering or ended.escaped:
        left = _ESCAPED if ended.escaped else _LINGERED
        note = f"{note}; {left}" if note else left
    return note


def go_on(left: Sequence[str]) -> str:
    """That these processes could not be ended."""
    return f"{', '.join(left)} may go on"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
