"""Where the requests of one opsmcp are kept: opened with the first of them, asked in threads."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
from anyio import to_thread

from opsmcp_tools.approval_requests.request import Request
from opsmcp_tools.approval_requests.sqlite_store import FILE, SqliteRequests, open_requests
from opsmcp_tools.journal.writer import JournalWriter
from opsmcp_tools.model.errors import JournalUnusable, RunsUnreadable, ToolUnavailable

__all__ = ["RequestFile"]

ResultT = TypeVar("ResultT")


class RequestFile:
    """The requests of a state directory."""

    def __init__(self, state_dir: Path) -> None:
        """Prepare; nothing is opened or made."""
        self._state_dir = state_dir
        self._stack = ExitStack()
        self._opening = anyio.Lock()
        self._store: SqliteRequests | None = None
        self._writes = JournalWriter()

    @property
    def is_there(self) -> bool:
        """Whether anybody ever made a request with this state directory."""
        return self._store is not None or (self._state_dir / FILE).exists()

    async def read(self, read: Callable[[SqliteRequests], ResultT]) -> ResultT:
        """What `read` finds.

        Raises:
            RunsUnreadable: Nothing can be looked up now.
        """
        store = await self._open()
        return await self._guarded(partial(read, store))

    async def write(self, write: Callable[[SqliteRequests], ResultT]) -> ResultT:
        """What comes of `write`.

        Raises:
            RunsUnreadable: The requests cannot be opened now.
            ToolUnavailable: Nothing can be kept now.
        """
        store = await self._open()
        try:
            return await self._writes.do(partial(write, store))
        except JournalUnusable as error:
            raise ToolUnavailable(f"{error}") from error

    async def get(self, request: str) -> Request | None:
        """A request as it is kept; None where there is none.

        Raises:
            RunsUnreadable: It cannot be looked up now.
        """
        return await self.read(lambda store: store.get(request))

    def close(self) -> None:
        """Close what was opened."""
        self._stack.close()

    async def _open(self) -> SqliteRequests:
        async with self._opening:
            if self._store is None:
                self._store = await self._guarded(self._enter)
            return self._store

    def _enter(self) -> SqliteRequests:
        return self._stack.enter_context(open_requests(self._state_dir))

    async def _guarded(self, read: Callable[[], ResultT]) -> ResultT:
        try:
            return await to_thread.run_sync(read)
        except JournalUnusable as error:
            raise RunsUnreadable(f"requests cannot be looked up: {error}") from error
