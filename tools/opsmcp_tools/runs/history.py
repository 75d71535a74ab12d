"""History: the runs that are known, as they are now; those that are over come from the journal.

Reads only, and always in a thread: the outputs of one run may be megabytes, and others are waiting.
`executions` starts runs and follows them.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar

import anyio

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.journal.sqlite_read import Page, Query
from opsmcp_tools.journal.sqlite_write import Journal
from opsmcp_tools.model.errors import JournalUnusable, RunsUnreadable, UnknownCursor, UnknownRun
from opsmcp_tools.model.run_record import Clock, RunRecord
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.runs.live_run import LiveRun

__all__ = ["History"]

_MOST_LISTED = 100

FoundT = TypeVar("FoundT")

_logger = logging.getLogger(__name__)


class History:
    """The runs of a journal; of those that this process follows, the newest state is known."""

    def __init__(self, journal: Journal, live: Mapping[str, LiveRun], clock: Clock) -> None:
        """Read from `journal`; `live` are the runs that are followed, by their handles."""
        self._journal = journal
        self._live = live
        self._clock = clock

    async def get(self, run: str, whose: Principal | str) -> RunRecord:
        """A run of this principal (or of the one with this name or id), as it is now.

        Raises:
            UnknownRun: This principal has no such run.
            RunsUnreadable: The journal cannot be read.
        """
        return _own(await self.find(run), whose)

    async def head(self, run: str, principal: Principal) -> RunRecord:
        """As `get`, but a run that is over comes without its tasks, however large those are."""
        return _own(await self._find(run, self._journal.head), principal)

    async def find(self, run: str) -> RunRecord:
        """A run, whosever it is.

        Raises:
            UnknownRun: There is no such run.
            RunsUnreadable: The journal cannot be read.
        """
        return await self._find(run, self._journal.get)

    async def _find(self, run: str, read: Callable[[str], RunRecord | None]) -> RunRecord:
        live = self._live.get(run)
        if live is not None:
            return live.record.at(live.now())
        record = await _read(partial(read, run))
        if record is None:
            raise UnknownRun(run)
        return record.at(self._clock.now())

    def last_good(self, record: RunRecord) -> RunRecord | None:
        """The last run of the same principal, tool and arguments that succeeded before this one.

        Blocks: called in the thread that compares. None also when the journal cannot be read.
        """
        try:
            return self._journal.last_good(record)
        except JournalUnusable:
            _logger.warning("no earlier run was looked up: the journal cannot be read")
            return None

    async def list(
        self,
        whose: Principal | str,
        *,
        operation: str | None = None,
        verdict: Verdict | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> Page:
        """Runs of this principal, newest first; `cursor` is that of the page before.

        A text is a name or an id, and means the runs of all who have it. Those that are over come
        without their tasks.
        """
        query = Query(
            principal_id=whose.id if isinstance(whose, Principal) else None,
            named=whose if isinstance(whose, str) else None,
            operation=operation,
            verdict=verdict,
            since=since,
            until=until,
            limit=min(max(1, limit), _MOST_LISTED),
            before=_parse_cursor(cursor),
        )
        page = await _read(partial(self._journal.list, query))
        return replace(page, runs=tuple(self.newest(record) for record in page.runs))

    def newest(self, record: RunRecord) -> RunRecord:
        """The same run as it is now, if this process follows it; else what is given, as of now."""
        live = self._live.get(record.run)
        return live.record.at(live.now()) if live else record.at(self._clock.now())


def _parse_cursor(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):
        raise UnknownCursor(
            "cursor is not one that came with a list of runs; leave it out for the newest runs"
        )
    return int(cursor)


def _own(record: RunRecord, whose: Principal | str) -> RunRecord:
    if isinstance(whose, Principal):
        own = record.principal_id == whose.id
    else:
        own = whose in (record.principal, record.principal_id)
    if not own:
        raise UnknownRun(record.run)
    return record


async def _read(read: Callable[[], FoundT]) -> FoundT:
    try:
        return await anyio.to_thread.run_sync(read)
    except JournalUnusable as error:
        raise RunsUnreadable(f"runs cannot be looked up: {error}") from error
