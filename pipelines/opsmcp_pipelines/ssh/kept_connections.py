"""Connections that ssh keeps for a while after a run, so that the next one needs no login.

They are ssh's own (ControlMaster), in a private directory. One is shared only by calls of which ssh
makes exactly the same: name, account, address, way, keys, and how host keys are checked. Where the
person's configuration says something about shared connections, that holds alone. A connection ends
a minute after it was used last, also when opsmcp was killed.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL
from typing import Protocol

import anyio
from anyio import to_thread

from opsmcp_pipelines.ssh.explain import Explanation

__all__ = ["MOST_KEPT", "KeptConnections", "PrivateDirectory"]

MOST_KEPT = 50
"""At a time, since each is a process of 1.4 MiB; of runs on more hosts none is kept."""

_KEPT_SECONDS = 60
_NAME_CHARS = 16
_LONGEST_PATH = 103
"""Of a socket, on every system; ssh puts a dot and 16 characters behind it while it makes one."""

_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")
"""Paths in which ssh expands nothing."""

_AT_ONCE = 16
_EXIT_SECONDS = 5.0

_log = logging.getLogger(__name__)


class PrivateDirectory(Protocol):
    """A directory that nobody else can enter."""

    @property
    def folder(self) -> Path:
        """Where it is."""
        ...

    def remove(self) -> None:
        """Remove it with all that is in it. Blocks."""
        ...


class KeptConnections:
    """The connections of one process."""

    def __init__(self, place: PrivateDirectory, environ: Mapping[str, str]) -> None:
        """Keep nothing yet.

        Args:
            place: Where their sockets are; it is removed in the end.
            environ: What ssh may see of the environment.
        """
        folder = place.folder
        self._place = place
        self._folder = folder
        self._environ = environ
        path = str(folder / ("x" * _NAME_CHARS))
        self._usable = len(path) + 17 <= _LONGEST_PATH and _PLAIN.fullmatch(path) is not None
        if not self._usable:
            _log.info("connections to hosts are not kept: no socket can be made in %s", folder)

    def options(self, explanation: Explanation) -> Sequence[str]:
        """What is said to ssh for a host; nothing where no connection is kept."""
        if not self._usable or explanation.shares or not explanation.digest:
            return ()
        socket = self._folder / explanation.digest[:_NAME_CHARS]
        if not (socket.exists() or self._has_room()):
            return ()
        return (
            "-oControlMaster=auto",
            f"-oControlPath={socket}",
            f"-oControlPersist={_KEPT_SECONDS}",
        )

    async def close(self) -> None:
        """End them all, within some seconds; what cannot be told to end does so by itself."""
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(_EXIT_SECONDS):
                await self._end_all()
            await to_thread.run_sync(self._place.remove)

    async def _end_all(self) -> None:
        limit = anyio.CapacityLimiter(_AT_ONCE)
        async with anyio.create_task_group() as group:
            for name in self._names():
                group.start_soon(self._end, name, limit)

    async def _end(self, name: str, limit: anyio.CapacityLimiter) -> None:
        command = ("ssh", "-F", "none", "-S", str(self._folder / name), "-O", "exit", "--", "x")
        async with limit:
            with suppress(OSError):
                await anyio.run_process(
                    command, stdin=DEVNULL, stderr=DEVNULL, check=False, env=self._environ
                )

    def _has_room(self) -> bool:
        """Whether one more may be kept; never where somebody has removed the directory."""
        return self._folder.is_dir() and len(self._names()) < MOST_KEPT

    def _names(self) -> list[str]:
        try:
            return [path.name for path in self._folder.iterdir()]
        except OSError:
            return []
