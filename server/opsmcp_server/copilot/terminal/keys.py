"""Keys that are pressed while something is under way.

The first Ctrl-C stops it, a second one leaves. Others are kept for whoever reads next, but not
shown in the middle of what is drawn.
"""

import os
import signal
import sys
import termios
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

import anyio
from anyio.abc import TaskStatus

__all__ = ["Interrupts", "unechoed"]


class Interrupts:
    """Runs work that Ctrl-C stops; `count` is how often it was pressed since the last line."""

    def __init__(self) -> None:
        """Begin undisturbed."""
        self.count = 0
        self._ignored = False
        self._scope: anyio.CancelScope | None = None

    def hit(self) -> None:
        """Ctrl-C was pressed."""
        if self._ignored:
            return
        self.count += 1
        if self._scope is not None:
            self._scope.cancel()

    @contextmanager
    def ignored(self) -> Generator[None]:
        """Ctrl-C is somebody else's for as long as the block lasts."""
        self._ignored = True
        try:
            yield
        finally:
            self._ignored = False

    async def guard(self, work: Callable[[], Awaitable[int]]) -> int | None:
        """The status of the work; None when it was stopped. Its errors come as they are."""
        status: int | None = None
        failure: Exception | None = None
        async with anyio.create_task_group() as group:
            await group.start(self._watch)
            with anyio.CancelScope() as self._scope:
                try:
                    status = await work()
                # Carried out of the task group, which would wrap it.
                except Exception as error:  # noqa: BLE001
                    failure = error
            self._scope = None
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return status

    async def _watch(self, *, task_status: TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGINT) as signals:
            task_status.started()
            async for _ in signals:
                self.hit()


_LOCAL_MODES = 3
"""Where `tcgetattr` has them."""


@contextmanager
def unechoed() -> Generator[None]:
    """The terminal repeats no keys while the block lasts; line editors show them themselves."""
    if not (sys.stdin.isatty() and _is_ours()):
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    changed = before.copy()
    changed[_LOCAL_MODES] &= ~termios.ECHO
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, changed)
    try:
        yield
    finally:
        if _is_ours():
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _is_ours() -> bool:
    """Whether the terminal may be changed: not from the background, where that would stop us."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # it controls nobody
        return True
