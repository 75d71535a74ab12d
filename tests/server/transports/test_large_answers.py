"""A connection over two streams has one large answer at a time, until its client has it."""

from typing import Any

import anyio
import mcp_types as types
from mcp.server import Server
from mcp.shared._context_streams import create_context_streams
from mcp.shared.message import SessionMessage
from mcp_types.jsonrpc import JSONRPCNotification, JSONRPCRequest

from opsmcp_server.transports.exchange import Exchange
from opsmcp_server.transports.large_answers import LargeReads

_INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "t", "version": "1"},
}


class _Reads:
    """Resources, and how many of them were read."""

    def __init__(self) -> None:
        self.number = 0

    async def __call__(
        self, _ctx: Any, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        self.number += 1
        content = types.TextResourceContents(uri=params.uri, text="long")
        return types.ReadResourceResult(contents=[content])


def _request(number: int, method: str, **params: Any) -> SessionMessage:
    return SessionMessage(JSONRPCRequest(jsonrpc="2.0", id=number, method=method, params=params))


async def test_the_next_large_answer_is_made_when_the_one_before_was_written() -> None:
    reads = _Reads()
    server: Server[Any] = Server("t", on_read_resource=reads)
    to_server, read_stream = create_context_streams[SessionMessage | Exception](0)
    write_stream, from_server = create_context_streams[SessionMessage](0)
    exchange = Exchange(read_stream, write_stream, 100, reads=LargeReads(at_once=2))
    with anyio.fail_after(30):
        async with to_server, from_server, anyio.create_task_group() as group:
            group.start_soon(exchange.serve, server)
            await to_server.send(_request(0, "initialize", **_INITIALIZE))
            await from_server.receive()
            exchange.written()
            ready = JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized")
            await to_server.send(SessionMessage(ready))
            for number in (1, 2):
                await to_server.send(_request(number, "resources/read", uri="ops://runs/r"))
            await from_server.receive()
            await anyio.wait_all_tasks_blocked()
            assert reads.number == 1
            exchange.written()
            await from_server.receive()
            assert reads.number == 2
            group.cancel_scope.cancel()


async def test_a_connection_that_ends_gives_its_turn_to_others() -> None:
    reads, turns = _Reads(), LargeReads(at_once=1, turn_seconds=20)
    server: Server[Any] = Server("t", on_read_resource=reads)
    to_server, read_stream = create_context_streams[SessionMessage | Exception](0)
    write_stream, from_server = create_context_streams[SessionMessage](0)
    exchange = Exchange(read_stream, write_stream, 100, reads=turns)
    with anyio.fail_after(30):
        async with from_server, anyio.create_task_group() as group:
            group.start_soon(exchange.serve, server)
            await to_server.send(_request(0, "initialize", **_INITIALIZE))
            await from_server.receive()
            await to_server.send(_request(1, "resources/read", uri="ops://runs/r"))
            await anyio.wait_all_tasks_blocked()
            await to_server.aclose()
            async with turns.turn():
                group.cancel_scope.cancel()
