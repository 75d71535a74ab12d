"""One subprocess in a process group of its own: its output, its end, its deadline.

Knows nothing of steps or variables: `engine` gives the command and keeps the output. The group is
ended in every case that could leave something behind: a deadline, a cancellation, children that
keep the output open after the main process has ended, or an opsmcp that was killed.
"""

import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import Process

from opsmcp_pipelines.embedded.process_id import ProcessId

__all__ = ["Ended", "Keeper", "end_left_over", "run_process"]

_TERM_SECONDS = 2.0
_LINGER_SECONDS = 1.0
_LOOK_SECONDS = 0.05
_CHUNK_BYTES = 64 * 1024
_LONGEST_LINE = 8 * 1024
"""Longer ones are cut, or a program that writes no line ends would show nothing."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended. `code` is negative for a signal; `overdue` when it was stopped."""

    code: int
    overdue: bool = False
    lingering: bool = False


class Keeper:
    """Keeps the beginning and the end of an output, and counts all of it."""

    def __init__(self, limit_bytes: int) -> None:
        """Keep at most `limit_bytes`, half of them from each end."""
        self._half = max(limit_bytes // 2, 1)
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, chunk: bytes) -> None:
        """Take what came next."""
        self.total += len(chunk)
        room = self._half - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:] if room > 0 else chunk
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]

    def text(self, *, so_far: bool = False) -> str:
        """What was kept, as text; bytes that are not UTF-8 become U+FFFD.

        Cut at whole lines where lines are not very long, so that no half of a secret is shown that
        would be known as a whole. With `so_far`, the last line is left out until it is complete.
        """
        if self.total <= 2 * self._half:
            kept = self._head + self._tail
            return (_whole_lines(kept) if so_far else kept).decode(errors="replace")
        head = self._head[: _end_of_lines(self._head) or None]
        tail = self._tail[-self._half :]
        tail = tail[tail.find(b"\n", 0, _LONGEST_LINE) + 1 :]
        left_out = self.total - len(head) - len(tail)
        tail = _whole_lines(tail) if so_far else tail
        shown = head.decode(errors="replace"), tail.decode(errors="replace")
        return f"{shown[0]}\n[... {left_out} bytes left out ...]\n{shown[1]}"


def _whole_lines(data: bytearray) -> bytearray:
    """Without the last line, if that is not complete and not very long."""
    end = _end_of_lines(data)
    return data[:end] if end or len(data) <= _LONGEST_LINE else data


def _end_of_lines(data: bytearray) -> int:
    """Where the last complete line ends; 0 when it is nowhere near the end."""
    return data.rfind(b"\n", max(0, len(data) - _LONGEST_LINE)) + 1


async def run_process(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    seconds: float,
    on_output: Callable[[bytes], None],
    on_start: Callable[[ProcessId], Awaitable[object]],
) -> Ended:
    """Run `command` to its end, or for `seconds`; when cancelled, its whole group ends first.

    Standard input is empty; both outputs arrive in `on_output` in their order of arrival. Once it
    runs, `on_start` is awaited.

    Raises:
        OSError: It could not be started.
    """
    process = await anyio.open_process(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )
    finished = False
    try:
        await on_start(ProcessId.of(process.pid))
        ended = await _follow(process, seconds, on_output)
        finished = True
        return ended
    finally:
        with anyio.CancelScope(shield=True):
            if not finished:
                await _stop_group(process)
            await process.aclose()


async def _follow(process: Process, seconds: float, on_output: Callable[[bytes], None]) -> Ended:
    closed = anyio.Event()
    overdue = lingering = False
    async with anyio.create_task_group() as group:
        group.start_soon(_pump, process, on_output, closed)
        with anyio.move_on_after(seconds) as deadline:
            await process.wait()
        overdue = deadline.cancelled_caught
        if overdue:
            await _stop_group(process)
        lingering = not await _wait_closed(closed)
        if lingering:
            _signal_group(process.pid, signal.SIGKILL)
            await _wait_closed(closed)
        group.cancel_scope.cancel()
    code = await process.wait()
    return Ended(code, overdue=overdue, lingering=lingering)


async def _pump(process: Process, on_output: Callable[[bytes], None], closed: anyio.Event) -> None:
    assert process.stdout is not None  # noqa: S101 - opened with a pipe
    with suppress(anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
        while True:
            on_output(await process.stdout.receive(_CHUNK_BYTES))
    closed.set()


async def _wait_closed(closed: anyio.Event) -> bool:
    """Whether everybody let go of the output in time."""
    with anyio.move_on_after(_LINGER_SECONDS):
        await closed.wait()
    return closed.is_set()


async def _stop_group(process: Process) -> None:
    """Ask the group to end, then make it."""
    _signal_group(process.pid, signal.SIGTERM)
    with anyio.move_on_after(_TERM_SECONDS):
        await process.wait()
    # Also when the leader is gone: its children may have ignored the request.
    _signal_group(process.pid, signal.SIGKILL)
    await process.wait()


async def end_left_over(leader: ProcessId) -> bool:
    """End the group of a process that an opsmcp started which is gone; whether it was still there.

    Where it cannot be told from another process with its number, nothing is touched.
    """
    if not (leader.started and leader.alive):
        return False
    _signal_group(leader.number, signal.SIGTERM)
    for _ in range(round(_TERM_SECONDS / _LOOK_SECONDS)):
        if not leader.alive:
            break
        await anyio.sleep(_LOOK_SECONDS)
    _signal_group(leader.number, signal.SIGKILL)
    return True


def _signal_group(leader: int, number: signal.Signals) -> None:
    # The group has the leader's id, as the process started a session of its own.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
