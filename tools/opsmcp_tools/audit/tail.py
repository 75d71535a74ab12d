"""Where a file of the audit trail ends, read from its bytes. Knows no other file."""

import os
from dataclasses import dataclass
from pathlib import Path

from opsmcp_tools.audit.line import CHECKPOINT, FIRST, MOST_BYTES, BadLine, hash_of, read_line

__all__ = ["Tail", "read_tail"]


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a file: after `size` bytes of whole lines stand those that are `torn`.

    `unsigned` is how many lines stand behind the last checkpoint, as far as that is known.
    """

    path: Path
    inode: int
    size: int
    seq: int
    hash: str
    unsigned: int
    closed: bool
    torn: bytes = b""


def read_tail(path: Path, number: int) -> Tail:
    """The end of the file that is open as `number`.

    The last line that can be read counts: what stands behind it was never a line.

    Raises:
        OSError: It cannot be read.
    """
    found = os.fstat(number)
    length, size = found.st_size, 4096
    while True:
        size = min(size * 4, length)
        chunk = os.pread(number, size, length - size)
        whole, _, torn = chunk.rpartition(b"\n")
        line = whole.rpartition(b"\n")[2]
        if size == length or len(line) < len(whole) or size > 2 * MOST_BYTES:
            break
    whole_bytes = length - len(torn)
    if not whole_bytes:
        return Tail(path, found.st_ino, 0, 0, FIRST, 0, closed=False, torn=torn)
    seq, signed, closed = _read_last(line)
    unsigned = 0 if signed else 1
    return Tail(path, found.st_ino, whole_bytes, seq, hash_of(line), unsigned, closed, torn)


def _read_last(line: bytes) -> tuple[int, bool, bool]:
    """The number of a line, whether it is a checkpoint, and whether it closes its file."""
    try:
        fields = read_line(line)
    except BadLine:
        # Somebody changed it, and `verify` says so; the chain goes on behind it.
        return 0, False, False
    seq = fields.get("seq")
    signed = fields.get("event") == CHECKPOINT
    return seq if isinstance(seq, int) else 0, signed, signed and bool(fields.get("closes"))
