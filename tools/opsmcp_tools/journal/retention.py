"""Bounds for what an SQLite file holds: by size and by age, the oldest first."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

__all__ = ["KEEP_NEWEST", "drop_outdated", "shrink", "used_bytes"]

KEEP_NEWEST = 1_000
"""How many runs are never too old: a clock that is wrong must not empty a file."""

_NEWEST = """
SELECT min(number) AS first, min(created_at) AS oldest
FROM (SELECT rowid AS number, created_at FROM runs ORDER BY rowid DESC LIMIT ?)
"""

# With a plus, the time is not looked up in its index: the first row that is young is wanted.
_NOT_OUTDATED = "SELECT rowid FROM runs WHERE +created_at >= ? ORDER BY rowid LIMIT 1"

# Pages that are free count for nothing: SQLite uses them again.
_USED = """
SELECT (pages.page_count - free.freelist_count) * size.page_size
FROM pragma_page_count AS pages, pragma_freelist_count AS free, pragma_page_size AS size
"""


def shrink(database: sqlite3.Connection, most_bytes: int, drop: str) -> None:
    """Run `drop`, which deletes a few rows, until at most so many bytes are used or none is left.

    Raises:
        sqlite3.Error: The file cannot be read or written.
    """
    while used_bytes(database) > most_bytes:
        if not database.execute(drop).rowcount:
            return


def drop_outdated(
    database: sqlite3.Connection, keep: timedelta, ended: str, newest: int = KEEP_NEWEST
) -> None:
    """Delete from the table `runs` what has ended and is too old, but for the newest.

    What is too old is told by the oldest of the newest rows, not by a clock, and goes in the order
    in which it came: a clock that was wrong for a while, in whatever direction, deletes nothing.

    Args:
        database: The file; `created_at` of its rows is in ISO format, in UTC.
        keep: How much older than those a row may be.
        ended: What is true, in SQL, of a row that has ended.
        newest: How many rows are kept whatever their age.

    Raises:
        sqlite3.Error: The file cannot be read or written.
    """
    with closing(database.execute(_NEWEST, (newest,))) as cursor:
        first, oldest = cursor.fetchone()
    try:
        before = (datetime.fromisoformat(oldest) - keep).isoformat(timespec="microseconds")
    except (TypeError, ValueError, OverflowError):
        return  # there are none, or the one that would tell is damaged
    database.execute(
        f"DELETE FROM runs WHERE {ended} AND rowid < ? AND rowid < ({_NOT_OUTDATED})",  # noqa: S608
        (first, before),
    )


def used_bytes(database: sqlite3.Connection) -> int:
    """How many bytes of the file hold something."""
    with closing(database.execute(_USED)) as cursor:
        return int(cursor.fetchone()[0])
