"""The audit trail of one state directory: lines are added here, each chained to the one before.

Blocking; called from a thread. Several processes write one trail: they take turns by a lock, and
each looks first whether the file grew. A line counts once it is on the disk. `docs/audit.md`
describes the files; `verify` checks them.
"""

import errno
import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from opsmcp_tools.audit.chain import Chain
from opsmcp_tools.audit.files import TrailFiles
from opsmcp_tools.audit.line import (
    FIRST,
    IS_CHECKPOINT,
    AuditEvent,
    BadLine,
    fields_of,
    read_line,
)
from opsmcp_tools.audit.tail import Tail, read_tail
from opsmcp_tools.model.errors import JournalHindered

__all__ = ["Trail"]

_CHECKPOINT_LINES = 256

_FULL = "the disk is full: make room, or set audit.dir (OPSMCP_AUDIT_DIR) to another disk"
_OURS = "let the user of opsmcp write there, or set audit.dir (OPSMCP_AUDIT_DIR) to another place"


class Trail:
    """One trail. Nothing is read or made before the first line."""

    def __init__(
        self,
        folder: Path,
        replica: str,
        *,
        key_file: Path,
        version: str,
        keep_files: int = 400,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Write to `folder` as `replica`; of the files of its days the newest `keep_files` stay."""
        self._files = TrailFiles(folder, replica)
        self._chain = Chain({"replica": replica, "version": version}, key_file, now)
        self._keep, self._now = keep_files, now
        self._batch: list[AuditEvent] | None = None
        self._stack = ExitStack()
        self._tail: Tail | None = None
        self._number = -1
        self._joined = False
        self._written: deque[bytes] = deque()

    @property
    def seq(self) -> int:
        """The number of the last line, as far as this process knows."""
        return self._tail.seq if self._tail else 0

    @property
    def unsigned(self) -> int:
        """How many lines stand behind the last checkpoint."""
        return self._tail.unsigned if self._tail else 0

    def take_written(self) -> list[bytes]:
        """The lines that this process wrote and that nobody took yet; from any thread."""
        return [self._written.popleft() for _ in range(len(self._written))]

    def append(self, events: Sequence[AuditEvent]) -> None:
        """Add lines; they are on the disk when this returns, or none of them is.

        Raises:
            JournalHindered: They cannot be written now.
        """
        if self._batch is not None:
            self._batch.extend(events)
        else:
            self._write(events)

    @contextmanager
    def together(self) -> Generator[None]:
        """What is added within the block is written at its end, at once.

        Raises:
            JournalHindered: It cannot be written now.
        """
        self._batch = []
        try:
            yield
            self._write(self._batch)
        finally:
            self._batch = None

    def checkpoint(self) -> None:
        """Sign what is not signed yet.

        Raises:
            JournalHindered: That cannot be written now.
        """
        with self._turn():
            # In the file that there is: the end of a process begins no new day.
            tail = self._look(alone=self._join())
            if tail is not None and tail.unsigned:
                signed, tail = self._chain.checkpoint(tail)
                self._put(tail, [signed])

    def close(self) -> None:
        """Sign what is not signed yet, if anything was written, and let go of the files.

        Raises:
            JournalHindered: That cannot be written now.
        """
        try:
            if self._tail is not None:
                self.checkpoint()
        finally:
            self._stack.close()
            self._tail, self._number, self._joined = None, -1, False

    @contextmanager
    def _turn(self) -> Generator[None]:
        folder = self._files.folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._files.locked():
                yield
        except OSError as error:
            self._forget()
            raise JournalHindered(
                f"the audit trail in {folder} cannot be written: {_reason(error)}"
            ) from error

    def _write(self, events: Sequence[AuditEvent]) -> None:
        if not events:
            return
        with self._turn():
            tail = self._current()
            # One write for all, so that one failure leaves none of them.
            lines, tail = self._chain.lines(tail, map(fields_of, events))
            if tail.unsigned >= _CHECKPOINT_LINES:
                signed, tail = self._chain.checkpoint(tail)
                lines.append(signed)
            self._put(tail, lines)

    # The end of the trail

    def _current(self) -> Tail:
        """The end to add to: mended, of this day, and with what others added."""
        tail = self._look(alone=self._join())
        # A clock that went back starts no file: the order of the files is that of their days.
        if tail is None or self._now().astimezone(UTC).date() > self._files.day_of(tail.path):
            tail = self._begin_file(tail)
        return tail

    def _join(self) -> bool:
        """Be one of its writers; whether there was none just before."""
        if self._joined:
            return False
        number, alone = self._files.join()
        self._stack.callback(os.close, number)
        self._joined = True
        return alone

    def _look(self, *, alone: bool) -> Tail | None:
        known = self._tail
        if known is not None and self._is_as_left(known):
            return known
        newest = self._files.newest()
        if known is not None and (newest is None or newest < known.path):
            # Somebody removed the file that this process wrote: the gap has to be seen.
            return self._begin_file(known)
        if newest is None:
            return None
        self._open(newest)
        tail = read_tail(newest, self._number)
        if not tail.size:
            return self._fill(tail)
        if known is not None and tail.path == known.path:
            if tail.size < known.size:
                cut = replace(tail, seq=known.seq, hash=known.hash)
                return self._mend(cut, "lines were cut off while it was written")
            tail = replace(tail, unsigned=self._unsigned_since(known, tail))
        if tail.torn:
            return self._mend(tail, "half a line, of a process that was killed")
        if alone and tail.unsigned:
            return self._mend(tail, "its last process ended without a checkpoint")
        self._tail = tail
        return tail

    def _unsigned_since(self, known: Tail, tail: Tail) -> int:
        """How many lines stand behind the last checkpoint, with those that others added."""
        grown = os.pread(self._number, tail.size - known.size, known.size)
        _, found, after = grown.rpartition(IS_CHECKPOINT)
        return after.count(b"\n") - 1 if found else known.unsigned + after.count(b"\n")

    def _fill(self, empty: Tail) -> Tail:
        """Begin a file without a line anew: who made it was killed, or somebody emptied it."""
        os.ftruncate(self._number, 0)
        before = next((path for path in reversed(self._files.all()) if path < empty.path), None)
        tail = replace(empty, torn=b"")
        if before is not None:
            number = os.open(before, os.O_RDONLY)
            try:
                last = read_tail(before, number)
            finally:
                os.close(number)
            tail = replace(tail, seq=last.seq, hash=last.hash)
        opened, after = self._chain.opening(tail, self._oldest())
        return self._mend(after, "a file without a line", opened, empty.torn)

    def _is_as_left(self, tail: Tail) -> bool:
        try:
            found = tail.path.stat()
        except FileNotFoundError:
            return False
        return (found.st_ino, found.st_size) == (tail.inode, tail.size) and not tail.closed

    def _open(self, path: Path) -> None:
        number = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        self._forget()
        self._number = number

    def _forget(self) -> None:
        if self._number >= 0:
            os.close(self._number)
        self._number, self._tail = -1, None

    def _mend(
        self, tail: Tail, why: str, first: Sequence[bytes] = (), torn: bytes | None = None
    ) -> Tail:
        """Cut off what is no line, and say so in one, behind the lines `first`."""
        torn = tail.torn if torn is None else torn
        os.ftruncate(self._number, tail.size - sum(len(line) + 1 for line in first))
        lines, after = self._chain.mending(replace(tail, torn=b""), why, torn)
        return self._put(after, [*first, *lines])

    def _begin_file(self, tail: Tail | None) -> Tail:
        day = self._now().astimezone(UTC).date()
        if tail is not None:
            day = max(day, self._files.day_of(tail.path))
            if not tail.closed and self._files.newest() == tail.path:
                signed, tail = self._chain.checkpoint(tail, closes=True)
                self._put(tail, [signed])
        return self._open_day(day, tail)

    def _open_day(self, day: date, tail: Tail | None) -> Tail:
        self._files.drop_old(self._keep - 1)
        path = self._files.path(day)
        self._open(path)
        inode = os.fstat(self._number).st_ino
        seq, before = (tail.seq, tail.hash) if tail else (0, FIRST)
        begun = Tail(path, inode, 0, seq, before, 0, closed=False)
        lines, after = self._chain.opening(begun, self._oldest())
        after = self._put(after, lines)
        _sync_folder(self._files.folder)
        return after

    def _oldest(self) -> int:
        """The number of the first line that is kept."""
        with self._files.all()[0].open("rb") as stream:
            try:
                return int(read_line(stream.readline().rstrip(b"\n"))["seq"])
            except (BadLine, KeyError, TypeError, ValueError):
                return 1

    def _put(self, after: Tail, lines: Sequence[bytes]) -> Tail:
        """Write; what could not be written whole is taken back."""
        data = b"".join(line + b"\n" for line in lines)
        before = after.size - len(data)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._number, left) :]
            os.fdatasync(self._number)
        except OSError:
            os.ftruncate(self._number, before)
            raise
        self._tail = after
        self._written.extend(lines)
        return after


def _reason(error: OSError) -> str:
    """Why it cannot be written, and what helps."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _FULL
    why = (error.strerror or type(error).__name__).lower()
    return f"{why}: {_OURS}" if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) else why


def _sync_folder(folder: Path) -> None:
    """Keep the name of a new file, too, if the machine stops."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
