"""Connections over HTTP: how many there may be, and how long one may hold its place for nothing.

Uvicorn accepts whatever comes, waits for requests and for readers without end, and fails as a whole
when no file can be opened any more. So there are fewer connections than files: one too many takes
the place of the one that has waited the longest without a request. A client that does not send the
head of its request, does not take its answer, or cuts its request into crumbs, is cut. Knows
nothing of requests but whether one is being answered.
"""

import errno
import logging
import resource
from typing import TYPE_CHECKING, Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from opsmcp_server.transports.request_parser import RequestParser

if TYPE_CHECKING:
    # Only named: whatever runs on the loop is uvicorn's.
    from asyncio import AbstractEventLoop, TimerHandle, Transport  # noqa: TID251

__all__ = ["ACCEPTED_AT_ONCE", "BoundedConnection", "Places", "most_connections"]

logger = logging.getLogger(__name__)

ACCEPTED_AT_ONCE = 16
"""How many connections the event loop accepts before it looks at them. Those are too many at times,
and have their files open all the same."""

_MOST_CONNECTIONS = 4_096
"""Each takes up to a quarter of a megabyte while its client does not read."""

_SHARE_OF_FILES = 2
"""One in so many files may be a connection: runs, the journal and the source need others."""

_HEAD_SECONDS = 10.0
_UNREAD_SECONDS = 15.0

_OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def most_connections() -> int:
    """How many connections there may be in this process."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return max(1, min(_MOST_CONNECTIONS, files // _SHARE_OF_FILES))


class Places:
    """The places for connections, and who holds one without a request that is being answered."""

    def __init__(
        self,
        most: int,
        *,
        head_seconds: float = _HEAD_SECONDS,
        unread_seconds: float = _UNREAD_SECONDS,
    ) -> None:
        """All are free.

        Args:
            most: How many there are.
            head_seconds: How long the head of a request may take, from the first byte on, or from
                the connection on.
            unread_seconds: How long a client may take for a hundred kilobytes of its answer, or for
                what is left of it.
        """
        self.most = most
        self.head_seconds = head_seconds
        self.unread_seconds = unread_seconds
        # Both in the order in which they began to wait.
        self._new: dict[BoundedConnection, None] = {}
        self._idle: dict[BoundedConnection, None] = {}
        self._notified = False

    def waits(self, connection: "BoundedConnection", *, new: bool) -> None:
        """It has no request that is being answered; `new`: and never had one."""
        (self._new if new else self._idle).setdefault(connection)

    def waits_no_more(self, connection: "BoundedConnection") -> None:
        """It has a request, or is gone."""
        self._new.pop(connection, None)
        self._idle.pop(connection, None)

    def make_room(self, newest: "BoundedConnection", taken: int) -> None:
        """Close one connection if there are too many: whoever never asked anything first."""
        if taken <= self.most // 2:
            self._notified = False
        if taken <= self.most:
            return
        if not self._notified:
            self._notified = True
            logger.warning(
                "all %d connections are taken (half of what `ulimit -n` allows, or less): those "
                "that have waited the longest without a request are closed for new ones",
                self.most,
            )
        others = (one for one in (*self._first(self._new), *self._first(self._idle)))
        next((one for one in others if one is not newest), newest).cut()

    @staticmethod
    def _first(waiting: "dict[BoundedConnection, None]") -> "list[BoundedConnection]":
        return [one for one, _ in zip(waiting, range(2), strict=False)]

    def log_failure(self, loop: "AbstractEventLoop", context: dict[str, Any]) -> None:
        """The exception handler of the event loop: one line for many failures to accept."""
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in _OUT_OF_FILES:
            loop.default_exception_handler(context)
        elif not self._notified:
            self._notified = True
            logger.error("no connection can be accepted: %s", error.strerror)


class BoundedConnection(H11Protocol):
    """A connection that gives its place up in time."""

    def __init__(self, places: Places, **uvicorns: Any) -> None:
        """Take a place; the other arguments are uvicorn's."""
        super().__init__(**uvicorns)
        self.conn = RequestParser(self.cut)
        self._places = places
        self._asked = False
        self._late: TimerHandle | None = None
        self._unread: TimerHandle | None = None

    @property
    def _answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def connection_made(self, transport: "Transport") -> None:
        """Wait for a request."""
        super().connection_made(transport)
        self._places.waits(self, new=True)
        self._await_head()
        self._places.make_room(self, len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place up."""
        self._places.waits_no_more(self)
        self._forget_late()
        self._forget_unread()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; what is no whole head yet must become one in time."""
        super().data_received(data)
        if not self._answering:
            self._await_head()

    def handle_events(self) -> None:
        """Notice that a request has begun."""
        super().handle_events()
        if self._answering:
            self._asked = True
            self._forget_late()
            self._places.waits_no_more(self)

    def send_400_response(self, msg: str) -> None:
        """Say that it is no request, unless an answer has begun already; close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.cut()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the end of the answer to be taken."""
        self._places.waits(self, new=False)
        super().on_response_complete()
        if self.transport.is_closing():
            self._await_reader()

    def timeout_keep_alive_handler(self) -> None:
        """Close; at once if nobody took the answer meanwhile."""
        if self.transport.get_write_buffer_size():
            self.cut()
        else:
            super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        """See to it that the client takes what there is."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """It does."""
        self._forget_unread()
        super().resume_writing()

    def cut(self) -> None:
        """Close it at once, with whatever was to be sent."""
        self._places.waits_no_more(self)
        # It counts no more, though the event loop closes its file a little later.
        self.connections.discard(self)
        self.transport.abort()

    def _await_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self._places.head_seconds, self.cut)

    def _forget_late(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _await_reader(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(self._places.unread_seconds, self._cut_unread)

    def _cut_unread(self) -> None:
        logger.debug("a connection was cut: its client did not read its answer")
        self.cut()

    def _forget_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
