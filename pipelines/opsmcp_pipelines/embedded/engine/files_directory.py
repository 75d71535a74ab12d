"""The one directory that files are sent from and fetched into (`files.dir`).

Names are relative and have no `..`; no symbolic link below the directory is followed, whoever made
it and when: each part of a name is opened on its own. Every function blocks.
"""

import errno
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MAX_FILE_BYTES", "FileRefused", "NewFile", "SourceFile", "open_source", "split_name"]

MAX_FILE_BYTES = 100 * 1024 * 1024
"""The largest file that is moved."""

_CHUNK_BYTES = 1024 * 1024
_LONGEST_NAME = 1024
_PLAIN = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SOURCE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LINKS = "a symbolic link, and none is followed"


class FileRefused(Exception):
    """A file of the directory cannot be used; the message is a clause."""


def split_name(name: str) -> tuple[str, ...]:
    """The parts of a name below the directory.

    Raises:
        FileRefused: It is none.
    """
    parts = tuple(part for part in name.split("/") if part != ".")
    if not name or name.startswith(("/", "~")) or ".." in parts or "" in parts:
        raise FileRefused(f"{name[:80]!r} is no name below files.dir: it is relative, without '..'")
    if len(name) > _LONGEST_NAME or not _PLAIN.fullmatch(name):
        raise FileRefused("its name is too long, or has characters that cannot be printed")
    return parts


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that is open to be sent: its size, its sum and its mode when it was opened."""

    opened: int
    size: int
    digest: str
    mode: int

    def read(self, start: int) -> bytes:
        """The next part of it; empty at its end.

        Raises:
            OSError: It cannot be read.
        """
        return os.pread(self.opened, _CHUNK_BYTES, start)

    def close(self) -> None:
        """Nothing more is read."""
        os.close(self.opened)


def open_source(root: Path, parts: Sequence[str]) -> SourceFile:
    """A file of the directory.

    Raises:
        FileRefused: It cannot be sent.
    """
    name = "/".join(parts)
    try:
        folder = _open_folder(root, parts[:-1])
        try:
            opened = os.open(parts[-1], _SOURCE, dir_fd=folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise FileRefused(f"{name!r} of files.dir cannot be read: {_why(error)}") from None
    try:
        return _sum_up(opened, name)
    except FileRefused:
        os.close(opened)
        raise


def _sum_up(opened: int, name: str) -> SourceFile:
    found = os.fstat(opened)
    if not stat.S_ISREG(found.st_mode):
        raise FileRefused(f"{name!r} of files.dir is no regular file")
    digest, size = hashlib.sha256(), 0
    while part := os.pread(opened, _CHUNK_BYTES, size):
        digest.update(part)
        size += len(part)
        if size > MAX_FILE_BYTES:
            raise FileRefused(f"{name!r} of files.dir is larger than {MAX_FILE_BYTES} bytes")
    return SourceFile(opened, size, digest.hexdigest(), stat.S_IMODE(found.st_mode))


class NewFile:
    """A file that is being fetched: under its name only when it is whole."""

    def __init__(self, root: Path, parts: Sequence[str]) -> None:
        """Make it, and the folders that it is in.

        Raises:
            FileRefused: It cannot be made.
        """
        self._name = parts[-1]
        self._temporary = f".opsmcp-{secrets.token_hex(8)}"
        try:
            self._folder = _open_folder(root, parts[:-1], make=True)
        except OSError as error:
            raise FileRefused(f"it cannot be kept in files.dir: {_why(error)}") from None
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self._opened = os.open(self._temporary, flags, 0o600, dir_fd=self._folder)
        except OSError as error:
            os.close(self._folder)
            raise FileRefused(f"it cannot be kept in files.dir: {_why(error)}") from None

    def write(self, part: bytes) -> None:
        """The next part of it.

        Raises:
            OSError: There is no room.
        """
        left = memoryview(part)
        while left:
            left = left[os.write(self._opened, left) :]

    def keep(self, mode: int) -> None:
        """It is whole.

        Raises:
            OSError: It cannot get its name.
        """
        os.fchmod(self._opened, mode)
        os.rename(self._temporary, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        self._temporary = ""

    def close(self) -> None:
        """Remove what was not kept."""
        if self._temporary:
            with suppress(OSError):
                os.unlink(self._temporary, dir_fd=self._folder)
        os.close(self._opened)
        os.close(self._folder)


def _open_folder(root: Path, names: Sequence[str], *, make: bool = False) -> int:
    """A folder below the directory, opened part by part.

    Raises:
        OSError: It is not there, or a part of it is a link.
    """
    # The directory itself may be a link: whoever named it meant that.
    opened = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for name in names:
        try:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=opened)
            inner = os.open(name, _FOLDER, dir_fd=opened)
        finally:
            os.close(opened)
        opened = inner
    return opened


def _why(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return f"a part of it is no directory, or {_LINKS}"
    return error.strerror or "the system refused it"
