"""Clients that are there before the operations are known hear of them, and keep no empty list."""

from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp import Client

from opsmcp_server.app import open_services
from opsmcp_server.config.load import load
from opsmcp_server.protocol.services import Services
from tests.fakes.ops_server import FakeOps, Fault, fake_ops
from tests.server.harness import running, serving, settings


class _Ears:
    """Whether a client heard that the list of tools changed."""

    def __init__(self) -> None:
        self.told = anyio.Event()

    async def on_message(self, message: Any) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            self.told.set()

    async def wait(self) -> None:
        with anyio.fail_after(60):
            await self.told.wait()


@asynccontextmanager
async def _hearing(client: Client, ears: _Ears, era: str) -> AsyncGenerator[None]:
    if era == "legacy":
        yield
        return
    async with (
        client.listen(tools_list_changed=True) as events,
        anyio.create_task_group() as group,
    ):

        async def listen() -> None:
            async for _ in events:
                ears.told.set()

        group.start_soon(listen)
        yield
        group.cancel_scope.cancel()


def _environ(ops: FakeOps, root: Path, **more: str) -> dict[str, str]:
    return settings(
        root,
        OPS_SERVER=ops.url,
        OPS_TOKEN=ops.token,
        OPSMCP_DISCOVERY_INTERVAL_SECONDS="1",
        **more,
    )


@pytest.mark.parametrize(
    ("link", "page_size"),
    [("http-legacy", "0"), ("sse-legacy", "0"), ("http-modern", "0"), ("http-modern", "500")],
)
async def test_who_connects_while_the_source_is_down_is_told_when_tools_appear(
    link: str, page_size: str, tmp_path: Path
) -> None:
    ears, down = _Ears(), ExitStack()
    async with fake_ops() as ops:
        environ = _environ(ops, tmp_path, OPSMCP_TOOLS_PAGE_SIZE=page_size)
        down.enter_context(ops.down())
        async with (
            running(link, environ, tmp_path) as run,
            run.connect(message_handler=ears.on_message) as client,
            _hearing(client, ears, run.era),
        ):
            early = await client.list_tools()
            down.close()
            await ears.wait()
            late = await client.list_tools()
    assert len(late.tools) > len(early.tools)
    assert early.ttl_ms == 0
    assert late.ttl_ms == (60_000 if run.era == "modern" else 0)


@asynccontextmanager
async def _connected(
    environ: dict[str, str], root: Path, ears: _Ears, *, patience: float = 20
) -> AsyncGenerator[tuple[Services, Client]]:
    """A client that does not wait for the first read before it connects."""
    async with open_services(load(environ, cwd=root), environ) as services:
        services.calls.tools.first_read_seconds = patience
        async with (
            serving(services) as url,
            Client(f"{url}/mcp", mode="legacy", message_handler=ears.on_message) as client,
        ):
            yield services, client


async def test_who_was_answered_before_a_slow_source_is_told_too(tmp_path: Path) -> None:
    ears = _Ears()
    async with fake_ops() as ops:
        ops.fail("/api/", Fault.HANG)
        environ = _environ(ops, tmp_path)
        async with _connected(environ, tmp_path, ears, patience=0.1) as (_, client):
            early = await client.list_tools()
            ops.release()
            await ears.wait()
            late = await client.list_tools()
    assert len(late.tools) > len(early.tools)


async def test_who_waits_for_the_first_list_is_not_told_that_it_changed(tmp_path: Path) -> None:
    ears, lists = _Ears(), list[types.ListToolsResult]()
    async with fake_ops() as ops:
        ops.fail("/api/", Fault.HANG)
        environ = _environ(ops, tmp_path)
        async with (
            _connected(environ, tmp_path, ears) as (services, client),
            anyio.create_task_group() as group,
        ):

            async def ask() -> None:
                lists.append(await client.list_tools())
                await client.call_tool("list_runs", {})

            group.start_soon(ask)
            await ops.until_hanging()
            ops.release()
        assert services.calls.tools.toolbox is not None
    assert len(lists[0].tools) > len(services.clients.listing.own)
    assert not ears.told.is_set()
