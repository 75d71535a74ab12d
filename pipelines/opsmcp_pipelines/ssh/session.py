"""One script on one host: started once, followed to its end, stopped when that is wanted.

`ssh` is the person's own, with their configuration, agent, keys and known hosts. Whether a host is
who it says is decided there and nowhere else.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from subprocess import PIPE

import anyio
from anyio.abc import Process

from opsmcp_pipelines.ssh.bootstrap import GO, Frame
from opsmcp_pipelines.ssh.file_talk import Talk
from opsmcp_pipelines.ssh.marked_output import MarkedOutput
from opsmcp_pipelines.ssh.refusals import Reason, read_refusal, said_refusal

__all__ = ["RemoteEnd", "RemoteState", "Session"]

_STOP_SECONDS = 8.0
"""Longer than the far side takes from the word to stop to its last line."""

_LAST_WORDS_SECONDS = 0.2
"""After ssh has ended, for what it wrote before."""

_EXIT_SECONDS = 0.5

_MOST_MESSAGE_BYTES = 16 * 1024
"""Of the end of what ssh itself has to say: before it may be a banner."""


class RemoteState(Enum):
    """What became of a script on a host."""

    NOT_STARTED = "not started"
    """Certainly no word of it ran."""

    ENDED = "ended"
    """It ran to its end."""

    STOPPED = "stopped"
    """It was stopped, with what it had started."""

    UNKNOWN = "unknown"
    """It was started, and nobody here knows how it ended."""


@dataclass(frozen=True, slots=True)
class RemoteEnd:
    """How a script ended on a host.

    `code` is its exit status, 128 and more for a signal; None where that is not known. `left` when
    processes of its session go on there. `reason` and `message` (of ssh, and of the shell
    there) of what was not started, and `message` of a connection that was lost. `silent` when it
    was told to stop, and nobody there answered.
    """

    state: RemoteState
    code: int | None = None
    left: bool = False
    reason: Reason | None = None
    message: str = ""
    silent: bool = False


class Session:
    """One connection that runs one script.

    Attributes:
        end: How it ended; set also when `run` was cancelled.
    """

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        frame: Frame,
        on_output: Callable[[bytes], None],
        talk: Talk | None = None,
    ) -> None:
        """Connect to nothing yet.

        Args:
            command: `ssh` with its options, the host, and the remote command.
            environ: What ssh may see of the environment.
            frame: What the remote command reads.
            on_output: Takes both outputs of the script, in their order.
            talk: What is said after the start, to a far side that listens.
        """
        self.end = RemoteEnd(RemoteState.NOT_STARTED, reason=Reason.OTHER)
        self._command = command
        self._environ = environ
        self._frame = frame
        self._output = MarkedOutput(frame.mark, on_output)
        self._message = bytearray()
        self._talk = talk
        self._told_to_start = False
        self._stopping = False

    async def run(self, seconds: float) -> RemoteEnd:
        """Run it to its end, or stop it after so many seconds. A cancellation stops it, too.

        Raises:
            OSError: There is no ssh here.
        """
        ssh = await anyio.open_process(
            self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._environ,
            start_new_session=True,
        )
        over = False
        try:
            with anyio.move_on_after(seconds):
                await self._follow(ssh)
                over = True
        finally:
            with anyio.CancelScope(shield=True):
                if not over:
                    await self._stop(ssh)
                await _end(ssh)
            self._output.close()
            self.end = self._judge(stopped=not over)
        return self.end

    async def _follow(self, ssh: Process) -> None:
        """Send the script, and read until it has ended or the connection has."""
        async with anyio.create_task_group() as group:
            group.start_soon(_send, ssh, self._frame.data)
            if self._talk is not None:
                group.start_soon(_speak, ssh, self._talk)
            await self._read(ssh)
            group.cancel_scope.cancel()

    async def _stop(self, ssh: Process) -> None:
        """Say stop, and wait for what the far side says to that."""
        self._stopping = True
        with anyio.move_on_after(_STOP_SECONDS):
            if ssh.stdin is not None:
                await ssh.stdin.aclose()
            await self._read(ssh)

    async def _read(self, ssh: Process) -> None:
        """Read until the script has ended, or ssh.

        Not until its outputs are closed: a connection that it left open for later holds them.
        """
        async with anyio.create_task_group() as group:
            group.start_soon(self._read_messages, ssh)
            with anyio.CancelScope() as reading:
                group.start_soon(_cancel_after, ssh, reading)
                await self._read_output(ssh)
                if self._output.end is None:
                    await ssh.wait()
                    await anyio.sleep(_LAST_WORDS_SECONDS)
            group.cancel_scope.cancel()

    async def _read_output(self, ssh: Process) -> None:
        output = self._output
        if ssh.stdout is None:
            return
        async for chunk in ssh.stdout:
            output.add(chunk)
            if self._talk is not None:
                await self._talk.digest()
            if output.ready and not (self._told_to_start or self._stopping):
                self._told_to_start = True
                self._message.clear()  # of the login, which was no reason for what comes
                await _send(ssh, GO)
            if output.end is not None or output.refused:
                return

    async def _read_messages(self, ssh: Process) -> None:
        if ssh.stderr is None:
            return
        async for chunk in ssh.stderr:
            self._message += chunk
            del self._message[:-_MOST_MESSAGE_BYTES]

    def _judge(self, *, stopped: bool) -> RemoteEnd:
        message = self._message.decode(errors="replace").strip()
        end = self._output.end
        if end is not None:
            state = RemoteState.STOPPED if stopped else RemoteState.ENDED
            return RemoteEnd(state, end.code, end.left)
        if self._told_to_start and (self._talk is None or self._talk.committed):
            return RemoteEnd(RemoteState.UNKNOWN, message=message, silent=stopped)
        reason = _reason(self._output.refused, message, stopped=stopped)
        if reason is Reason.OTHER:
            message = f"{message}\n{self._output.noise.decode(errors='replace')}".strip()
        reason = Reason.LOST if self._told_to_start else reason
        return RemoteEnd(RemoteState.NOT_STARTED, reason=reason, message=message)


def _reason(refused: str, message: str, *, stopped: bool) -> Reason:
    if refused:
        return said_refusal(refused)
    reason = read_refusal(message)
    return Reason.SILENT if reason is Reason.OTHER and stopped else reason


async def _cancel_after(ssh: Process, reading: anyio.CancelScope) -> None:
    await ssh.wait()
    await anyio.sleep(_LAST_WORDS_SECONDS)
    reading.cancel()


async def _send(ssh: Process, data: bytes) -> None:
    if ssh.stdin is None:
        return
    # Where ssh has ended, it says why.
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        await ssh.stdin.send(data)


async def _speak(ssh: Process, talk: Talk) -> None:
    if ssh.stdin is not None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            if not await talk.speak(ssh.stdin.send):
                await ssh.stdin.aclose()


async def _end(ssh: Process) -> None:
    """Nothing of it is needed any more: it ends by itself, unless something there holds it."""
    if ssh.stdin is not None:
        await ssh.stdin.aclose()
    with anyio.move_on_after(_EXIT_SECONDS) as waiting:
        await ssh.wait()
    if waiting.cancelled_caught:
        ssh.terminate()
        with anyio.move_on_after(_EXIT_SECONDS) as waiting:
            await ssh.wait()
    if waiting.cancelled_caught:  # stopped itself, perhaps
        ssh.kill()
    await ssh.aclose()
