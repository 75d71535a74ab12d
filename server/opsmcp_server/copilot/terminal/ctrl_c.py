"""Ctrl-C while something is under way: the first stops it, a second one leaves."""

import signal
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

import anyio
from anyio.abc import TaskStatus

__all__ = ["Interrupts"]


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
