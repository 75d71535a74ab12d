"""The files of an audit trail: their names and order, and the locks of those who write.

One trail for each replica: one chain through the files of its days. Knows nothing of lines.
"""

import fcntl
import os
import re
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from opsmcp_tools.model.errors import JournalBusy

__all__ = ["TrailFiles", "replicas_in"]

_NAME = re.compile(r"audit-([A-Za-z0-9._-]{1,100})-(\d{4}-\d{2}-\d{2})\.jsonl")
_LOCK_SECONDS = 5.0
_PAUSE_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class TrailFiles:
    """The files of one replica in one directory."""

    folder: Path
    replica: str

    def path(self, day: date) -> Path:
        """The file of a day."""
        return self.folder / f"audit-{self.replica}-{day:%Y-%m-%d}.jsonl"

    def all(self) -> list[Path]:
        """Those that are there, the oldest first.

        Raises:
            OSError: Which ones are there cannot be read.
        """
        return sorted(self.folder / name for name in _names_in(self.folder) if self._is_own(name))

    def newest(self) -> Path | None:
        """The one that is written; None where there is none."""
        found = self.all()
        return found[-1] if found else None

    def day_of(self, path: Path) -> date:
        """The day in the name of a file."""
        found = _NAME.fullmatch(path.name)
        return date.fromisoformat(found[2]) if found else date.min

    def drop_old(self, keep: int) -> None:
        """Remove all but the newest `keep`."""
        for path in self.all()[:-keep]:
            path.unlink(missing_ok=True)

    def _is_own(self, name: str) -> bool:
        found = _NAME.fullmatch(name)
        if found is None or found[1] != self.replica:
            return False
        try:
            date.fromisoformat(found[2])
        except ValueError:
            return False
        return True

    @contextmanager
    def locked(self) -> Generator[None]:
        """Alone with the files, among all processes of this machine.

        Raises:
            JournalBusy: Another process did not let go of them.
            OSError: They cannot be locked.
        """
        lock = os.open(self.folder / f"audit-{self.replica}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            until = time.monotonic() + _LOCK_SECONDS
            while not _try_lock(lock, fcntl.LOCK_EX):
                if time.monotonic() >= until:
                    raise JournalBusy(
                        f"the audit trail in {self.folder} cannot be written: another process "
                        "holds it"
                    )
                time.sleep(_PAUSE_SECONDS)
            yield
        finally:
            os.close(lock)

    def join(self) -> tuple[int, bool]:
        """Become one of its writers, with `locked`: a file to close, and whether there was none."""
        path = self.folder / f"audit-{self.replica}.writers"
        number = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        alone = _try_lock(number, fcntl.LOCK_EX)
        fcntl.flock(number, fcntl.LOCK_SH)
        return number, alone

    def is_written(self) -> bool:
        """Whether a process is there that writes it."""
        path = self.folder / f"audit-{self.replica}.writers"
        try:
            number = os.open(path, os.O_RDONLY)
        except OSError:
            return False
        try:
            return not _try_lock(number, fcntl.LOCK_EX)
        finally:
            os.close(number)


def replicas_in(folder: Path) -> list[str]:
    """The replicas that have files in a directory.

    Raises:
        OSError: Which ones are there cannot be read.
    """
    names = (_NAME.fullmatch(name) for name in _names_in(folder))
    return sorted({found[1] for found in names if found})


def _names_in(folder: Path) -> list[str]:
    """What is in a directory: nothing only where there is none (`Path.glob` hides other errors)."""
    try:
        return [path.name for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _try_lock(number: int, how: int) -> bool:
    try:
        fcntl.flock(number, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
