"""What the journal takes of the disk: bounded by size and age, with room set aside.

Without that room the caller is told how a run ended when the disk is full, and everybody else that
it still runs, or was aborted.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

__all__ = ["Limits", "Reserve", "drop_outdated", "shrink"]

_NEWEST = """
SELECT min(sequence) AS first, min(created_at) AS oldest
FROM (SELECT sequence, created_at FROM runs ORDER BY sequence DESC LIMIT ?)
"""

# With a plus, the time is not looked up in its index: the first row that is young is wanted.
_DROP_OUTDATED = """
DELETE FROM runs WHERE ended_at IS NOT NULL AND sequence < ? AND sequence <
    (SELECT sequence FROM runs WHERE +created_at >= ? ORDER BY sequence LIMIT 1)
"""

_DROP_OLDEST = """
DELETE FROM runs WHERE sequence IN
    (SELECT sequence FROM runs WHERE ended_at IS NOT NULL ORDER BY sequence LIMIT 20)
"""

# Pages that are free count for nothing: SQLite uses them again.
_USED = """
SELECT (pages.page_count - free.freelist_count) * size.page_size
FROM pragma_page_count AS pages, pragma_freelist_count AS free, pragma_page_size AS size
"""

_RESERVE_BYTES = 512 * 1024
"""Enough for the ends of a few dozen runs, each in a transaction of its own."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a journal keeps. What is older or more goes when runs are added, the oldest first.

    `keep_newest` runs are never too old: a clock that is wrong must not empty a file; `keep` counts
    from the oldest of them. `result_bytes` bounds one run, compressed.
    """

    keep: timedelta = timedelta(days=14)
    keep_newest: int = 1_000
    all_bytes: int = 1024 * 1024 * 1024
    result_bytes: int = 8 * 1024 * 1024


def shrink(database: sqlite3.Connection, most_bytes: int, drop: str = _DROP_OLDEST) -> None:
    """Run `drop`, which deletes a few rows, until at most so many bytes are used or none is left.

    Raises:
        sqlite3.Error: The file cannot be read or written.
    """
    while _used_bytes(database) > most_bytes:
        if not database.execute(drop).rowcount:
            return


def drop_outdated(database: sqlite3.Connection, limits: Limits) -> None:
    """Drop the runs that have ended and are too old, but for the newest.

    What is too old is told by the oldest of the newest rows, not by a clock, and goes in the order
    in which it came: a clock that was wrong for a while, in whatever direction, deletes nothing.
    """
    with closing(database.execute(_NEWEST, (limits.keep_newest,))) as cursor:
        first, oldest = cursor.fetchone()
    try:
        before = (datetime.fromisoformat(oldest) - limits.keep).isoformat(timespec="microseconds")
    except (TypeError, ValueError, OverflowError):
        return  # there are none, or the one that would tell is damaged
    database.execute(_DROP_OUTDATED, (first, before))


def _used_bytes(database: sqlite3.Connection) -> int:
    with closing(database.execute(_USED)) as cursor:
        return int(cursor.fetchone()[0])


class Reserve:
    """A file that only takes room. Several processes may share it."""

    def __init__(self, path: Path) -> None:
        """Take nothing yet."""
        self._path = path

    def take(self) -> None:
        """Set the room aside, unless it is.

        Raises:
            OSError: There is too little.
        """
        if self._taken():
            return
        try:
            self._path.touch(mode=0o600)
            # Nothing that a file system could compress.
            self._path.write_bytes(os.urandom(_RESERVE_BYTES))
        except OSError:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Leave the room to others. It is taken again for the next run."""
        self._path.unlink(missing_ok=True)

    def _taken(self) -> bool:
        try:
            return self._path.stat().st_size == _RESERVE_BYTES
        except FileNotFoundError:
            return False
