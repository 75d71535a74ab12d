"""A channel to the program that the steps of one run are below: what is asked, what is answered."""

import os
import signal
import socket
from contextlib import suppress
from typing import Any

import anyio

from opsmcp_pipelines.embedded.engine.messages import Message, pack, unpack

__all__ = ["Channel", "ChannelClosed", "ChannelSilent"]

_CHUNK_BYTES = 64 * 1024
_LOOK_SECONDS = 1.0
_MOST_SILENT_LOOKS = 30


class ChannelClosed(Exception):
    """Nobody is at the other end."""


class ChannelSilent(ChannelClosed):
    """Who is at the other end does not answer."""


class Channel:
    """One end of a pair of sockets; answers are kept until they are wanted.

    `number` is the process at the other end, once it is known.
    """

    def __init__(self, ours: socket.socket) -> None:
        """Take over the socket."""
        ours.setblocking(False)
        self.number = 0
        self._socket = ours
        self._buffer = b""
        self._came: Message = {}

    async def answer(self, kind: str) -> Any:
        """What came of this kind, once it did.

        Raises:
            ChannelClosed: The other end is gone.
        """
        while kind not in self._came:
            await self._receive()
        return self._came.pop(kind)

    async def answer_of_living(self, kind: str) -> Any:
        """What came of this kind, however long that takes: who is to send it is woken meanwhile.

        Whatever runs below that process may have stopped it.

        Raises:
            ChannelClosed: The other end is gone.
            ChannelSilent: It does not even say that it is there, for half a minute.
        """
        silent = 0
        while silent < _MOST_SILENT_LOOKS:
            with anyio.move_on_after(_LOOK_SECONDS):
                return await self.answer(kind)
            silent = 0 if self.take("here") else silent + 1
            self.wake()
            await self.send({"do": "here"})
        raise ChannelSilent

    def wake(self) -> None:
        """Let the process at the other end go on, if somebody stopped it."""
        if self.number:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.number, signal.SIGCONT)

    @property
    def is_open(self) -> bool:
        """Whether somebody is at the other end who has nothing more to say."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def take(self, kind: str) -> Any:
        """What has come of this kind, or None."""
        return self._came.pop(kind, None)

    async def send(self, message: Message, file: int | None = None) -> None:
        """Send a message, and with it an open file.

        Raises:
            ChannelClosed: The other end is gone.
        """
        data = pack(message)
        files = [] if file is None else [file]
        while data:
            try:
                sent = socket.send_fds(self._socket, [data], files)
            except BlockingIOError:
                await anyio.wait_writable(self._socket)
            except OSError as error:
                raise ChannelClosed from error
            else:
                data, files = data[sent:], []

    def close(self, last: Message | None = None) -> None:
        """Close it, after a last message if there is one and somebody to read it."""
        try:
            if last is not None:
                self._socket.send(pack(last))
        except OSError:
            pass
        finally:
            self._socket.close()

    async def _receive(self) -> None:
        await anyio.wait_readable(self._socket)
        try:
            data = self._socket.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            raise ChannelClosed from error
        if not data:
            raise ChannelClosed
        message, self._buffer = unpack(self._buffer + data)
        while message is not None:
            self._came |= message
            message, self._buffer = unpack(self._buffer)
