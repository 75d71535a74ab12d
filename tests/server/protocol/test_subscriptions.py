"""Subscriptions to runs: who is told what and when, in both eras."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import mcp_types as types
import pytest
from anyio import from_thread, to_thread
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from mcp_types.jsonrpc import INVALID_PARAMS, INVALID_REQUEST, JSONRPCNotification, JSONRPCRequest

from opsmcp_server.protocol.handlers import build_server
from opsmcp_server.protocol.services import Services
from opsmcp_server.protocol.subscriptions import Sessions
from opsmcp_tools.model.tool import Principal
from tests.server.conftest import Ground
from tests.server.harness import Running, journal_of, running, services_of


@pytest.fixture
def waiting(ground: Ground) -> dict[str, str]:
    """Settings with which a call answers while its run goes on."""
    return ground.environ(OPSMCP_RUN_WAIT_SECONDS="0.2")


class _Ears:
    """What a client is told of resources."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._told = anyio.Event()

    async def on_message(self, message: Any) -> None:
        if isinstance(message, types.ResourceUpdatedNotification):
            self.hear(str(message.params.uri))

    def hear(self, address: str) -> None:
        self.heard.append(address)
        self._told.set()

    async def wait(self) -> None:
        with anyio.fail_after(60):
            await self._told.wait()


async def _start(client: Client) -> str:
    result = await client.call_tool("get-gated", {})
    return f"ops://runs/{result.structured_content['run']}"


async def subscribe(client: Client, address: str) -> None:
    params = types.SubscribeRequestParams(uri=address)
    await client.session.send_request(types.SubscribeRequest(params=params), types.EmptyResult)


async def _unsubscribe(client: Client, address: str) -> None:
    params = types.UnsubscribeRequestParams(uri=address)
    await client.session.send_request(types.UnsubscribeRequest(params=params), types.EmptyResult)


@asynccontextmanager
async def _watching(
    run: Running, client: Client, address: str, ears: _Ears
) -> AsyncGenerator[None]:
    if run.era == "legacy":
        await subscribe(client, address)
        yield
        return
    async with (
        client.listen(resource_subscriptions=[address]) as events,
        anyio.create_task_group() as group,
    ):

        async def listen() -> None:
            async for event in events:
                ears.hear(getattr(event, "uri", ""))

        group.start_soon(listen)
        yield
        group.cancel_scope.cancel()


@pytest.mark.parametrize(
    "link",
    [
        f"{transport}-{era}"
        for transport in ("memory", "sse", "http")
        for era in ("legacy", "modern")
    ],
)
async def test_who_watches_a_run_is_told_when_it_ends(
    link: str, ground: Ground, waiting: dict[str, str]
) -> None:
    ears = _Ears()
    async with (
        running(link, waiting, ground.root) as run,
        run.connect(message_handler=ears.on_message) as client,
    ):
        address = await _start(client)
        async with _watching(run, client, address, ears):
            await to_thread.run_sync(ground.open_gate)
            await ears.wait()
            result = await client.call_tool("get_run", {"run": address.rpartition("/")[2]})
    assert set(ears.heard) == {address}
    assert result.structured_content["verdict"] == "succeeded"


@pytest.mark.parametrize("link", ["memory-legacy", "memory-modern", "http-legacy", "http-modern"])
async def test_who_watches_a_run_after_its_end_is_told_at_once(link: str, ground: Ground) -> None:
    ears = _Ears()
    async with (
        running(link, ground.environ(), ground.root) as run,
        run.connect(message_handler=ears.on_message) as client,
    ):
        result = await client.call_tool("show-greeting", {"who": "world"})
        address = f"ops://runs/{result.structured_content['run']}"
        async with _watching(run, client, address, ears):
            await ears.wait()
    assert set(ears.heard) == {address}


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_who_watches_a_run_of_another_process_is_told_of_its_end(
    era: str, ground: Ground, waiting: dict[str, str]
) -> None:
    ears = _Ears()
    async with (
        running(f"memory-{era}", waiting, ground.root) as one,
        running(f"memory-{era}", waiting, ground.root) as other,
        one.connect() as its,
        other.connect(message_handler=ears.on_message) as client,
    ):
        address = await _start(its)
        async with _watching(other, client, address, ears):
            await to_thread.run_sync(ground.open_gate)
            await ears.wait()
            result = await client.call_tool("get_run", {"run": address.rpartition("/")[2]})
    assert set(ears.heard) == {address}
    assert result.structured_content["verdict"] == "succeeded"


async def test_over_stdio_too(ground: Ground, waiting: dict[str, str]) -> None:
    ears = _Ears()
    async with (
        running("stdio-legacy", waiting, ground.root) as run,
        run.connect(message_handler=ears.on_message) as client,
    ):
        resources = client.server_capabilities.resources
        output = f"{await _start(client)}/output"
        async with _watching(run, client, output, ears):
            await to_thread.run_sync(ground.open_gate)
            await ears.wait()
    assert resources is not None and resources.subscribe is True
    assert set(ears.heard) == {output}


async def test_who_does_not_watch_is_not_told(ground: Ground, waiting: dict[str, str]) -> None:
    ears, others = _Ears(), _Ears()
    async with (
        running("memory-legacy", waiting, ground.root) as run,
        run.connect(message_handler=ears.on_message) as client,
        run.connect(message_handler=others.on_message) as other,
    ):
        address = await _start(client)
        await subscribe(client, address)
        await subscribe(other, address)
        await _unsubscribe(other, address)
        await to_thread.run_sync(ground.open_gate)
        await ears.wait()
        await other.list_tools()
    assert others.heard == []


@pytest.mark.parametrize("address", ["ops://hosts", "ops://runs/r-none", "file:///etc/passwd"])
async def test_what_is_no_run_of_mine_cannot_be_watched(address: str, ground: Ground) -> None:
    async with running("memory-legacy", ground.environ(), ground.root) as run:
        async with run.connect() as client:
            with pytest.raises(MCPError) as caught:
                await subscribe(client, address)
        run.era = "modern"
        async with run.connect() as client, client.listen(resource_subscriptions=[address]) as sub:
            honored = sub.honored.resource_subscriptions
    assert caught.value.code == INVALID_PARAMS
    assert caught.value.error.data == {"uri": address}
    assert not honored


async def test_a_run_of_somebody_else_cannot_be_watched(
    ground: Ground, waiting: dict[str, str]
) -> None:
    async with running("memory-legacy", waiting, ground.root) as run, run.connect() as client:
        assert run.services is not None
        address = await _start(client)
        run.services.calls.principal = Principal("somebody-else")
        with pytest.raises(MCPError):
            await subscribe(client, address)
        assert not run.services.clients.sessions.is_watched(address)


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_nobody_watches_for_a_client_that_left(
    era: str, ground: Ground, waiting: dict[str, str]
) -> None:
    async with running(f"http-{era}", waiting, ground.root) as run:
        assert run.services is not None
        async with run.connect() as client:
            address = await _start(client)
            async with _watching(run, client, address, _Ears()):
                assert run.services.clients.sessions.is_watched(address)
        with anyio.fail_after(10):
            while run.services.clients.sessions.is_watched(address):
                await anyio.lowlevel.checkpoint()


async def test_one_client_cannot_watch_without_end(ground: Ground, waiting: dict[str, str]) -> None:
    async with running("memory-legacy", waiting, ground.root) as run, run.connect() as client:
        assert run.services is not None
        address = await _start(client)
        (older,) = run.services.clients.sessions._older.values()
        for number in range(100):
            run.services.clients.sessions.watch(older.session, f"ops://runs/r-{number}")
        with pytest.raises(MCPError) as caught:
            await subscribe(client, address)
    assert caught.value.code == INVALID_REQUEST


async def test_one_stream_cannot_watch_without_end(ground: Ground, waiting: dict[str, str]) -> None:
    async with running("memory-modern", waiting, ground.root) as run, run.connect() as client:
        assert run.services is not None
        address = await _start(client)
        run.services.clients.sessions._watched["ops://runs/r-others"] = 9_999
        async with client.listen(resource_subscriptions=[address, f"{address}/output"]) as events:
            honored = events.honored.resource_subscriptions
    assert honored == [address]


def _on_read(run: Running, note: Callable[[str], None]) -> None:
    """Tell of every statement that reads the journal, in the thread that reads."""
    journal_of(run)._open().reader.set_trace_callback(note)


async def test_of_very_many_addresses_only_a_few_are_looked_up(ground: Ground) -> None:
    reads: list[str] = []
    async with running("memory-modern", ground.environ(), ground.root) as run:
        _on_read(run, reads.append)
        wanted = ["ops://runs/r-one"] * 5_000 + [f"ops://runs/r-{n}" for n in range(5_000)]
        async with run.connect() as client, client.listen(resource_subscriptions=wanted) as events:
            honored = events.honored.resource_subscriptions
    assert not honored
    assert len([read for read in reads if "WHERE run = 'r-" in read]) == 100


async def test_a_run_that_ends_while_another_is_looked_up_is_told(
    ground: Ground, waiting: dict[str, str]
) -> None:
    async with running("memory-modern", waiting, ground.root) as run, run.connect() as client:
        address = await _start(client)
        executions = services_of(run).calls.executions

        def end(read: str) -> None:
            if "'r-none'" in read:
                ground.open_gate()
                from_thread.run(executions.wait, address.rpartition("/")[2], 20)

        _on_read(run, end)
        async with client.listen(resource_subscriptions=[address, "ops://runs/r-none"]) as events:
            with anyio.fail_after(60):
                event = await anext(aiter(events))
    assert getattr(event, "uri", "") == address


@asynccontextmanager
async def _stalled(services: Services, address: str) -> AsyncGenerator[None]:
    """A client of the older era that stops reading once it has subscribed."""
    to_server, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage](0)
    server = build_server(services)

    async def ask(number: int, method: str, params: dict[str, Any]) -> None:
        request = JSONRPCRequest(jsonrpc="2.0", id=number, method=method, params=params)
        await to_server.send(SessionMessage(request))
        await from_server.receive()

    async with to_server, from_server, anyio.create_task_group() as group:
        options = server.create_initialization_options()
        group.start_soon(server.run, from_client, to_client, options)
        info = {"name": "stalled", "version": "0"}
        version = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info}
        await ask(1, "initialize", version)
        told = JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized")
        await to_server.send(SessionMessage(told))
        for number, watched in enumerate((address, f"{address}/output"), 2):
            await ask(number, "resources/subscribe", {"uri": watched})
        yield
        group.cancel_scope.cancel()


async def test_a_client_that_stopped_reading_holds_nobody_up(
    ground: Ground, waiting: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    ears = _Ears()
    async with running("memory-legacy", waiting, ground.root) as run:
        # Sessions of the test's own hear of nothing but what the test tells them: the run may move.
        sessions = Sessions(write_seconds=0.5)
        whole = services_of(run)
        services = replace(whole, clients=replace(whole.clients, sessions=sessions))
        quiet = replace(run, services=services)
        async with quiet.connect(message_handler=ears.on_message) as client:
            address = await _start(client)
            async with _stalled(services, address):
                await subscribe(client, address)
                with anyio.fail_after(10):
                    async with anyio.create_task_group() as group:
                        for changed in (address, f"{address}/output"):
                            group.start_soon(sessions.resource_updated, changed)
            await ears.wait()
    assert ears.heard == [address]
    assert caplog.text.count("a client did not take the notice") == 1
