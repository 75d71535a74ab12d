"""What is said about one file after the far side was told to start. Bytes go in both directions.

Sums are compared at both ends: of a file that is sent over there, of one that is fetched here.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Protocol

import anyio

__all__ = ["Pull", "Push", "Talk"]

_PART_BYTES = 256 * 1024
"""What is fetched is written in parts of at least so many bytes: each costs a turn of a thread."""

_LONGEST_LINE = 256
_SAME, _WANT, _SENT = b"same", b"want", b"sent"
"""What the far side says of a file that it gets."""

Send = Callable[[bytes], Awaitable[None]]
OnProgress = Callable[[int, int], None]
"""Told how many bytes have gone, and of how many."""


class Talk(Protocol):
    """What a session says and hears after it told the far side to start."""

    @property
    def committed(self) -> bool:
        """Whether something may have been changed over there."""
        ...

    async def speak(self, send: Send) -> bool:
        """Say what there is to say, when it is asked for; whether the far side may go on."""
        ...

    async def digest(self) -> None:
        """Deal with what was heard since the last time."""
        ...


class Push:
    """Sends a file.

    Attributes:
        committed: Whether the far side was told to replace its file.
        unchanged: Whether it said that it has these bytes.
    """

    def __init__(
        self, read: Callable[[int], Awaitable[bytes]], size: int, on_progress: OnProgress
    ) -> None:
        """Send nothing yet.

        Args:
            read: Gives a part of the file by where it begins; an empty one is its end.
            size: How many bytes it has.
            on_progress: Told of each part that has gone.
        """
        self.committed = False
        self.unchanged = False
        self._read = read
        self._size = size
        self._on_progress = on_progress
        self._heard = b""
        self._wanted = anyio.Event()
        self._arrived = anyio.Event()

    @property
    def last_words(self) -> str:
        """What was said last that was not agreed on, which is why it ended badly."""
        lines = self._heard.split(b"\n")
        said = b"\n".join(line for line in lines if line not in (_SAME, _WANT, _SENT))
        return said.decode(errors="replace")

    def hear(self, chunk: bytes) -> None:
        """Take what the far side said."""
        self._heard = (self._heard + chunk)[-_LONGEST_LINE:]
        lines = self._heard.split(b"\n")[:-1]
        self.unchanged = _SAME in lines
        if _WANT in lines:
            self._wanted.set()
        if _SENT in lines:
            self._arrived.set()

    async def speak(self, send: Send) -> bool:
        """Send the bytes, and the word to replace the file once they are there."""
        await self._wanted.wait()
        gone = 0
        while gone < self._size and (part := await self._read(gone)):
            part = part[: self._size - gone]
            await send(part)
            gone += len(part)
            self._on_progress(gone, self._size)
        if gone < self._size:
            return False  # It became shorter.
        await self._arrived.wait()
        self.committed = True
        await send(b"put\n")
        return True

    async def digest(self) -> None:
        """Everything was dealt with when it was heard."""


class Pull:
    """Fetches a file; nothing over there is changed.

    Attributes:
        committed: Never.
        size: How many bytes it has; None while that was not said.
        mode: Its mode over there.
    """

    def __init__(
        self, write: Callable[[bytes], Awaitable[None]], most: int, on_progress: OnProgress
    ) -> None:
        """Fetch nothing yet.

        Args:
            write: Takes the next part of the file.
            most: Whatever comes beyond so many bytes is dropped.
            on_progress: Told of each part that has come.
        """
        self.committed = False
        self.size: int | None = None
        self.mode = 0
        self.received = 0
        self._sum = ""
        self._hash = hashlib.sha256()
        self._write = write
        self._most = most
        self._on_progress = on_progress
        self._heard = bytearray()

    @property
    def is_whole(self) -> bool:
        """Whether all of it came, as it was when it was summed up over there."""
        return self.received == self.size and self._hash.hexdigest() == self._sum

    @property
    def last_words(self) -> str:
        """What was said last, which is why it ended badly; nothing once the file began."""
        return "" if self.size is not None else self._heard.decode(errors="replace")

    @property
    def hexdigest(self) -> str:
        """The sum of what came."""
        return self._hash.hexdigest()

    def hear(self, chunk: bytes) -> None:
        """Take what the far side said."""
        self._heard += chunk

    async def speak(self, send: Send) -> bool:
        """There is nothing to say."""
        return True

    async def digest(self) -> None:
        """Write down what came, once it is much or the last of the file."""
        if self.size is None:
            self._read_head()
        if self.size is None or not self._heard:
            return
        if len(self._heard) < min(_PART_BYTES, self.size - self.received):
            return
        part = bytes(self._heard[: max(self._most - self.received, 0)])
        self._heard.clear()
        self._hash.update(part)
        self.received += len(part)
        await self._write(part)
        self._on_progress(self.received, self.size)

    def _read_head(self) -> None:
        found = re.search(
            rb"(?:\A|\n)file ([0-9]{1,12}) ([0-9a-f]{64}) ([0-7]{1,4})\n", self._heard
        )
        if found is not None:
            self.size, self._sum = int(found[1]), found[2].decode()
            self.mode = int(found[3], 8) & 0o777
            del self._heard[: found.end()]
        else:
            del self._heard[:-_LONGEST_LINE]
