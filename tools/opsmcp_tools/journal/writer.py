"""How the journal is written from the event loop, in one thread at a time.

SQLite waits for seconds when another process holds the file. Those seconds are waited once, however
many want to write, and in one of the threads that all work shares: reading goes on meanwhile.
Knows nothing of what is written.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, TypeVarTuple

import anyio
from anyio import to_thread

from opsmcp_tools.model.errors import JournalBusy

__all__ = ["JournalWriter"]

_Values = TypeVarTuple("_Values")
_Result = TypeVar("_Result")

_TURN_SECONDS = 8.0
"""How long one waits for its turn while others do write. Longer than SQLite waits for a lock, so
that who waits behind one that meets a lock is told of that."""


class JournalWriter:
    """One write after the other, in the order in which they came."""

    def __init__(self) -> None:
        """Begin with nobody who writes."""
        self._turn = anyio.Lock()
        self._refusals = 0
        self._refusal = ""

    @property
    def busy(self) -> bool:
        """Whether somebody writes: what can be written as well at another time waits for that."""
        return self._turn.locked()

    async def do(self, write: Callable[[*_Values], _Result], *values: *_Values) -> _Result:
        """Call `write` in a thread; what it returns.

        Who waits while another write finds the journal locked is refused with it, at once.

        Raises:
            JournalBusy: It was locked, or the turn did not come in time. Nothing was written.
            JournalUnusable: It cannot be written.
        """
        before = self._refusals
        async with self._my_turn():
            if self._refusals != before:
                raise JournalBusy(self._refusal)
            try:
                return await to_thread.run_sync(write, *values)
            except JournalBusy as error:
                self._refusals += 1
                self._refusal = str(error)
                raise

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
            raise JournalBusy("the journal cannot be used: too many runs wait to be written")
