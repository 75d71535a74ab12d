"""A running opsmcp and the SDK's own client, over every transport and in both protocol eras."""

import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
import uvicorn
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from starlette.types import ASGIApp

from opsmcp_server.app import open_services
from opsmcp_server.config.groups.server import Server
from opsmcp_server.config.load import load
from opsmcp_server.protocol.handlers import build_server
from opsmcp_server.protocol.results import STRUCTURED
from opsmcp_server.protocol.services import Services
from opsmcp_server.transports.http import build_app
from opsmcp_server.transports.listening import listen
from opsmcp_tools.journal.sqlite_write import Journal
from tests.server.forked_stdio import forked_stdio

ERAS: Mapping[str, Any] = {"legacy": "legacy", "modern": "auto"}
TRANSPORTS = ("memory", "stdio", "sse", "http")
LINKS = [f"{transport}-{era}" for transport in TRANSPORTS for era in ERAS]
"""Every transport in both eras."""


class AskingClient(Client):
    """The SDK's client, asking each call for structured content as programs do."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any] | None = None, *rest: Any, **more: Any
    ) -> Any:
        given: dict[str, Any] = more.get("meta") or {}
        more["meta"] = {STRUCTURED: True, **given}
        return await super().call_tool(name, arguments, *rest, **more)


@dataclass
class Running:
    """An opsmcp that runs over one transport; `connect` gives another client of it."""

    transport: str
    era: str
    environ: Mapping[str, str]
    services: Services | None = None
    url: str = ""
    token: str = ""
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @asynccontextmanager
    async def connect(
        self, kind: type[Client] = AskingClient, **options: Any
    ) -> AsyncGenerator[Client]:
        async with AsyncExitStack() as stack:
            target = await self._target(stack)
            client = kind(target, mode=ERAS[self.era], **options)
            yield await stack.enter_async_context(client)

    async def _target(self, stack: AsyncExitStack) -> Any:
        if self.transport == "memory":
            assert self.services is not None
            return build_server(self.services)
        if self.transport == "stdio":
            return await stack.enter_async_context(forked_stdio(self.environ))
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if self.transport == "sse":
            return sse_client(f"{self.url}/sse", headers=headers)
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=30))
        return streamable_http_client(f"{self.url}/mcp", http_client=http)


def services_of(run: Running) -> Services:
    """The services of one that runs in this process."""
    assert run.services is not None
    return run.services


def journal_of(run: Running) -> Journal:
    """The journal of one that runs in this process, opened."""
    return services_of(run).calls.executions.history._journal


def settings(state: Path, **more: str) -> dict[str, str]:
    """An environment for an opsmcp of its own: the machine's, less every setting."""
    kept = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - handed to a process of its own
        if not name.startswith(("OPSMCP_", "OPS_", "OPENAI_", "XDG_")) and name != "KUBECONFIG"
    }
    return {**kept, "HOME": str(state), "OPSMCP_STATE_DIR": str(state / "state"), **more}


@asynccontextmanager
async def running(link: str, environ: Mapping[str, str], cwd: Path) -> AsyncGenerator[Running]:
    """Run opsmcp behind `link` ("http-modern"), with its settings from `environ`."""
    transport, era = link.split("-")
    run = Running(transport, era, environ)
    async with run.stack:
        if transport != "stdio":
            config = load(environ, cwd=cwd, channels=True)
            run.token = config.server.token.get_secret_value()
            run.services = await run.stack.enter_async_context(open_services(config, environ))
            await run.services.calls.tools.wait_for_first_read()
        if transport in ("sse", "http"):
            assert run.services is not None
            run.url = await run.stack.enter_async_context(serving(run.services))
        yield run


@asynccontextmanager
async def connected(
    link: str, environ: Mapping[str, str], cwd: Path, **options: Any
) -> AsyncGenerator[Client]:
    """A client of an opsmcp that runs behind `link` for as long as the client does."""
    async with running(link, environ, cwd) as run, run.connect(**options) as client:
        yield client


def _as_it_is(app: ASGIApp) -> ASGIApp:
    return app


@asynccontextmanager
async def serving(
    services: Services, wrap: Callable[[ASGIApp], ASGIApp] = _as_it_is
) -> AsyncGenerator[str]:
    """The HTTP app of these services, behind what `wrap` puts around it, on a port of its own."""
    listener = listen(Server(port=0))
    config = uvicorn.Config(
        wrap(build_app(services)),
        log_config=None,
        proxy_headers=False,  # as `opsmcp serve` has it
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        services.clients.sessions.close()
        server.should_exit = True
