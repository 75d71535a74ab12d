"""Whether a trail is as it was written: the first line that was changed, removed, added or cut.

Reads files and keys that it is given, and writes nothing. What it cannot know is said: lines behind
the last checkpoint are chained, but not signed; and lines that were cut off behind a checkpoint are
missed only by whoever kept a later one elsewhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsmcp_tools.audit.line import (
    CHECKPOINT,
    FIRST,
    MOST_BYTES,
    OPEN,
    TORN,
    BadLine,
    hash_of,
    read_line,
)

if TYPE_CHECKING:
    from opsmcp_tools.audit.signing import PublicKey

__all__ = ["Problem", "Report", "verify"]


_SET_BACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Problem:
    """The first line that is not as it was written; lines count from 1 in their file."""

    file: Path
    line: int
    what: str

    def __str__(self) -> str:
        """In one line."""
        return f"{self.file.name}:{self.line}: {self.what}"


@dataclass
class Report:
    """What was found; without a `problem`, every line is as it was written."""

    problem: Problem | None = None
    lines: int = 0
    first_seq: int = 0
    last_seq: int = 0
    first_time: str = ""
    last_time: str = ""
    checkpoint_seq: int = 0
    checkpoint_hash: str = ""
    signed: bool = False
    """Whether there was a key to check signatures with."""
    unsigned: int = 0
    torn: list[str] = field(default_factory=list[str])
    back: str = ""
    """The first line whose time is before that of the line before it: the clock was set."""


class _Bad(Exception):
    """Something is wrong with the line before, or with this one."""

    def __init__(self, line: "_Line", what: str) -> None:
        super().__init__(what)
        self.problem = Problem(line.file, line.number, what)


@dataclass(frozen=True, slots=True)
class _Line:
    file: Path
    number: int
    data: bytes
    whole: bool
    ends_file: bool

    @property
    def hash(self) -> str:
        return hash_of(self.data)


def verify(
    files: Sequence[Path],
    keys: Mapping[str, "PublicKey"],
    *,
    is_all: bool = True,
    is_written: bool = False,
    expected: tuple[int, str] | None = None,
) -> Report:
    """Check the lines of one trail.

    Args:
        files: Its files, in order.
        keys: The public keys that may have signed, by fingerprint; without any, signatures are not
            looked at.
        is_all: Whether nothing may be missing before them, but for what was too old.
        is_written: Whether a process is at it, so that the last lines need not be signed yet.
        expected: Number and hash of a line that has to be there, as a log or a copy has them.

    Raises:
        OSError: A file cannot be read.
    """
    report = Report(signed=bool(keys))
    check = _Check(report, keys, is_all=is_all, expected=expected)
    try:
        before: _Line | None = None
        for line, after in _pairs(files):
            check.line(line, before, after)
            before = line
        if before is not None:
            check.end(before, is_written=is_written)
    except _Bad as bad:
        report.problem = bad.problem
    if report.problem is None and expected and not check.found:
        last = files[-1] if files else Path()
        report.problem = Problem(
            last, report.lines, f"line {expected[0]:,} is not there: what followed was cut off"
        )
    return report


def _pairs(files: Sequence[Path]) -> Iterator[tuple[_Line, _Line | None]]:
    """Each line with the one behind it."""
    last: _Line | None = None
    for line in _read(files):
        if last is not None:
            yield last, line
        last = line
    if last is not None:
        yield last, None


def _read(files: Sequence[Path]) -> Iterator[_Line]:
    for path in files:
        with path.open("rb") as stream:
            number, data = 0, stream.readline(MOST_BYTES + 2)
            if not data:
                raise _Bad(_Line(path, 1, b"", whole=False, ends_file=True), "the file is empty")
            while data:
                number, following = number + 1, stream.readline(MOST_BYTES + 2)
                whole = data.endswith(b"\n")
                yield _Line(path, number, data.removesuffix(b"\n"), whole, ends_file=not following)
                data = following


class _Check:
    def __init__(
        self,
        report: Report,
        keys: Mapping[str, "PublicKey"],
        *,
        is_all: bool,
        expected: tuple[int, str] | None,
    ) -> None:
        self._report, self._keys, self._is_all = report, keys, is_all
        self._expected = expected
        self._oldest = 0
        self._closed = True
        self._first: _Line | None = None
        self.found = False

    def line(self, line: _Line, before: _Line | None, after: _Line | None) -> None:
        """Check one; the line before it has passed."""
        report, fields = self._report, self._fields(line)
        seq = fields["seq"]
        if before is None:
            self._first = line
            report.first_seq, report.first_time = seq, str(fields.get("time", ""))
        self._check_place(line, fields, before)
        self._check_chain(line, fields, before, after)
        self._check_file(line, fields)
        if fields["event"] == CHECKPOINT:
            self._check_signature(line, fields)
            report.checkpoint_seq, report.checkpoint_hash, report.unsigned = seq, line.hash, 0
        else:
            report.unsigned += 1
        if self._expected and seq == self._expected[0]:
            if line.hash != self._expected[1]:
                raise _Bad(line, "it is another line than the one that was kept elsewhere")
            self.found = True
        self._note(line, fields)

    def _fields(self, line: _Line) -> dict[str, Any]:
        if not line.whole:
            raise _Bad(line, "it is cut off in the middle" if line.ends_file else "it was changed")
        try:
            fields = read_line(line.data)
        except BadLine:
            raise _Bad(line, "it was changed: it is not as a line is written") from None
        known = isinstance(fields.get("seq"), int) and isinstance(fields.get("prev"), str)
        if not known or not isinstance(fields.get("event"), str):
            raise _Bad(line, "it was changed: it has no number, event or hash")
        return fields

    def _check_place(self, line: _Line, fields: Mapping[str, Any], before: _Line | None) -> None:
        seq, expected = fields["seq"], self._report.last_seq + 1
        if before is None:
            if (seq == 1) != (fields["prev"] == FIRST):
                raise _Bad(line, "it was changed: only the first line of all has none before it")
            return
        if seq == expected:
            return
        if seq < expected and self._report.lines == 1 and line.data != before.data:
            raise _Bad(before, "it was changed: its number is not right")
        if seq > expected:
            missing = f"{expected:,}" if seq == expected + 1 else f"{expected:,} to {seq - 1:,}"
            raise _Bad(line, f"lines were removed or moved before it: number {missing} is missing")
        raise _Bad(line, f"it was added, repeated or moved: number {seq:,} was there before")

    def _check_chain(
        self, line: _Line, fields: Mapping[str, Any], before: _Line | None, after: _Line | None
    ) -> None:
        if before is None or fields["prev"] == before.hash:
            return
        # Which of the two was changed is told by the line behind both.
        if after is not None and _prev_of(after) == line.hash:
            raise _Bad(before, "it was changed: the next line has another hash of it")
        if fields["event"] == CHECKPOINT and self._is_signed(line, fields):
            raise _Bad(before, "it was changed: the checkpoint behind it has another hash of it")
        raise _Bad(line, "it was changed: its hash of the line before is not right")

    def _check_file(self, line: _Line, fields: Mapping[str, Any]) -> None:
        if line.number == 1:
            if fields["event"] != OPEN:
                raise _Bad(line, "lines were removed before it: a file begins with audit.open")
            if not self._closed:
                raise _Bad(line, "the file before it was cut: it does not end with a checkpoint")
            oldest = fields.get("oldest")
            self._oldest = oldest if isinstance(oldest, int) else 0
        self._closed = fields["event"] == CHECKPOINT

    def _is_signed(self, line: _Line, fields: Mapping[str, Any]) -> bool:
        key = self._keys.get(str(fields.get("key")))
        return key is not None and key.has_signed(line.data)

    def _check_signature(self, line: _Line, fields: Mapping[str, Any]) -> None:
        if not self._keys:
            return
        if str(fields.get("key")) not in self._keys:
            raise _Bad(line, "its checkpoint is signed with another key than was given")
        if not self._is_signed(line, fields):
            raise _Bad(line, "it was changed: the signature of the checkpoint is not good")

    def _note(self, line: _Line, fields: Mapping[str, Any]) -> None:
        report, time = self._report, str(fields.get("time", ""))
        if not report.back and _goes_back(report.last_time, time):
            report.back = f"{line.file.name}:{line.number}"
        report.lines += 1
        report.last_seq, report.last_time = fields["seq"], time
        if fields["event"] == TORN:
            report.torn.append(f"{line.file.name}:{line.number}")

    def end(self, last: _Line, *, is_written: bool) -> None:
        """Check what only the end shows."""
        report = self._report
        if self._is_all and self._first and report.first_seq > self._oldest > 0:
            missing = f"{self._oldest:,} to {report.first_seq - 1:,}"
            raise _Bad(self._first, f"files were removed: lines {missing} are missing before it")
        if report.unsigned and not is_written:
            raise _Bad(
                last,
                "the trail ends without a checkpoint: its process was killed, or lines behind this "
                "one were cut off",
            )


def _goes_back(before: str, time: str) -> bool:
    """Whether a clock was set back; lines wait for a moment, and then come in another order."""
    try:
        return datetime.fromisoformat(before) - datetime.fromisoformat(time) > _SET_BACK
    except ValueError:
        return False


def _prev_of(line: _Line) -> object:
    try:
        return read_line(line.data).get("prev")
    except BadLine:
        return None
