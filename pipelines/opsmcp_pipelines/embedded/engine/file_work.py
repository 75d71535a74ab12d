"""A file that a step moves, and the truth about that in words: alike for this and other machines.

One word decides: until the far side is told to replace its file, certainly nothing has changed.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import anyio
from anyio import to_thread

from opsmcp_pipelines.embedded.engine.files_directory import (
    MAX_FILE_BYTES,
    NewFile,
    SourceFile,
    open_source,
)
from opsmcp_pipelines.embedded.engine.machine import Limit, StepEnd
from opsmcp_pipelines.report import Status
from opsmcp_pipelines.ssh.file_frame import FileFault, pull, push
from opsmcp_pipelines.ssh.file_talk import Pull, Push
from opsmcp_pipelines.ssh.refusals import last_line
from opsmcp_pipelines.ssh.session import RemoteEnd, RemoteState, Session

__all__ = ["FileOrder", "FileWork", "open_work"]

_TELL_FROM_BYTES = 16 * 1024 * 1024
_TELL_EVERY = 10
"""Files of so many bytes tell how far they are, after each tenth."""

_MOST_WHY_CHARS = 200
_UNKNOWN = (
    "it was sent, and whether {} was replaced is not known: the connection was lost at the end"
)
_FAULTS: Mapping[int, str] = MappingProxyType(
    {
        FileFault.NO_DIRECTORY: "there is no directory for it",
        FileFault.LINK: "it is a symbolic link, which would be replaced by a file",
        FileFault.NOT_REGULAR: "it is no regular file",
        FileFault.NOT_WRITTEN: "it cannot be written",
        FileFault.SHORT: "not all of it arrived",
        FileFault.CHANGED: "what arrived is not what was read first: it changed meanwhile",
        FileFault.OWNER: "its owner cannot be kept",
        FileFault.NOT_REPLACED: "it cannot be replaced",
        FileFault.NOT_READ: "it cannot be read",
        FileFault.TOO_LARGE: f"it is larger than {MAX_FILE_BYTES:,} bytes",
        FileFault.NO_MODE: "its mode cannot be told",
        FileFault.MISSING: "there is no such file",
    }
)


@dataclass(frozen=True, slots=True)
class FileOrder:
    """What is to be moved.

    `local` is the parts of a name below `root`, `remote` a path on `host`; `upload` says that the
    file goes to the host, and not from it.
    """

    root: Path
    local: tuple[str, ...]
    host: str
    remote: str
    upload: bool

    @property
    def there(self) -> str:
        """Where it is on the host, for people."""
        return f"{self.host}:{self.remote}"


@asynccontextmanager
async def open_work(order: FileOrder) -> "AsyncGenerator[FileWork]":
    """The work for an order; a file that was not fetched whole is gone after the block.

    Raises:
        FileRefused: The file in `files.dir` cannot be sent.
    """
    source = None
    if order.upload:
        with anyio.CancelScope(shield=True):  # what is opened has to be closed
            source = await to_thread.run_sync(open_source, order.root, order.local)
    work = FileWork(order, source)
    try:
        yield work
    finally:
        work.close()


class FileWork:
    """Moves a file, in one try or in several."""

    def __init__(self, order: FileOrder, source: SourceFile | None) -> None:
        """Begin with nothing; without a source, the file is fetched."""
        self._order = order
        self._source = source
        self._talk: Push | Pull | None = None
        self._new: NewFile | None = None
        self._failure = ""
        self._told = 0
        self._tell: Callable[[str], None] = _tell_nobody

    def session(
        self, command: Sequence[str], environ: Mapping[str, str], on_output: Callable[[bytes], None]
    ) -> Session:
        """A new try.

        Args:
            command: What reads frames of files, over there.
            environ: What it may see of the environment.
            on_output: Takes what is to be told.

        Raises:
            FileRefused: There is no place for the file in `files.dir`.
        """
        self._tell = lambda line: on_output(f"{line}\n".encode())
        self._told = 0
        order, source = self._order, self._source
        if source is not None:
            read = partial(to_thread.run_sync, source.read)
            talk = Push(read, source.size, self._on_progress)
            frame = push(order.remote, source.size, source.digest, source.mode)
        else:
            self._drop_new()
            self._new = NewFile(order.root, order.local)
            talk = Pull(self._write, MAX_FILE_BYTES + 1, self._on_progress)
            frame = pull(order.remote, MAX_FILE_BYTES)
        self._talk = talk
        return Session(command, environ, frame, talk.hear, talk)

    def judge(
        self, end: RemoteEnd, limit: Limit, not_started: Callable[[RemoteEnd], StepEnd]
    ) -> StepEnd:
        """What became of the file in the last try.

        Args:
            end: How the try ended.
            limit: How long it was allowed to take.
            not_started: Says why nothing was begun.
        """
        if end.state is RemoteState.UNKNOWN:
            return StepEnd(Status.OTHER, _UNKNOWN.format(self._order.remote))
        if end.state is RemoteState.NOT_STARTED:
            return not_started(end)
        if end.code == 0:
            return self._conclude()
        if end.state is RemoteState.STOPPED:
            return self._failed(f"stopped after {limit}")
        why = last_line(self._talk.last_words if self._talk else "", _MOST_WHY_CHARS)
        fault = _FAULTS.get(end.code or 0, f"exit status {end.code}")
        return self._failed(f"{self._order.remote}: {fault}" + (f" ({why})" if why else ""))

    def close(self) -> None:
        """Let go of what is open, and remove what is not whole."""
        self._drop_new()
        if self._source is not None:
            self._source.close()

    def _conclude(self) -> StepEnd:
        """The far side is content: whether we are."""
        order, talk, new = self._order, self._talk, self._new
        if isinstance(talk, Pull) and new is not None:
            if self._failure or not talk.is_whole:
                changed = f"{order.remote}: what arrived is not what it was: it changed meanwhile"
                return self._failed(self._failure or changed)
            try:
                new.keep(talk.mode)
            except OSError as error:
                return self._failed(_not_kept(error))
            self._tell(f"downloaded {order.there} to {'/'.join(order.local)}, {_facts(talk)}")
        elif isinstance(talk, Push) and self._source is not None:
            said = f"{'/'.join(order.local)} to {order.there}, {_facts(self._source)}"
            self._tell(f"{'unchanged' if talk.unchanged else 'uploaded'}: {said}")
        return StepEnd(Status.SUCCEEDED)

    def _failed(self, why: str) -> StepEnd:
        what = "replaced there" if self._order.upload else "kept"
        return StepEnd(Status.FAILED, f"{why}; nothing was {what}")

    async def _write(self, part: bytes) -> None:
        new = self._new
        if new is None or self._failure:
            return
        try:
            await to_thread.run_sync(new.write, part)
        except OSError as error:
            self._failure = _not_kept(error)

    def _on_progress(self, done: int, size: int) -> None:
        tenth = done * _TELL_EVERY // max(size, 1)
        if size >= _TELL_FROM_BYTES and self._told < tenth < _TELL_EVERY:
            self._told = tenth
            self._tell(f"{done:,} of {size:,} bytes")

    def _drop_new(self) -> None:
        if self._new is not None:
            self._new.close()
            self._new = None


def _tell_nobody(_line: str) -> None:
    """Nobody listens yet."""


def _facts(file: SourceFile | Pull) -> str:
    if isinstance(file, Pull):
        return f"{file.received:,} bytes, sha256 {file.hexdigest}"
    return f"{file.size:,} bytes, sha256 {file.digest}"


def _not_kept(error: OSError) -> str:
    return f"it cannot be kept in files.dir: {error.strerror or 'the system refused it'}"
