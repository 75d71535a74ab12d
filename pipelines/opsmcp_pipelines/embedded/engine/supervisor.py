"""The steps of one run as subprocesses: started, followed, and ended with all that they started.

Speaks to a program of its own (`supervisor_main`) that the steps are below, one for each run. What
it cannot find is said: what another service starts for a step (`systemd-run`, `docker run`, `at`,
a command on another machine) is nowhere below it, and where there is no `/proc` only the process
groups of the steps are known. Knows nothing of steps or variables.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread
from anyio.abc import Process

from opsmcp_pipelines.embedded.engine import supervisor_main
from opsmcp_pipelines.embedded.engine.own_environment import hide_own_environment
from opsmcp_pipelines.embedded.engine.supervisor_main import (
    MARK,
    SEES_PROCESSES,
    Ending,
    Message,
    end_marked,
    pack,
    unpack,
)
from opsmcp_pipelines.embedded.process_id import ProcessId

__all__ = ["Ended", "Supervisor", "SupervisorGone", "end_left_over", "open_supervisor"]

_GROUPS_ONLY = "what left the process groups of its steps cannot be found on this system"
_MARKED_ONLY = "its supervisor was killed, and what no longer carried its mark was not found"

# Imported, since a script is compiled anew each time. Of this folder nothing else is found first.
_PROGRAM = "import sys; sys.path.append(sys.argv[1]); import supervisor_main as m; m.main()"
_FOLDER = str(Path(supervisor_main.__file__).parent)

_LINGER_SECONDS = 1.0
_ANSWER_SECONDS = 12.0
"""Longer than the program takes to end what it can."""

_LOOK_SECONDS = 0.05
_CHUNK_BYTES = 64 * 1024


class SupervisorGone(Exception):
    """The program that holds a run together was killed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a step ended. `overdue` when it was stopped, with all that it started but for `left`.

    `code` is negative for a signal, and None of one that could not be ended. `lingering` when
    others kept its output open and were ended, `escaped` when somebody still does.
    """

    code: int | None
    overdue: bool = False
    left: tuple[str, ...] = ()
    lingering: bool = False
    escaped: bool = False


@asynccontextmanager
async def open_supervisor(
    run: str, environ: Mapping[str, str]
) -> AsyncGenerator["Supervisor", None]:
    """What starts the steps of a run; if the block does not come to its end, all of it ends.

    Args:
        run: The name of the run, which marks what belongs to it.
        environ: What every step may see, and so may the environment of their parent.
    """
    supervisor = Supervisor(run, environ)
    try:
        yield supervisor
        supervisor.let_go()
    finally:
        with anyio.CancelScope(shield=True):
            await supervisor.close()


class Supervisor:
    """The processes of one run. Made by `open_supervisor`."""

    def __init__(self, run: str, environ: Mapping[str, str]) -> None:
        """Start nothing yet: a run may have nothing to start."""
        self.process: ProcessId | None = None
        self.left: tuple[str, ...] = ()
        self.unseen = "" if SEES_PROCESSES else _GROUPS_ONLY
        self._run = run
        self._environ = {**environ, MARK: run}
        self._process: Process | None = None
        self._socket: socket.socket | None = None
        self._buffer = b""
        self._came: Message = {}
        self._gone = False

    async def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        seconds: float,
        on_output: Callable[[bytes], None],
        on_start: Callable[[], Awaitable[object]],
    ) -> Ended:
        """Run `command` to its end, or for `seconds`, in a session of its own.

        What does not die when it is killed is waited for for seconds only. Standard input is empty;
        both outputs arrive in `on_output` in their order of arrival. `on_start` is awaited before
        it runs. When this is cancelled, the command goes on until `close`.

        Raises:
            OSError: It could not be started.
            SupervisorGone: What it was started by was killed meanwhile; all of it was ended.
        """
        if self._process is None:
            await self._begin()
        await on_start()
        reading, writing = os.pipe()
        try:
            os.set_blocking(reading, False)
            try:
                message = {"do": "start", "command": list(command), "cwd": str(cwd)}
                await self._send({**message, "env": {**self._environ, **env}}, writing)
            finally:
                os.close(writing)
            step, errno = await self._answer("started")
            if errno:
                raise OSError(errno, os.strerror(errno))
            return await self._follow(step, reading, seconds, on_output)
        finally:
            os.close(reading)

    async def _begin(self) -> None:
        hide_own_environment()
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = await anyio.open_process(
                    [sys.executable, "-I", "-S", "-X", "utf8", "-c", _PROGRAM, _FOLDER],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env=self._environ,
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        self._socket = ours
        self.process = ProcessId.of(self._process.pid)

    async def _follow(
        self, step: int, reading: int, seconds: float, on_output: Callable[[bytes], None]
    ) -> Ended:
        closed, ended = anyio.Event(), None
        async with anyio.create_task_group() as group:
            group.start_soon(_pump, reading, on_output, closed)
            with suppress(SupervisorGone):
                ended = await self._until_over(step, seconds, closed)
            group.cancel_scope.cancel()
        if ended is None:
            raise SupervisorGone
        return ended

    async def _until_over(self, step: int, seconds: float, closed: anyio.Event) -> Ended:
        code, left, lingering = None, (), 0
        with anyio.move_on_after(seconds) as deadline:
            code = await self._answer(f"exit {step}")
        overdue = deadline.cancelled_caught
        if overdue:
            left = (await self._end("step")).left
            code = self._came.pop(f"exit {step}", None)
        if not await _is_closed(closed):
            lingering = (await self._end("output")).found
        escaped = not closed.is_set() and not await _is_closed(closed)
        return Ended(code, overdue, left, lingering=bool(lingering), escaped=escaped)

    async def _end(self, which: str) -> Ending:
        """End what still runs: of the `run`, of the `step`, or what keeps its `output` open."""
        with anyio.move_on_after(_ANSWER_SECONDS):
            await self._send({"do": which})
            return Ending(*await self._answer(which))
        raise self._lost()

    def let_go(self) -> None:
        """Leave alone what is still there: the run came to its end, and meant it."""
        if self._socket is not None and not self._gone:
            with suppress(OSError):
                self._socket.send(pack({"do": "leave"}))
            self._socket.close()
            self._socket = None

    async def close(self) -> None:
        """End whatever the run started, unless it was let go; `left` are those that go on."""
        if self._socket is not None:
            with suppress(SupervisorGone):
                self.left = (await self._end("run")).left
                self.let_go()
        if self._process is not None:
            await _wait_or_kill(self._process)
        if self._socket is not None:
            self._socket.close()
            self.unseen = _MARKED_ONLY
            self.left = (await to_thread.run_sync(end_marked, self._run)).left

    async def _answer(self, kind: str) -> Any:
        """What came of this kind, once it did; others are kept until they are wanted."""
        while kind not in self._came:
            await self._receive()
        return self._came.pop(kind)

    async def _receive(self) -> None:
        assert self._socket is not None  # noqa: S101 - it is there while anything is
        await anyio.wait_readable(self._socket)
        try:
            data = self._socket.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            raise self._lost()
        message, self._buffer = unpack(self._buffer + data)
        while message is not None:
            self._came |= message
            message, self._buffer = unpack(self._buffer)

    async def _send(self, message: Message, file: int | None = None) -> None:
        assert self._socket is not None  # noqa: S101 - as above
        data = pack(message)
        files = [] if file is None else [file]
        while data:
            try:
                sent = socket.send_fds(self._socket, [data], files)
            except BlockingIOError:
                await anyio.wait_writable(self._socket)
            except OSError as error:
                raise self._lost() from error
            else:
                data, files = data[sent:], []

    def _lost(self) -> SupervisorGone:
        self._gone = True
        return SupervisorGone()


async def _pump(reading: int, on_output: Callable[[bytes], None], closed: anyio.Event) -> None:
    while True:
        await anyio.wait_readable(reading)
        with suppress(BlockingIOError):
            chunk = os.read(reading, _CHUNK_BYTES)
            if not chunk:
                break
            on_output(chunk)
    closed.set()


async def _is_closed(closed: anyio.Event) -> bool:
    """Whether everybody let go of the output in time."""
    with anyio.move_on_after(_LINGER_SECONDS):
        await closed.wait()
    return closed.is_set()


async def _wait_or_kill(process: Process) -> None:
    with anyio.move_on_after(_LINGER_SECONDS):
        await process.wait()
    if process.returncode is None:
        process.kill()
    with anyio.move_on_after(_LINGER_SECONDS):
        await process.wait()


async def end_left_over(supervisor: ProcessId, run: str) -> Ending:
    """End what a run of an opsmcp that was killed has left, if its supervisor did not.

    Where that cannot be told from another process with its number, it is not touched.
    """
    for _ in range(round(_ANSWER_SECONDS / _LOOK_SECONDS)):
        if not (supervisor.started and supervisor.alive):
            break
        await anyio.sleep(_LOOK_SECONDS)  # it is ending what is below it
    if supervisor.started and supervisor.alive:
        os.kill(supervisor.number, signal.SIGKILL)
    return await to_thread.run_sync(end_marked, run)
