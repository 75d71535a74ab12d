"""Reading files that others could have put there: no waiting, no strange files, nobody else's.

What was read is what counts from then on. A path is not opened a second time after it was checked,
because another file could stand there by then.
"""

import hashlib
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from opsmcp_pipelines.regular_files import NotRegular, open_regular

__all__ = ["UnsafeFile", "digest_of", "fault_of", "read_safely", "sha256"]

_LARGEST_BYTES = 64 * 1024 * 1024


class UnsafeFile(Exception):
    """A file that may not count; says why, to follow the name of the file."""


def fault_of(found: os.stat_result) -> str:
    """Why a file or directory could be changed by others than this user; empty if it could not.

    The group that a user's own files have counts as the user.
    """
    sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    if found.st_uid not in {0, os.geteuid()}:
        return "belongs to another user, who can change it at any time"
    if found.st_mode & stat.S_IWOTH and not sticky:
        return "can be written by everybody (chmod o-w)"
    if found.st_mode & stat.S_IWGRP and found.st_gid not in {0, os.getegid()}:
        return "can be written by its whole group (chmod g-w)"
    return ""


def read_safely(path: Path, most_bytes: int) -> bytes:
    """The content of a regular file that only this user or root can change, and its directory too.

    At most one byte more than `most_bytes`, so that a larger file shows.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFile: It is something else, or cannot be read.
    """
    with _opened(path) as stream:
        return stream.read(most_bytes + 1)


def digest_of(path: Path) -> str:
    """The SHA-256 of such a file.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafeFile: It is something else, cannot be read, or is larger than 64 MiB.
    """
    with _opened(path) as stream:
        if os.fstat(stream.fileno()).st_size > _LARGEST_BYTES:
            raise UnsafeFile("is larger than 64 MiB")
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256(data: bytes) -> str:
    """The SHA-256 of what was read."""
    return hashlib.sha256(data).hexdigest()


@contextmanager
def _opened(path: Path) -> Generator[BufferedReader]:
    try:
        folder = path.parent.stat()
        with open_regular(path) as stream:
            if fault := fault_of(os.fstat(stream.fileno())):
                raise UnsafeFile(fault)
            if fault := fault_of(folder):
                raise UnsafeFile(f"lies in a directory that {fault}")
            yield stream
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(str(path)) from error
    except NotRegular as error:
        raise UnsafeFile("is no regular file") from error
    except OSError as error:
        raise UnsafeFile(f"cannot be read: {error.strerror}") from error
