"""A channel to the program that the steps of one run are below: what is asked, what is answered."""

import socket
from typing import Any

import anyio

from opsmcp_pipelines.embedded.engine.messages import Message, pack, unpack

__all__ = ["Channel", "ChannelClosed"]

_CHUNK_BYTES = 64 * 1024


class ChannelClosed(Exception):
    """Nobody is at the other end."""


class Channel:
    """One end of a pair of sockets; answers are kept until they are wanted."""

    def __init__(self, ours: socket.socket) -> None:
        """Take over the socket."""
        ours.setblocking(False)
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
