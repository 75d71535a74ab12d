"""The one process of this opsmcp that forks a supervisor for each of its runs (`supervisor_main`).

Started before the first run needs it, and again when it was killed: runs that are going on do not
need it any more.
"""

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import anyio
from anyio.abc import Process, TaskGroup

import opsmcp_pipelines
from opsmcp_pipelines.embedded.engine.channel import Channel, ChannelClosed
from opsmcp_pipelines.embedded.engine.own_environment import hide_own_environment

__all__ = ["ForkServer"]

# Imported, since a script is compiled anew each time. What is found first is Python's own.
_MODULE = "opsmcp_pipelines.embedded.engine.supervisor_main"
_PROGRAM = f"import sys; sys.path.append(sys.argv[1]); from {_MODULE} import main; main()"
_FOLDER = str(Path(opsmcp_pipelines.__file__).parent.parent)

_ATTEMPTS = 2
_FORK_SECONDS = 20.0
"""How long a supervisor may take to be there, on a machine that is very busy."""

_WAKE_SECONDS = 1.0
_END_SECONDS = 5.0


class ForkServer:
    """Starts supervisors. Whoever made one awaits `stop` at the end."""

    def __init__(self, environ: Mapping[str, str], group: TaskGroup) -> None:
        """Start nothing yet; every step may see `environ`, and so may that of their parents.

        In `group` the next supervisor is forked while the one before is at work.
        """
        self.environ = environ
        self._group = group
        self._lock = anyio.Lock()
        self._process: Process | None = None
        self._socket: socket.socket | None = None
        self._ahead: Channel | None = None

    def get_ready(self) -> None:
        """Begin to have a supervisor ready, unless there is one."""
        if self._ahead is None:
            self._group.start_soon(self.fork_ahead)

    async def fork_ahead(self) -> None:
        """Have a supervisor ready; when there can be none, the next `fork` says why."""
        async with self._lock:
            if self._ahead is None:
                with suppress(OSError):
                    self._ahead = await self._fork()

    async def fork(self) -> Channel:
        """A channel to a new supervisor: the one that is ready, if there is one.

        Raises:
            OSError: There can be none.
        """
        async with self._lock:
            channel = self._take_ready() or await self._fork()
        self.get_ready()
        return channel

    def _take_ready(self) -> Channel | None:
        ready, self._ahead = self._ahead, None
        if ready is None or ready.is_open:
            return ready
        ready.close()
        return None

    async def stop(self) -> None:
        """End it, for `fork` to start another one."""
        process, self._process = self._process, None
        ready, self._ahead = self._ahead, None
        if ready is not None:
            ready.close()
        if self._socket is not None:
            self._socket.close()
        if process is not None:
            with anyio.CancelScope(shield=True):  # as in `_open`
                await _end(process)

    async def _start(self) -> socket.socket:
        if self._process is not None and self._process.returncode is not None:
            await self.stop()
        if self._process is None or self._socket is None:
            hide_own_environment()
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            with theirs:
                try:
                    await self._open(theirs)
                except BaseException:
                    ours.close()
                    raise
            self._socket = ours
        return self._socket

    async def _open(self, theirs: socket.socket) -> None:
        # A cancellation in the middle would leave a process that nobody waits for.
        with anyio.CancelScope(shield=True):
            self._process = await anyio.open_process(
                [sys.executable, "-I", "-S", "-X", "utf8", "-c", _PROGRAM, _FOLDER],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=self.environ,
                start_new_session=True,
            )

    async def _fork(self) -> Channel:
        for _ in range(_ATTEMPTS):
            with anyio.move_on_after(_FORK_SECONDS), suppress(ChannelClosed):
                return await self._ask(await self._start())
            await self.stop()
        raise OSError(errno.ESRCH, "the process that starts steps ended, or does not answer")

    async def _ask(self, server: socket.socket) -> Channel:
        ours, theirs = socket.socketpair()
        channel = Channel(ours)
        try:
            with theirs:
                _send(server, theirs)
            channel.number, failure = await self._begun(channel)
            if failure:
                raise OSError(failure, os.strerror(failure))
        except BaseException:
            channel.close()
            raise
        return channel

    async def _begun(self, channel: Channel) -> tuple[int, int]:
        """The number of the supervisor, or why there is none."""
        while True:
            with anyio.move_on_after(_WAKE_SECONDS):
                return await channel.answer("begun")
            if self._process is not None:
                _wake(self._process)


def _wake(process: Process) -> None:
    """A step may have stopped it."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            # `send_signal` would take the exit status of one that has just ended from its waiter.
            os.kill(process.pid, signal.SIGCONT)


async def _end(process: Process) -> None:
    """It ends by itself, now that its socket is closed; or it is killed."""
    _wake(process)
    with anyio.move_on_after(_END_SECONDS):
        await process.wait()
    if process.returncode is None:
        process.kill()
        with anyio.move_on_after(_END_SECONDS):
            await process.wait()


def _send(server: socket.socket, file: socket.socket) -> None:
    try:
        # One at a time is under way, so there is always room for it.
        socket.send_fds(server, [b"\0"], [file.fileno()])
    except OSError as error:
        raise ChannelClosed from error
