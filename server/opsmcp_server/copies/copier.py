"""Lines of the audit trail to other places: best effort, bounded, and never in anybody's way.

Each place has a queue of its own. One that does not answer is tried again, ever more slowly; what
is more than fits into its queue is dropped, counted, and the count is logged.
"""

import logging
import ssl
import sys
from collections import deque
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

import anyio

from opsmcp_server.config.effective import Config

__all__ = ["Copier", "CopyFailed", "CopyRefused", "Place", "copier_of"]

MOST_WAITING = 10_000
_MOST_TOGETHER = 512
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_SEND_SECONDS = 10.0
_DRAIN_SECONDS = 3.0

logger = logging.getLogger(__name__)


class CopyFailed(Exception):
    """A place does not take lines now. The message is safe to show."""


class CopyRefused(Exception):
    """A place will never take these lines. The message is safe to show."""


class Place(Protocol):
    """Where lines are copied to."""

    async def send(self, lines: Sequence[bytes]) -> None:
        """Send these, whole.

        Raises:
            CopyFailed: They did not arrive, as far as is known; they are sent again.
            CopyRefused: They are not wanted.
            OSError: As with `CopyFailed`.
        """
        ...

    async def close(self) -> None:
        """Let go of what is open."""
        ...


class _Queue:
    """The lines that wait for one place."""

    def __init__(self, name: str, place: Place) -> None:
        self.name, self._place = name, place
        self._waiting: deque[bytes] = deque()
        self._wake = anyio.Event()
        self._sending = anyio.Lock()
        self._is_down = False
        self.dropped = 0

    def put(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            if len(self._waiting) >= MOST_WAITING:
                self._drop()
            self._waiting.append(line)
        self._wake.set()

    def _drop(self) -> None:
        self._waiting.popleft()
        self.dropped += 1
        if self.dropped & (self.dropped - 1) == 0:
            logger.warning("audit copies to %s: %d lines were dropped", self.name, self.dropped)

    async def run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            if not self._waiting:
                self._wake = anyio.Event()
                await self._wake.wait()
            if await self._send():
                pause = _FIRST_PAUSE
            else:
                await anyio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _send(self) -> bool:
        async with self._sending:
            lines = [*self._waiting][:_MOST_TOGETHER]
            if not lines:
                return True
            dropped = self.dropped
            try:
                with anyio.fail_after(_SEND_SECONDS):
                    await self._place.send(lines)
            except CopyRefused as error:
                self.dropped += len(lines)
                dropped += len(lines)
                logger.warning(
                    "audit copies to %s: %d lines refused: %s", self.name, len(lines), error
                )
            except (CopyFailed, OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
                if not self._is_down:
                    logger.warning("audit copies to %s wait: %s", self.name, _why(error))
                self._is_down = True
                await self._place.close()
                return False
            # Those that were dropped meanwhile are the oldest, which were sent.
            for _ in range(len(lines) - (self.dropped - dropped)):
                self._waiting.popleft()
            if self._is_down:
                logger.info("audit copies to %s go on", self.name)
            self._is_down = False
            return True

    async def drain(self) -> None:
        while self._waiting:
            if not await self._send():
                break
        if self._waiting:
            logger.warning("audit copies to %s: %d were not sent", self.name, len(self._waiting))
        await self._place.close()


class Copier:
    """Copies to several places."""

    def __init__(self, places: Sequence[tuple[str, Place]]) -> None:
        """Copy to these, each by its name; nothing is opened."""
        self._queues = [_Queue(name, place) for name, place in places]

    @property
    def dropped(self) -> int:
        """How many lines were dropped, in all."""
        return sum(queue.dropped for queue in self._queues)

    def put(self, lines: Sequence[bytes]) -> None:
        """Take lines; returns at once."""
        for queue in self._queues:
            queue.put(lines)

    async def run(self) -> None:
        """Send until cancelled."""
        async with anyio.create_task_group() as group:
            for queue in self._queues:
                group.start_soon(queue.run)

    async def drain(self) -> None:
        """Send what is left, in time, and close."""
        with anyio.CancelScope(shield=True), anyio.move_on_after(_DRAIN_SECONDS):
            async with anyio.create_task_group() as group:
                for queue in self._queues:
                    group.start_soon(queue.drain)


def copier_of(config: Config, served: str) -> Copier | None:
    """What copies as the settings say; None where they name no place.

    Raises:
        OSError: The file of certificates cannot be read.
    """
    places = [
        (name, _place(name, config))
        for name in config.audit.copy_to
        # Standard output belongs to the protocol, or to the answer of a command.
        if name != "stdout" or served == "http"
    ]
    return Copier(places) if places else None


def _place(name: str, config: Config) -> Place:
    if name == "stdout":
        return _Stdout()
    parts = urlsplit(name)
    if parts.scheme in ("tcp", "tls"):
        from opsmcp_server.copies.syslog import Syslog

        secure = _trusted(config) if parts.scheme == "tls" else None
        return Syslog(parts.hostname or "", parts.port or 0, secure, config.audit.replica_name())
    from opsmcp_server.copies.otlp import Otlp

    return Otlp(name, _trusted(config), config.audit.replica_name())


def _trusted(config: Config) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=config.audit.ca_file)


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {_SEND_SECONDS:g} seconds"
    return str(error) or type(error).__name__


class _Stdout:
    """Standard output, for whatever gathers the logs of a container."""

    async def send(self, lines: Sequence[bytes]) -> None:
        text = "".join(f"{line.decode('ascii')}\n" for line in lines)
        await anyio.to_thread.run_sync(_print, text)

    async def close(self) -> None:
        """Nothing was opened."""


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
