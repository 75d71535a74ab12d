"""The run that answers a call which is made again: in flight here, or known to the journal.

Calls are the same by their digest, or by the key that the caller gave. Starts nothing.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import anyio

from opsmcp_pipelines.models import OperationKey
from opsmcp_pipelines.run import Run, Verdict
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.model.errors import JournalUnusable, ToolUnavailable
from opsmcp_tools.model.run_record import Repeat, RunRecord
from opsmcp_tools.model.tool import Principal, Tool
from opsmcp_tools.runs.conclusion import Conclusions
from opsmcp_tools.runs.context import RunContext
from opsmcp_tools.runs.live_run import LiveRun
from opsmcp_tools.runs.new_record import digest_of

__all__ = ["SameCalls", "as_repeat"]


class SameCalls:
    """Finds the runs of calls that were made before."""

    def __init__(self, context: RunContext, conclusions: Conclusions) -> None:
        """For `repeat_seconds`, a run that changed something and ended answers the same call."""
        self._context = context
        self._conclusions = conclusions
        self._window = timedelta(seconds=context.settings.repeat_seconds)

    def in_flight(self, tool: Tool, principal: Principal, digest: str, key: str) -> LiveRun | None:
        """The run of the same call, if this process follows it."""
        for live in self._context.live.values():
            record = live.record
            if record.ended or (record.principal_id, record.tool) != (principal.id, tool.name):
                continue
            if record.key == key if key else record.digest == digest:
                return live
        return None

    async def find(self, record: RunRecord, since: datetime | None) -> RunRecord | None:
        """The run of the same call that the journal knows.

        Raises:
            ToolUnavailable: It cannot be read.
        """
        try:
            return await anyio.to_thread.run_sync(self._context.journal.same, record, since)
        except JournalUnusable as error:
            raise ToolUnavailable(f"nothing was started now: {error}") from error

    async def find_call(
        self, tool: Tool, call: CheckedCall, principal: Principal
    ) -> RunRecord | None:
        """The run that answers the same call, whoever follows it; None when there is none.

        Raises:
            ToolUnavailable: It cannot be looked up now.
        """
        digest = digest_of(tool, call, principal)
        live = self.in_flight(tool, principal, digest, "")
        if live is not None:
            return as_repeat(live.record.at(live.now()), digest)
        sought = self._sought(tool.name, tool.operation.key, principal, digest=digest)
        found = await self.find(sought, self.answers_since(tool, digest))
        return as_repeat(found, digest) if found else None

    async def find_key(
        self, key: str, tool: str, operation: OperationKey, principal: Principal
    ) -> RunRecord | None:
        """The run of that key, of this tool and principal; None when there is none.

        Raises:
            ToolUnavailable: It cannot be looked up now.
        """
        return await self.find(self._sought(tool, operation, principal, key=key), None)

    def _sought(
        self,
        tool: str,
        operation: OperationKey,
        principal: Principal,
        *,
        digest: str = "",
        key: str = "",
    ) -> RunRecord:
        """A record that holds only what the run of the same call is found by."""
        return RunRecord(
            run="",
            tool=tool,
            operation=operation,
            principal=principal.name,
            principal_id=principal.id,
            arguments={},
            source=self._context.source.label,
            source_run="",
            created_at=self._context.clock.now(),
            result=Run(Verdict.RUNNING),
            digest=digest,
            key=key,
        )

    def answers_since(self, tool: Tool, digest: str) -> datetime | None:
        """Since when a run that ended answers this call; None where none does, nor one in flight.

        One in flight may be of another process and die with it: what only reads is read anew.
        """
        if tool.hints.read_only:
            return None
        since = self._context.clock.now() - self._window
        last = self._conclusions.last.get(digest)
        if last is None:
            return since
        # Of what ended here it is known how long ago that was, whatever the time of day became.
        ended_at, at = last
        if self._context.clock.monotonic() - at <= self._window.total_seconds():
            return min(since, ended_at)
        return max(since, ended_at + timedelta.resolution)


def as_repeat(record: RunRecord, digest: str) -> RunRecord:
    """The run as the answer of a call with that digest, which did not make it."""
    return replace(record, repeated=Repeat.CALL if record.digest == digest else Repeat.KEY)
