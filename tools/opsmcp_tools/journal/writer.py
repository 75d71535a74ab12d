"""How the journal is written from the event loop, in one thread at a time.

To be durable, each transaction waits for the disk; what came meanwhile shares the next one. SQLite
also waits for seconds when another process holds the file. Those seconds are waited once, however
many want to write, and in one of the threads that all work shares: reading goes on meanwhile.
Knows nothing of what is written.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, TypeVar, TypeVarTuple

import anyio
from anyio import to_thread

from opsmcp_tools.model.errors import JournalBusy, JournalUnusable

__all__ = ["JournalWriter", "OnWritten"]

OnWritten = Callable[[float, JournalUnusable | None], None]
"""Told how many seconds writing took, and why some of it was not kept. Must not raise."""

_Values = TypeVarTuple("_Values")
_Result = TypeVar("_Result")

_TURN_SECONDS = 8.0
"""How long one waits for its turn while others do write. Longer than SQLite waits for a lock, so
that who waits behind one that meets a lock is told of that."""

_MOST_TOGETHER = 100
"""So many writes share a transaction: the lock is not held much longer than by one."""


def _unobserved(_seconds: float, _error: JournalUnusable | None) -> None:
    """Tell nobody."""


@dataclass(slots=True, eq=False)
class _Write:
    """One write, and what became of it."""

    work: Callable[[], Any]
    over: bool = False
    result: Any = None
    error: Exception | None = None

    def succeed(self, result: Any) -> None:
        self.result, self.over = result, True

    def fail(self, error: Exception) -> None:
        self.error, self.over = error, True

    def run(self) -> None:
        try:
            self.succeed(self.work())
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            self.fail(error)


class JournalWriter:
    """One write after the other, in the order in which they came, or several as one."""

    def __init__(
        self,
        together: Callable[[], AbstractContextManager[object]] | None = None,
        on_written: OnWritten | None = None,
        *,
        what: str = "the journal",
    ) -> None:
        """Begin with nobody who writes.

        Args:
            together: Makes one transaction of the writes in its block. Without, each is its own.
            on_written: Told of each transaction.
            what: What is written, for who is refused.
        """
        self._what = what
        self._together = together
        self._on_written = on_written or _unobserved
        self._turn = anyio.Lock()
        self._waiting: list[_Write] = []
        self._refusals = 0
        self._refusal = ""

    @property
    def busy(self) -> bool:
        """Whether somebody writes: what can be written as well at another time waits for that."""
        return self._turn.locked()

    async def do(self, write: Callable[[*_Values], _Result], *values: *_Values) -> _Result:
        """Call `write` in a thread; what it returns, once that is durable.

        It may be called again where a transaction that it shared failed: nothing of that is kept.
        Who waits while another write finds the journal locked is refused with it, at once.

        Raises:
            JournalBusy: It was locked, or the turn did not come in time. Nothing was written.
            JournalUnusable: It cannot be written.
        """
        mine, before = _Write(partial(write, *values)), self._refusals
        self._waiting.append(mine)
        try:
            async with self._my_turn():
                if not mine.over:
                    if self._refusals != before:
                        raise JournalBusy(self._refusal)
                    await self._write_waiting()
        finally:
            with suppress(ValueError):
                self._waiting.remove(mine)
        if mine.error is not None:
            raise mine.error
        return mine.result

    async def _write_waiting(self) -> None:
        most = _MOST_TOGETHER if self._together else 1
        batch, self._waiting = self._waiting[:most], self._waiting[most:]
        began = monotonic()
        try:
            await to_thread.run_sync(self._write_all, batch)
            failed = (one.error for one in batch if isinstance(one.error, JournalUnusable))
            self._on_written(monotonic() - began, next(failed, None))
        finally:
            # A cancellation may come before the thread has begun.
            self._waiting = [one for one in batch if not one.over] + self._waiting
        busy = next((one.error for one in batch if isinstance(one.error, JournalBusy)), None)
        if busy is not None:
            self._refusals += 1
            self._refusal = str(busy)

    def _write_all(self, batch: Sequence[_Write]) -> None:
        if self._together and len(batch) > 1:
            try:
                with self._together():
                    results = [one.work() for one in batch]
            except JournalBusy as error:
                _refuse(batch, error)
                return
            except Exception:  # noqa: BLE001, S110 - each by itself then: one costs no other
                pass
            else:
                for one, result in zip(batch, results, strict=True):
                    one.succeed(result)
                return
        for number, one in enumerate(batch):
            one.run()
            if isinstance(one.error, JournalBusy):
                _refuse(batch[number + 1 :], one.error)
                return

    @asynccontextmanager
    async def _my_turn(self) -> AsyncGenerator[None]:
        try:
            self._turn.acquire_nowait()
        except anyio.WouldBlock:
            await self._wait_for_turn()
        try:
            yield
        finally:
            self._turn.release()

    async def _wait_for_turn(self) -> None:
        with anyio.move_on_after(_TURN_SECONDS) as patience:
            await self._turn.acquire()
        if patience.cancelled_caught:
            raise JournalBusy(f"{self._what} cannot be used: too much waits to be written")


def _refuse(writes: Sequence[_Write], error: JournalBusy) -> None:
    for one in writes:
        one.fail(JournalBusy(str(error)))
