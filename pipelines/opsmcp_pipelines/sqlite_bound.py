"""A bound for what an SQLite file holds: the oldest goes first. Knows no table."""

import sqlite3
from contextlib import closing

__all__ = ["shrink", "used_bytes"]

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


def used_bytes(database: sqlite3.Connection) -> int:
    """How many bytes of the file hold something."""
    with closing(database.execute(_USED)) as cursor:
        return int(cursor.fetchone()[0])
