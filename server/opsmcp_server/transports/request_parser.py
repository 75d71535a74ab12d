"""Requests over HTTP as they are read: what could be divided in more than one way is refused.

What one takes for a body can be a request to a proxy that divides it otherwise, so lines, lengths
and chunks must be as RFC 9112 has them. Extensions of chunks and trailers say nothing here: where
they are well formed and short they are dropped, as its sections 7.1.1 and 7.1.2 ask, else the
request is refused. Also refused is white space before an extension, which the RFC forbids to send.
"""

import logging
import re
from collections.abc import Callable

import h11

__all__ = ["RequestParser"]

logger = logging.getLogger(__name__)

_MOST_PIECES = 256
_BYTES_FOR_ONE_MORE = 512
"""A body may come in so many pieces, and in one more for so many bytes. To take one of a single
byte costs as much as to take a whole one: a megabyte of them stops the server for seconds."""

_VERSIONS = (b"1.0", b"1.1")

_BROKEN_LINE = re.compile(rb"(?<!\r)\n|\n[ \t]")
"""A line that ends without a carriage return, or goes on in the next one."""

_LENGTH = re.compile(rb"(?im)^(?:content-length|transfer-encoding)[^\r]*")
"""What says how long a body is."""

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_CHUNK_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,16})"
    rb"(?:;[ \t]*%(token)b(?:[ \t]*=[ \t]*(?:%(token)b|%(quoted)b))?)*\r"
    % {b"token": _TOKEN, b"quoted": _QUOTED}
)
"""The size of a chunk with its extensions, up to the line feed."""

_MOST_CHUNK_LINE = 1_024
_MOST_TRAILERS = 8_192


class RequestParser(h11.Connection):
    """Reads requests, and is at its end with one whose body comes in too many pieces."""

    def __init__(self, cut: Callable[[], None]) -> None:
        """Nothing was read; `cut` closes the connection."""
        super().__init__(h11.SERVER)
        self._cut = cut
        self._pieces = self._bytes = self._looked_at = 0
        self._check_next: Callable[[], None] | None = None
        """What has to be looked at of a chunked body before more is read; None: its data."""
        self._end_before = b""
        """What of the end of the chunk before is not read yet; h11 looks at it."""

    def next_event(self) -> "h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]":
        """What comes next; nothing more after too many pieces.

        Raises:
            h11.RemoteProtocolError: It is no request, or can be divided in more than one way.
        """
        if self.their_state is h11.IDLE:
            self._check_head()
        elif self.their_state is h11.SEND_BODY and self._check_next is not None:
            self._check_next()
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._begin(event)
        elif isinstance(event, h11.EndOfMessage):
            self._check_next = None
        elif isinstance(event, h11.Data):
            return event if self._count(event) else h11.NEED_DATA
        return event

    def _begin(self, request: h11.Request) -> None:
        _refuse(request.http_version not in _VERSIONS)
        self._pieces = self._bytes = self._looked_at = 0
        chunked = any(name == b"transfer-encoding" for name, _ in request.headers)
        self._check_next, self._end_before = self._check_chunk_line if chunked else None, b""

    def _count(self, data: h11.Data) -> bool:
        """Take note of a piece; False once there were too many."""
        if data.chunk_end:
            self._check_next, self._end_before = self._check_chunk_line, b"\r\n"
        self._pieces += 1
        self._bytes += len(data.data)
        if self._pieces <= _MOST_PIECES + self._bytes // _BYTES_FOR_ONE_MORE:
            return True
        logger.debug("a connection was cut: its body came in too many pieces")
        self._cut()
        return False

    def _check_head(self) -> None:
        """Refuse what there is of a head that others would read in another way."""
        head, end, _ = self.trailing_data[0].partition(b"\r\n\r\n")
        _refuse(_BROKEN_LINE.search(head, max(0, self._looked_at - 1)))
        self._looked_at = len(head)
        lengths = _LENGTH.findall(head) if end else ()
        _refuse(len(lengths) > 1 or b"," in b"".join(lengths))
        _refuse(lengths and b" HTTP/1.1\r" not in head)

    def _check_chunk_line(self) -> None:
        """Refuse what there is of a line that is not the size of a chunk."""
        found = self.trailing_data[0]
        end_before, self._end_before = self._end_before, self._end_before[len(found) :]
        line, end, rest = found.removeprefix(end_before).partition(b"\n")
        _refuse(len(line) > _MOST_CHUNK_LINE)
        if not end:
            return
        found = _CHUNK_LINE.fullmatch(line)
        if found is None:
            raise _unclear()
        self._check_next = None
        if not int(found[1], 16):
            self._check_next = self._check_trailers
            self._check_lines(rest)

    def _check_trailers(self) -> None:
        self._check_lines(self.trailing_data[0])

    @staticmethod
    def _check_lines(found: bytes) -> None:
        """Refuse trailers that are too long, or that others could read as something else."""
        head, _, _ = (b"\r\n" + found).partition(b"\r\n\r\n")
        _refuse(len(head) > _MOST_TRAILERS or _BROKEN_LINE.search(head) or _LENGTH.search(head))


def _refuse(fault: object) -> None:
    if fault:
        raise _unclear()


def _unclear() -> h11.RemoteProtocolError:
    return h11.RemoteProtocolError("a request that can be read in more than one way")
