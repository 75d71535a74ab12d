"""The audit trail as the event loop writes it: at once where something waits for it, else soon.

What must be on the disk before it happens is waited for; starts that come meanwhile share one write
(`journal.writer`). Everything else is kept for a moment and written together. Where the disk is
full, what waits is refused, and the rest is kept until there is room again, bounded.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

import anyio

from opsmcp_tools.audit.line import AuditEvent, Outcome, hash_of, is_checkpoint, read_line
from opsmcp_tools.audit.trail import Trail
from opsmcp_tools.journal.writer import JournalWriter
from opsmcp_tools.model.errors import JournalUnusable

__all__ = ["Copies", "Recorder"]

_TOGETHER_SECONDS = 0.2
_CHECKPOINT_SECONDS = 60.0
_AGAIN_SECONDS = 2.0
_MOST_WAITING = 10_000
_LEAVE_SECONDS = 5.0
_GAP = "audit.gap"

logger = logging.getLogger(__name__)


class Copies(Protocol):
    """Takes the lines that were written to other places; never fails, and returns at once."""

    def put(self, lines: Sequence[bytes]) -> None:
        """Take these."""
        ...


class Recorder:
    """Writes one trail."""

    def __init__(
        self,
        trail: Trail,
        *,
        required: bool,
        now: Callable[[], datetime],
        copies: Copies | None = None,
    ) -> None:
        """Prepare; nothing is read or written.

        Args:
            trail: The trail.
            required: Whether what cannot be written must not happen.
            now: The time, with time zone.
            copies: Where the lines go as well.
        """
        self._trail, self._required, self._now, self._copies = trail, required, now, copies
        self._writer = JournalWriter(trail.together, what="the audit trail")
        self._waiting: list[AuditEvent] = []
        self._wake = anyio.Event()
        self._lost = 0
        self._since: datetime | None = None
        self.errors = 0
        """How often lines could not be written."""
        self.failure = ""
        """Why the last write failed; empty when it did not."""

    @property
    def last_seq(self) -> int:
        """The number of the last line."""
        return self._trail.seq

    def note(self, event: AuditEvent) -> None:
        """Write it soon. Returns at once."""
        if len(self._waiting) >= _MOST_WAITING:
            self._lost += 1
            return
        self._waiting.append(event)
        self._wake.set()

    async def record(self, event: AuditEvent) -> None:
        """Write it, and what was noted before it; returns once it is on the disk.

        Raises:
            JournalUnusable: It cannot be written, and has to be.
        """
        try:
            await self._write((event,))
        except JournalUnusable:
            if self._required:
                raise
            self.note(event)

    async def flush(self) -> None:
        """Write what was noted now.

        Raises:
            JournalUnusable: It cannot be written; it is kept for later.
        """
        await self._write(())
        # What is being written already is waited for as well.
        await self._writer.do(_nothing)

    async def run(self) -> None:
        """Write what was noted, and sign it, until cancelled."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._sign)
            while True:
                await self._wake.wait()
                await anyio.sleep(_TOGETHER_SECONDS)
                self._wake = anyio.Event()
                with suppress(JournalUnusable):
                    await self._write(())
                    continue
                await anyio.sleep(_AGAIN_SECONDS)
                self._wake.set()

    async def _sign(self) -> None:
        while True:
            await anyio.sleep(_CHECKPOINT_SECONDS)
            if self._trail.unsigned:
                with suppress(JournalUnusable):
                    await self._checkpoint(self._trail.checkpoint)

    async def _checkpoint(self, sign: Callable[[], None]) -> None:
        await self._writer.do(sign)
        self._copy()

    async def close(self) -> None:
        """Write what is left and sign it, in time; what cannot be written is lost, and logged."""
        with anyio.CancelScope(shield=True), anyio.move_on_after(_LEAVE_SECONDS):
            try:
                await self._write(())
            except JournalUnusable as error:
                logger.error("%d lines of the audit trail are lost: %s", len(self._waiting), error)  # noqa: TRY400
            with suppress(JournalUnusable):
                await self._checkpoint(self._trail.close)

    async def _write(self, events: Sequence[AuditEvent]) -> None:
        noted, self._waiting = self._waiting, []
        lost, since = self._lost, self._since
        gap = [self._gap(lost, since)] if lost or since else []
        batch = [*gap, *noted, *events]
        if not batch:
            return
        written = False
        try:
            # Whoever waits may go away: what was written then must not be written again.
            with anyio.CancelScope(shield=True):
                await self._writer.do(self._trail.append, batch)
            written = True
        except JournalUnusable as error:
            self._failed(error)
            raise
        finally:
            if written:
                self._lost -= lost
                self._since = None
                self.failure = ""
                self._copy()
            else:
                self._waiting = noted + self._waiting

    def _failed(self, error: JournalUnusable) -> None:
        self.errors += 1
        self._since = self._since or self._now()
        if not self.failure:
            logger.error("%s", error)
        self.failure = str(error)

    def _gap(self, lost: int, since: datetime | None) -> AuditEvent:
        """What is said once lines can be written again."""
        reason = f"lines could not be written: {self.failure}" if self.failure else "too many lines"
        details = {"since": since.isoformat(timespec="seconds") if since else "", "count": lost}
        return AuditEvent(_GAP, self._now(), Outcome.UNKNOWN, reason, details=details)

    def _copy(self) -> None:
        lines = self._trail.take_written()
        for line in lines:
            if is_checkpoint(line):
                # Kept elsewhere, it shows a trail that was cut.
                logger.info("audit trail: checkpoint %d:%s", read_line(line)["seq"], hash_of(line))
        if self._copies is not None and lines:
            self._copies.put(lines)


def _nothing() -> None:
    """Write nothing."""
