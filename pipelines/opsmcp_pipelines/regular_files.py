"""Regular files and nothing else: a pipe or a device could block who opens it, or never end."""

import os
import stat
from pathlib import Path

__all__ = ["Signature", "read_regular", "sign"]

_OPEN_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

Signature = tuple[int, int, int, int]
"""What changes when a file is written or replaced: times of content and inode, inode, size."""


class _NotRegular(OSError):
    """What is there is nothing to read from."""

    def __init__(self) -> None:
        super().__init__(None, "it is no regular file")


def sign(path: Path) -> Signature:
    """What is compared to tell whether a file changed.

    Raises:
        OSError: It cannot be told, or it is no regular file.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise _NotRegular
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size


def read_regular(path: Path, most: int) -> bytes:
    """So many bytes of a file at the most.

    Raises:
        OSError: It cannot be read, or it is no regular file.
    """
    with open(path, "rb", opener=_open_regular) as file:
        return file.read(most)


def _open_regular(path: str, _flags: int) -> int:
    descriptor = os.open(path, _OPEN_FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _NotRegular
    return descriptor
