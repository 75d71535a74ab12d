"""Files that a chat writes: for their owner alone, and never in the place of other files."""

import os
from pathlib import Path

__all__ = ["Saved"]

_State = tuple[int, int, int, int]


class Saved:
    """Writes files. One that it wrote, and that nobody changed since, it writes anew."""

    def __init__(self) -> None:
        """Begin with none."""
        self._written: set[_State] = set()

    def write(self, path: Path, text: str) -> None:
        """Write the text to a file that only its owner can read.

        Raises:
            FileExistsError: There is one already, and not as this chat left it.
            OSError: It cannot be written.
        """
        opened = self._open(path.expanduser())
        with os.fdopen(opened, "wb", buffering=0) as file:
            left = memoryview(text.encode("utf-8", "replace"))
            try:
                os.ftruncate(opened, 0)
                os.fchmod(opened, 0o600)
                while left:
                    left = left[file.write(left) :]
            finally:
                self._written.add(_state(opened))

    def _open(self, path: Path) -> int:
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if path.is_symlink():
                raise
            # Without waiting for whoever reads a pipe, if it is one.
            opened = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            if _state(opened) in self._written:
                return opened
            os.close(opened)
            raise


def _state(opened: int) -> _State:
    """Which file it is, and how it was left."""
    found = os.fstat(opened)
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
