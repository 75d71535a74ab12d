"""The private directory that a script runs from, and that goes when the script is over.

The script may hold values that are secret, so it must not outlive an opsmcp that was killed. A lock
(`flock`) on the directory tells: the kernel releases it when the process ends, `kill -9` included.
Knows nothing of what is written there. Every function blocks.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["WorkDirectory", "remove_left_over"]

_PREFIX = "opsmcp-step-"


@dataclass(frozen=True, slots=True)
class WorkDirectory:
    """A directory that nobody else can read, held by this process until it is removed."""

    folder: Path
    lock: int

    @classmethod
    def make(cls, temporary: str | None) -> "WorkDirectory":
        """A new one in the directory `temporary`, or where the system has such things.

        Raises:
            OSError: It cannot be made.
        """
        begun = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=temporary))
        # Under its name only once it is locked: until then others would take it for a dead one's.
        folder = begun.with_name(begun.name[1:])
        lock = -1
        try:
            lock = os.open(begun, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            begun.rename(folder)
        except OSError:
            if lock >= 0:
                os.close(lock)
            shutil.rmtree(begun, ignore_errors=True)
            raise
        return cls(folder, lock)

    def write(self, name: str, content: bytes) -> None:
        """A file in it that only its owner may read.

        Raises:
            OSError: It cannot be written.
        """
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self.lock)
        with os.fdopen(file, "wb") as stream:
            stream.write(content)

    def remove(self) -> None:
        """Remove it with all that is in it, as far as that is possible."""
        try:
            _remove_flat(self.folder, self.lock)
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.lock)


def _remove_flat(folder: Path, opened: int) -> None:
    """Remove a directory that holds files and empty directories: in a third of the time.

    Raises:
        OSError: It holds more, or cannot be removed.
    """
    with os.scandir(opened) as entries:
        for entry in entries:
            remove = os.rmdir if entry.is_dir(follow_symlinks=False) else os.unlink
            remove(entry.name, dir_fd=opened)
    folder.rmdir()


def remove_left_over(temporary: str | None) -> None:
    """Remove what processes of this user that were killed have left behind."""
    with suppress(OSError):
        for folder in Path(temporary or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            with suppress(OSError):
                _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(lock).st_uid == os.getuid():
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
