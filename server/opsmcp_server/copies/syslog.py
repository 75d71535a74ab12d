"""Lines of the audit trail to a syslog receiver: RFC 5424 over TCP or TLS (RFC 5425, RFC 6587).

Framed by octet counting. The standard library has neither TLS nor framing.
"""

import json
import os
import ssl
from collections.abc import Sequence
from typing import Any

import anyio
from anyio.abc import ByteStream

__all__ = ["Syslog", "message_of"]

_FACILITY = 13
"""Log audit."""
_SEVERITIES = {"success": 6, "unknown": 4, "failure": 4}
"""Informational, or a warning."""


class Syslog:
    """One receiver. There is no answer in syslog: what was sent when it went away may be lost."""

    def __init__(self, host: str, port: int, trusted: ssl.SSLContext | None, replica: str) -> None:
        """Prepare; nothing is opened. `trusted` says whose certificates count: TLS is spoken."""
        self._host, self._port, self._trusted = host, port, trusted
        self._replica = replica
        self._stream: ByteStream | None = None

    async def send(self, lines: Sequence[bytes]) -> None:
        """Send these, each as one message."""
        if self._stream is None:
            self._stream = await self._connect()
        frames = (message_of(line, self._replica) for line in lines)
        await self._stream.send(b"".join(b"%d %b" % (len(one), one) for one in frames))

    async def _connect(self) -> ByteStream:
        if self._trusted is None:
            return await anyio.connect_tcp(self._host, self._port)
        return await anyio.connect_tcp(
            self._host, self._port, ssl_context=self._trusted, tls_standard_compatible=False
        )

    async def close(self) -> None:
        """End the connection."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            with anyio.move_on_after(1.0):
                await stream.aclose()


def message_of(line: bytes, replica: str) -> bytes:
    """The message of a line: its head from the fields, its text the line as it is."""
    fields: dict[str, Any] = json.loads(line)
    severity = _SEVERITIES.get(str(fields.get("outcome")), 4)
    head = (
        f"<{_FACILITY * 8 + severity}>1 {fields['time']} {replica} opsmcp {os.getpid()} "
        f"{fields['event']} - "
    )
    return head.encode("ascii") + line
