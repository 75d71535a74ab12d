"""Messages between opsmcp and the program that its steps are below, on a socket between the two.

A message is its length in four bytes, then what `marshal` makes of it, which needs no import: both
ends are the same Python.
"""

import marshal
from typing import Any

__all__ = ["Message", "pack", "unpack"]

Message = dict[str, Any]


def pack(message: Message) -> bytes:
    """A message as it is sent."""
    data = marshal.dumps(message)
    return len(data).to_bytes(4, "big") + data


def unpack(buffer: bytes) -> tuple[Message | None, bytes]:
    """The first message, if it is whole, and what comes after it."""
    length = 4 + int.from_bytes(buffer[:4], "big")
    if len(buffer) < max(length, 5):
        return None, buffer
    return marshal.loads(buffer[4:length]), buffer[length:]  # noqa: S302 - our own, see the top
