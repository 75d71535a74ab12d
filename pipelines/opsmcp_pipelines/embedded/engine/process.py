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

__all__ = ["Ended", "end_left_over", "run_process"]

_TERM_SECONDS = 2.0
_KILL_SECONDS = 5.0
"""How long a killed process may take to be gone. One that waits for a disk may never be."""

_LINGER_SECONDS = 1.0
_LOOK_SECONDS = 0.05
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended. `overdue` when it was stopped.

    `code` is negative for a signal, and None of one that could not be ended. `lingering` when
    others kept its output open, `escaped` when they still do.
    """

    code: int | None
    overdue: bool = False
    lingering: bool = False
    escaped: bool = False


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

    What does not die when it is killed is waited for for seconds only.

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
            if process.returncode is not None:
                await process.aclose()


async def _follow(process: Process, seconds: float, on_output: Callable[[bytes], None]) -> Ended:
    closed = anyio.Event()
    overdue = lingering = escaped = False
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
            escaped = not await _wait_closed(closed)
        group.cancel_scope.cancel()
    return Ended(process.returncode, overdue=overdue, lingering=lingering, escaped=escaped)


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
    """Ask the group to end, then make it. Returns also when that does not end it."""
    _signal_group(process.pid, signal.SIGTERM)
    with anyio.move_on_after(_TERM_SECONDS):
        await process.wait()
    # Also when the leader is gone: its children may have ignored the request.
    _signal_group(process.pid, signal.SIGKILL)
    with anyio.move_on_after(_KILL_SECONDS):
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
