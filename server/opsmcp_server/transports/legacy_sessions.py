"""Sessions of the older era over streamable HTTP: how many there are, and what they ask at once.

The SDK keeps them; what it leaves open is decided here. Clients of the newer era have none.
"""

import logging
import math

import anyio
from mcp.server.auth.middleware.bearer_auth import AuthorizationContext
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER, StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsmcp_server.transports.messages import refusal, request_id_of
from opsmcp_server.transports.open_answers import OpenAnswers

__all__ = ["MOST_SESSIONS", "SerialRequests", "SessionManager"]

logger = logging.getLogger(__name__)

MOST_SESSIONS = 2_000
"""Each takes about 40 KB. Idle ones end by themselves after half an hour."""

_TAKEN = "its id is that of a request which is not answered yet; give each an id of its own"


class SessionManager(StreamableHTTPSessionManager):
    """The SDK's. Many clients never end a session: one too many ends the longest idle one."""

    def _admit_session(
        self, requestor: AuthorizationContext | None
    ) -> StreamableHTTPServerTransport | None:
        if self.max_sessions is not None and len(self._server_instances) >= self.max_sessions:
            self._end_longest_idle()
        return super()._admit_session(requestor)

    def _end_longest_idle(self) -> None:
        key = min(self._server_instances, key=lambda key: _ends_at(self._server_instances[key]))
        scope = self._server_instances[key].idle_scope
        if scope is None or scope.deadline == math.inf:
            return
        logger.info("a session was ended for a new one: none was idle for longer")
        # Its task does the rest; its place is free at once.
        scope.cancel()
        del self._server_instances[key]
        self._session_owners.pop(key, None)


def _ends_at(transport: StreamableHTTPServerTransport) -> float:
    """When it will have been idle for too long; never while a request or stream of it is open."""
    return math.inf if transport.idle_scope is None else transport.idle_scope.deadline


class SerialRequests:
    """An ASGI app that is given no request under an id that another one of its session has.

    The SDK files answers under session and id: the second request would be given the answer of the
    first, and the first one none. A request goes on when its client is gone, and so its id stays
    taken until it is answered, to nobody.
    """

    def __init__(self, app: ASGIApp, answers: OpenAnswers) -> None:
        """Wrap `app`, which is given bodies that were checked; `answers` says when to end."""
        self._app = app
        self._answers = answers
        self._open: dict[tuple[str, str], _Exchange] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer, or refuse with status 400."""
        session = Headers(scope=scope).get(MCP_SESSION_ID_HEADER)
        request = request_id_of(scope)
        if session is None or request is None:
            await self._app(scope, receive, send)
            return
        # The SDK files 1 and "1" under the same.
        key = session, str(request)
        while (other := self._open.get(key)) is not None:
            if not other.answered:
                refused = refusal(_TAKEN, request)
                await refused(scope, receive, send)
                return
            await other.over.wait()
        self._open[key] = exchange = _Exchange()
        try:
            await self._app(scope, self._staying(receive), exchange.noting(send))
        finally:
            del self._open[key]
            exchange.over.set()

    def _staying(self, receive: Receive) -> Receive:
        """`receive` of a client that leaves no sooner than the server."""

        async def received() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                stopped = anyio.Event()
                with self._answers.standing(stopped.set):
                    await stopped.wait()
            return message

        return received


class _Exchange:
    """A request and its answer. The client has the answer a little before the app is done."""

    def __init__(self) -> None:
        self.answered = False
        self.over = anyio.Event()

    def noting(self, send: Send) -> Send:
        """`send`, which notes when the answer is whole."""

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                self.answered = True
            await send(message)

        return noted
