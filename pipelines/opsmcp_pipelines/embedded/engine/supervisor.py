"""The steps of one run as subprocesses: started, followed, and ended with all that they started.

Speaks to a process of its own (`supervisor_main`) that the steps are below, one for each run. What
it cannot find is said: what another service starts for a step (`systemd-run`, `docker run`, `at`,
a command on another machine) is nowhere below it, and where there is no `/proc` only the process
groups of the steps are known. Knows nothing of steps or variables.
"""

import os
import signal
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio import to_thread

from opsmcp_pipelines.embedded.engine.channel import Channel, ChannelClosed, ChannelSilent
from opsmcp_pipelines.embedded.engine.fork_server import ForkServer
from opsmcp_pipelines.embedded.engine.messages import Message
from opsmcp_pipelines.embedded.engine.processes import (
    MARK,
    SEES_PROCESSES,
    Ending,
    end_marked,
    signal_titled,
    title_of,
    titled,
)

__all__ = ["Ended", "Supervisor", "SupervisorGone", "end_left_over", "open_supervisor"]

_GROUPS_ONLY = "what left the process groups of its steps cannot be found on this system"
_MARKED_ONLY = "what no longer carried its mark was not found"
_KILLED = "its supervisor was killed"
_SILENT = "its supervisor did not answer, so it was killed"

_LINGER_SECONDS = 1.0
_ANSWER_SECONDS = 12.0
"""Longer than the program takes to end what it can."""

_LOOK_SECONDS = 0.05
_CHUNK_BYTES = 64 * 1024


class SupervisorGone(Exception):
    """The program that holds a run together was killed, or did not answer."""


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
async def open_supervisor(run: str, server: ForkServer) -> AsyncGenerator["Supervisor", None]:
    """What starts the steps of a run; if the block does not come to its end, all of it ends.

    Args:
        run: The name of the run, which marks what belongs to it.
        server: What forks the process that the steps are below.
    """
    supervisor = Supervisor(run, server)
    try:
        yield supervisor
        supervisor.let_go()
    finally:
        with anyio.CancelScope(shield=True):
            await supervisor.close()


class Supervisor:
    """The processes of one run. Made by `open_supervisor`."""

    def __init__(self, run: str, server: ForkServer) -> None:
        """Start nothing yet: a run may have nothing to start."""
        self.begun = False
        self.left: tuple[str, ...] = ()
        self.unseen = "" if SEES_PROCESSES else _GROUPS_ONLY
        self._run = run
        self._server = server
        self._channel: Channel | None = None
        self._gone = ""

    def get_ready(self) -> None:
        """Begin to have the process that the steps will be below."""
        if self._channel is None:
            self._server.get_ready()

    async def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        seconds: float,
        on_output: Callable[[bytes], None],
    ) -> Ended:
        """Run `command` to its end, or for `seconds`, in a session of its own.

        What does not die when it is killed is waited for for seconds only. Standard input is empty;
        both outputs arrive in `on_output` in their order of arrival. When this is cancelled, the
        command goes on until `close`.

        Raises:
            OSError: It could not be started.
            SupervisorGone: What it was started by was killed meanwhile, or does not answer.
        """
        channel = self._channel or await self._begin()
        environ = {**self._server.environ, **env, MARK: self._run}
        reading, writing = os.pipe()
        try:
            os.set_blocking(reading, False)
            order = {"title": title_of(self._run), "command": list(command), "env": environ}
            step = await _start(channel, {"do": "start", "cwd": str(cwd), **order}, writing)
            return await self._follow(channel, step, reading, seconds, on_output)
        except ChannelClosed as error:
            self._note_gone(error)
            raise SupervisorGone from error
        finally:
            os.close(reading)

    async def _begin(self) -> Channel:
        self._channel = await self._server.fork()
        self.begun = True
        return self._channel

    async def _follow(
        self,
        channel: Channel,
        step: int,
        reading: int,
        seconds: float,
        on_output: Callable[[bytes], None],
    ) -> Ended:
        closed, ended = anyio.Event(), None
        async with anyio.create_task_group() as group:
            group.start_soon(_pump, reading, on_output, closed)
            try:
                ended = await self._until_over(channel, step, seconds, closed)
            except ChannelClosed as error:
                self._note_gone(error)
            group.cancel_scope.cancel()
        if ended is None:
            raise SupervisorGone
        return ended

    async def _until_over(
        self, channel: Channel, step: int, seconds: float, closed: anyio.Event
    ) -> Ended:
        code, left, lingering = None, (), 0
        with anyio.move_on_after(seconds) as deadline:
            code = await channel.answer_of_living(f"exit {step}")
        overdue = deadline.cancelled_caught
        if overdue:
            left = (await self._end(channel, "step")).left
            code = channel.take(f"exit {step}")
        if not await _is_closed(closed):
            lingering = (await self._end(channel, "output")).found
        escaped = not await _is_closed(closed)
        return Ended(code, overdue, left, lingering=bool(lingering), escaped=escaped)

    async def _end(self, channel: Channel, which: str) -> Ending:
        """End what still runs: of the `run`, of the `step`, or what keeps its `output` open."""
        channel.wake()
        with anyio.move_on_after(_ANSWER_SECONDS):
            await channel.send({"do": which})
            return Ending(*await channel.answer(which))
        raise ChannelSilent

    def _note_gone(self, error: ChannelClosed) -> None:
        self._gone = _SILENT if isinstance(error, ChannelSilent) else _KILLED

    def let_go(self) -> None:
        """Leave alone what is still there: the run came to its end, and meant it."""
        if self._channel is not None and not self._gone:
            self._channel.close({"do": "leave"})
            self._channel = None

    async def close(self) -> None:
        """End whatever the run started, unless it was let go; `left` are those that go on."""
        if self._channel is None:
            return
        try:
            if not self._gone:
                self.left = (await self._end(self._channel, "run")).left
                self.let_go()
                return
        except ChannelClosed as error:
            self._note_gone(error)
        self._channel.close()
        await self._end_marked()

    async def _end_marked(self) -> None:
        """Do what can be done without the process that knows what is below it."""
        await to_thread.run_sync(signal_titled, self._run, signal.SIGKILL)
        self.unseen = f"{self._gone}; {_MARKED_ONLY}"
        self.left = (await to_thread.run_sync(end_marked, self._run)).left


async def _start(channel: Channel, order: Message, output: int) -> int:
    """Start a step that writes to `output`, which is closed here; its process number."""
    try:
        await channel.send(order, output)
    finally:
        os.close(output)
    step, errno = await channel.answer_of_living("started")
    if errno:
        raise OSError(errno, os.strerror(errno))
    return step


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
    if closed.is_set():
        return True
    with anyio.move_on_after(_LINGER_SECONDS):
        await closed.wait()
    return closed.is_set()


async def end_left_over(run: str) -> Ending:
    """End what a run of an opsmcp that was killed has left, if its supervisor did not."""
    for _ in range(round(_ANSWER_SECONDS / _LOOK_SECONDS)):
        if not await to_thread.run_sync(titled, run):
            break
        await anyio.sleep(_LOOK_SECONDS)  # it is ending what is below it
    await to_thread.run_sync(signal_titled, run, signal.SIGKILL)
    return await to_thread.run_sync(end_marked, run)
