"""Room on the disk that is set aside, so that the end of a run can be kept when the disk is full.

Without it the caller is told how a run ended, and everybody else that it still runs, or was
aborted.
"""

import os
from pathlib import Path

__all__ = ["Reserve"]

_BYTES = 512 * 1024
"""Enough for the ends of a few dozen runs, each in a transaction of its own."""


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
            self._path.write_bytes(os.urandom(_BYTES))
        except OSError:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Leave the room to others. It is taken again for the next run."""
        self._path.unlink(missing_ok=True)

    def _taken(self) -> bool:
        try:
            return self._path.stat().st_size == _BYTES
        except FileNotFoundError:
            return False
