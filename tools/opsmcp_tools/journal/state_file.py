"""A small JSON file in the state directory: read whole, written whole, never half.

An object, so that people can look at it, whose `version` is 1. Processes that change it take turns,
by a lock on a file beside it. Knows nothing of what is kept.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["StateFile", "StateFileUnusable"]

_VERSION = 1
_UNUSABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)

_Signature = tuple[int, int, int] | None


class StateFileUnusable(Exception):
    """The file cannot be read, understood or written."""


class StateFile:
    """One such file; neither it nor its directory need exist."""

    def __init__(self, folder: Path, name: str, *, most_bytes: int) -> None:
        """Read nothing yet.

        Args:
            folder: The state directory; it is made for its owner only when something is kept.
            name: The name of the file, without `.json`.
            most_bytes: The largest file that is read or written.
        """
        self.path = folder / f"{name}.json"
        self._folder = folder
        self._name = name
        self._most_bytes = most_bytes

    def signature(self) -> _Signature:
        """What is another one when the file was changed; None where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def read(self) -> dict[str, Any]:
        """What is kept; only the version when there is no file.

        Raises:
            StateFileUnusable: It cannot be read, or a newer opsmcp wrote it.
        """
        with self._translated():
            return self._load()

    @contextmanager
    def updating(self) -> Generator[dict[str, Any]]:
        """What is kept, for one process at a time; what was made of it is kept when the block ends.

        Raises:
            StateFileUnusable: It cannot be read or written, also for what the block put into it.
        """
        with self._translated(), self._locked():
            kept = self._load()
            yield kept
            self._write(kept)

    def _load(self) -> dict[str, Any]:
        try:
            with self.path.open("rb") as stream:
                data = stream.read(self._most_bytes + 1)
        except FileNotFoundError:
            return {"version": _VERSION}
        found = json.loads(self._bounded(data))
        if found["version"] != _VERSION:
            raise ValueError("a newer opsmcp wrote it")
        return found

    @contextmanager
    def _locked(self) -> Generator[None]:
        """Alone with the file, so that two people who change it lose nothing."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / f"{self._name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, kept: dict[str, Any]) -> None:
        text = json.dumps(kept, indent=1, ensure_ascii=False)
        # The names of files need not be text. What is read again passes them on, too.
        data = self._bounded(text.encode(errors="surrogatepass"))
        # Beside the file, because only then can it take its place in one step.
        number, name = tempfile.mkstemp(prefix=f"{self._name}-", dir=self._folder)
        try:
            with os.fdopen(number, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _bounded(self, data: bytes) -> bytes:
        if len(data) > self._most_bytes:
            raise ValueError("too large")
        return data

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except _UNUSABLE as error:
            raise StateFileUnusable(str(self.path)) from error
