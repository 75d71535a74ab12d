"""History: the runs that are known, as they are now; those that are over come from the journal.

Reads only. `execution` starts runs and follows them.
"""

import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.characters import quote
from opsmcp_tools.errors import JournalUnusable, ToolError, ToolUnavailable, UnknownRun
from opsmcp_tools.following import Live
from opsmcp_tools.journal import Journal, Query
from opsmcp_tools.runs import RunRecord
from opsmcp_tools.tool import Principal

__all__ = ["History"]

_MOST_LISTED = 100

_logger = logging.getLogger(__name__)


class History:
    """The runs of a journal; of those that this process follows, the newest state is known."""

    def __init__(self, journal: Journal, live: Mapping[str, Live]) -> None:
        """Read from `journal`; `live` are the runs that are followed, by their handles."""
        self._journal = journal
        self._live = live

    def get(self, run: str, principal: Principal) -> RunRecord:
        """A run of this principal, as it is now.

        Raises:
            UnknownRun: This principal has no such run.
        """
        record = self.find(run)
        if record.principal != principal.name:
            raise _unknown_run(run)
        return record

    def find(self, run: str) -> RunRecord:
        """A run, whosever it is.

        Raises:
            UnknownRun: There is no such run.
            ToolUnavailable: The journal cannot be read.
        """
        if run in self._live:
            return self._live[run].record
        with _journal_errors():
            record = self._journal.get(run)
        if record is None:
            raise _unknown_run(run)
        return record

    def last_good(self, record: RunRecord) -> RunRecord | None:
        """The last run of the same principal, tool and arguments that succeeded before this one.

        None also when the journal cannot be read: it is only something to compare with.
        """
        try:
            return self._journal.last_good(record)
        except JournalUnusable:
            _logger.warning("no earlier run was looked up: the journal cannot be read")
            return None

    def list(
        self,
        principal: Principal,
        *,
        operation: str | None = None,
        verdict: Verdict | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> tuple[tuple[RunRecord, ...], str | None]:
        """Runs of this principal, newest first, and the cursor of the next page.

        Those that are over come without their tasks.
        """
        query = Query(
            principal=principal.name,
            operation=operation,
            verdict=verdict,
            since=since,
            until=until,
            limit=min(max(1, limit), _MOST_LISTED),
            before=_parse_cursor(cursor),
        )
        with _journal_errors():
            records, before = self._journal.list(query)
        return tuple(self._newest(record) for record in records), str(before) if before else None

    def _newest(self, record: RunRecord) -> RunRecord:
        live = self._live.get(record.run)
        return live.record if live else record


def _parse_cursor(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):
        raise ToolError("cursor is not one that list_runs gave; leave it out for the newest runs")
    return int(cursor)


def _unknown_run(run: str) -> UnknownRun:
    return UnknownRun(f"there is no run {quote(run, 40)}; list_runs names the recent ones")


@contextmanager
def _journal_errors() -> Generator[None, None, None]:
    try:
        yield
    except JournalUnusable as error:
        raise ToolUnavailable(f"runs cannot be looked up: {error}") from error
