"""MCP over SSE, the older transport: one GET is one connection, and messages come beside it."""

import logging
from collections.abc import Callable

import anyio
from mcp.server.sse import SseServerTransport
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from opsmcp_server.protocol.sdk_gaps import OpsmcpServer
from opsmcp_server.transports.exchange import Exchange
from opsmcp_server.transports.large_answers import LargeReads
from opsmcp_server.transports.open_answers import OpenAnswers

__all__ = ["SseMessages", "SseStreams"]

logger = logging.getLogger(__name__)

_MOST_UNANSWERED = 100
"""Most requests of one connection without an answer: what a stalled client is owed stays in memory,
up to a megabyte each."""

_MESSAGE_EVENT = b"event: message"
"""How each message begins on the stream; there are pings and an address besides."""

_END_SECONDS = 1.0
"""How long a client whose stream is cut may take to read up to its end."""


class SseStreams:
    """The GETs: each is served until it ends."""

    def __init__(
        self,
        server: OpsmcpServer,
        transport: SseServerTransport,
        security: TransportSecuritySettings,
        answers: OpenAnswers,
        reads: LargeReads,
    ) -> None:
        """Serve `server`; `answers` says when to end, `reads` when it is the turn of one."""
        self._server = server
        self._transport = transport
        self._security = TransportSecurityMiddleware(security)
        self._answers = answers
        self._reads = reads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client."""
        if scope["method"] != "GET":
            await Response(status_code=405, headers={"Allow": "GET"})(scope, receive, send)
            return
        refusal = await self._security.validate_request(Request(scope, receive), is_post=False)
        if refusal is not None:
            # The transport would answer the same and then raise.
            await refusal(scope, receive, send)
            return
        written: list[Callable[[], None]] = []

        async def noting(message: Message) -> None:
            await send(message)
            if message.get("body", b"").startswith(_MESSAGE_EVENT):
                written[0]()

        with anyio.CancelScope() as response:
            async with self._transport.connect_sse(scope, receive, noting) as (read, write):
                exchange = Exchange(read, write, _MOST_UNANSWERED, reads=self._reads)
                written.append(exchange.written)
                with self._answers.standing(exchange.end):
                    await exchange.serve(self._server)
                if exchange.overran:
                    # The end is written after what is owed, which may never be read.
                    response.deadline = anyio.current_time() + _END_SECONDS


class SseMessages:
    """The POSTs: each gives a message to the connection that it names."""

    def __init__(self, transport: SseServerTransport) -> None:
        """Give them to this transport."""
        self._transport = transport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept or refuse one message."""
        try:
            await self._transport.handle_post_message(scope, receive, send)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            # It was accepted, and the client left before anybody read it.
            logger.info("a client left before its message was read")
