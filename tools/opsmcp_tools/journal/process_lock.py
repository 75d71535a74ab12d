"""Which process follows a run, told by a lock that dies with the process.

Each process holds the lock (`flock`) on a file of its own. The kernel releases it when the process
ends, `kill -9` included. POSIX only, and only among the processes of one machine.
"""

import fcntl
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from types import TracebackType

__all__ = ["ProcessLock"]

_NAME = re.compile(r"[0-9a-f]{16}\Z")


class ProcessLock:
    """This process among those that share `folder`. Locked on entering, until the exit."""

    def __init__(self, folder: Path) -> None:
        """Choose a name; nothing is locked yet."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.name = secrets.token_hex(8)
        self._folder = folder
        self._file = -1

    def __enter__(self) -> "ProcessLock":
        """Lock the own file, and remove those of processes that were killed."""
        # Under its name only once it is locked: until then others would take it for a dead one.
        begun = self._folder / f".{self.name}"
        self._file = os.open(begun, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            begun.rename(self._folder / self.name)
            for file in self._folder.iterdir():
                if file.name != self.name:
                    self.is_alive(file.name)
        except OSError:
            os.close(self._file)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go: from now on others may take over."""
        with suppress(OSError):
            (self._folder / self.name).unlink()
        os.close(self._file)

    def is_alive(self, name: str) -> bool:
        """Whether the process that owns `name` still runs. The file of a dead one is removed."""
        path = self._folder / name
        if not _NAME.match(name):
            return False
        try:
            file = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
        with suppress(OSError):
            path.unlink()
        return False
