"""Regular files and nothing else: a pipe or a device could block who opens it, or never end.

Nor what the kernel shows as files (`/proc`, `/sys`): to read some of them blocks, or takes away
what is read. Files are where there is room for them, or where the file system is known to keep
files and not to say how much room there is.
"""

import os
import stat
from io import BufferedReader
from pathlib import Path

__all__ = ["NotRegular", "Signature", "open_regular", "read_regular", "sign"]

_OPEN_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_KEEPING_FILES = frozenset(
    {"9p", "ceph", "cifs", "fuse", "fuseblk", "nfs", "nfs4", "ramfs", "smb3", "tmpfs", "virtiofs"}
)
"""File systems that may tell of no blocks: without a limit, or with all of it somewhere else."""

_MOUNTS = Path("/proc/self/mountinfo")

Signature = tuple[int, int, int, int]
"""What changes when a file is written or replaced: times of content and inode, inode, size."""


class NotRegular(OSError):
    """What is there is nothing to read from."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__(None, "it is no regular file")


def sign(path: Path) -> Signature:
    """What is compared to tell whether a file changed.

    Raises:
        OSError: It cannot be told, or it is no regular file.
    """
    found = path.stat()
    _require_regular(found, path)
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size


def read_regular(path: Path, most: int) -> bytes:
    """So many bytes of a file at the most.

    Raises:
        OSError: It cannot be read, or it is no regular file.
    """
    with open_regular(path) as file:
        return file.read(most)


def open_regular(path: Path) -> BufferedReader:
    """The file, open for reading.

    Raises:
        NotRegular: It is no regular file.
        OSError: It cannot be opened.
    """
    _require_regular(path.stat(), path)  # to open some devices does something
    return open(path, "rb", opener=_open)


def _open(path: str, _flags: int) -> int:
    descriptor = os.open(path, _OPEN_FLAGS)
    try:
        _require_regular(os.fstat(descriptor), descriptor)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _require_regular(found: os.stat_result, place: Path | int) -> None:
    kept = found.st_blocks or os.statvfs(place).f_blocks or _is_on_known(found.st_dev)
    if not (stat.S_ISREG(found.st_mode) and kept):
        raise NotRegular


def _is_on_known(device: int) -> bool:
    """Whether that is the device of a file system that keeps files without telling of blocks.

    Source of the fields: https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html.
    """
    try:
        lines = _MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    kinds = (
        line.partition(" - ")[2].split(" ")[0] for line in lines if line.split(" ")[2:3] == [number]
    )
    # What a `fuse` is in particular stands behind a dot.
    return any(kind.partition(".")[0] in _KEEPING_FILES for kind in kinds)
