"""What only HTTP has: the token, Host and Origin, bounds, health, and an orderly end."""

import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx2
import pytest
from anyio.abc import Process
from mcp import Client

from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.groups.server import Server
from opsmcp_server.transports.listening import check_exposure, listen
from tests.fakes.ops_server import fake_ops
from tests.server.conftest import Ground
from tests.server.harness import Running, running, settings

TOKEN = "planted-server-token"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    },
}
BODY = {"audit", "ready", "up_to_date", "age_seconds", "failures", "journal", "stopping"}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
async def http(ground: Ground) -> AsyncGenerator[Running]:
    async with running("http-legacy", ground.environ(), ground.root) as run:
        yield run


@pytest.fixture
async def guarded(ground: Ground) -> AsyncGenerator[Running]:
    environ = ground.environ(OPSMCP_SERVER_TOKEN=TOKEN)
    async with running("http-legacy", environ, ground.root) as run:
        yield run


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/mcp"), ("GET", "/sse"), ("POST", "/messages/")]
)
@pytest.mark.parametrize("header", ["", "Bearer wrong", f"Basic {TOKEN}"], ids=str)
async def test_without_the_token_nothing_is_served(
    guarded: Running, method: str, path: str, header: str
) -> None:
    headers = {**ACCEPT, "Authorization": header} if header else ACCEPT
    async with httpx2.AsyncClient() as client:
        answer = await client.request(
            method, f"{guarded.url}{path}", headers=headers, json=INITIALIZE
        )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert TOKEN not in answer.text


@pytest.mark.parametrize("link", ["http-legacy", "http-modern", "sse-legacy", "sse-modern"])
async def test_with_the_token_tools_are_served(link: str, ground: Ground) -> None:
    environ = ground.environ(OPSMCP_SERVER_TOKEN=TOKEN)
    async with running(link, environ, ground.root) as run, run.connect() as client:
        result = await client.call_tool("show-greeting", {"who": "world"})
    assert not result.is_error


async def test_health_is_told_without_the_token(guarded: Running) -> None:
    async with httpx2.AsyncClient(base_url=guarded.url) as client:
        health = await client.get("/healthz")
        ready = await client.get("/readyz")
    assert (health.status_code, health.text) == (200, "ok\n")
    assert ready.status_code == 200
    assert (ready.json()["ready"], ready.json()["up_to_date"]) == (True, True)
    assert ready.json().keys() == BODY


@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages/?session_id=0"])
async def test_a_foreign_host_header_is_refused(http: Running, path: str) -> None:
    method = "GET" if path == "/sse" else "POST"
    async with httpx2.AsyncClient() as client:
        answer = await client.request(
            method,
            f"{http.url}{path}",
            headers={**ACCEPT, "Host": "evil.example"},
            json=INITIALIZE,
        )
    assert answer.status_code == 421


async def test_a_foreign_origin_is_refused(http: Running) -> None:
    headers = {**ACCEPT, "Origin": "http://evil.example"}
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{http.url}/mcp", headers=headers, json=INITIALIZE)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/mcp", "/messages/"])
async def test_a_body_of_five_mebibytes_is_refused(http: Running, path: str) -> None:
    async with httpx2.AsyncClient() as client:
        answer = await client.post(
            f"{http.url}{path}",
            headers={**ACCEPT, "Content-Type": "application/json"},
            content=b" " * (5 << 20),
        )
    assert answer.status_code == 413


async def test_the_older_era_is_told_that_lists_change(http: Running) -> None:
    async with http.connect() as client:
        tools = client.server_capabilities.tools
    assert tools is not None
    assert tools.list_changed is True


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "ops.example"])
def test_listening_beyond_this_machine_needs_a_token(host: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.token"):
        check_exposure(host, guarded=False)
    check_exposure(host, guarded=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_listening_on_this_machine_needs_none(host: str) -> None:
    check_exposure(host, guarded=False)


def test_no_part_of_an_answer_waits_for_an_acknowledgement() -> None:
    with (
        listen(Server(port=0)) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@asynccontextmanager
async def served(environ: dict[str, str], cwd: Path) -> AsyncGenerator[tuple[Process, str]]:
    """`opsmcp serve` as a process of its own, on a free port."""
    with anyio.fail_after(60):
        async with await anyio.open_process(
            [sys.executable, "-m", "opsmcp_server", "serve", "--port", "0"],
            env=environ,
            cwd=cwd,
        ) as process:
            yield process, await _address(process)


async def _address(process: Process) -> str:
    assert process.stderr is not None
    text = ""
    async for chunk in process.stderr:
        text += chunk.decode()
        if "http://" in text and "\n" in text.split("http://", 1)[1]:
            return "http://" + text.split("http://", 1)[1].split()[0].rstrip("/").removesuffix(
                "/mcp"
            )
    raise AssertionError(f"serve ended: {text}")


async def test_a_server_that_is_told_to_stop_ends_listen_streams_and_itself(
    ground: Ground,
) -> None:
    async with served(ground.environ(), ground.root) as (process, url):
        async with Client(f"{url}/mcp") as client, client.listen(tools_list_changed=True) as events:
            process.send_signal(signal.SIGTERM)
            rest = [event async for event in events]
        assert rest == []
        assert await process.wait() == 0


async def test_serve_starts_while_the_source_is_down_and_recovers(tmp_path: Path) -> None:
    async with fake_ops() as ops:
        environ = settings(
            tmp_path,
            OPS_SERVER=ops.url,
            OPS_TOKEN=ops.token,
            OPSMCP_DISCOVERY_INTERVAL_SECONDS="1",
        )
        with ops.down():
            async with running("http-modern", environ, tmp_path) as run, run.connect() as client:
                result = await client.call_tool("list-nodes", {})
                async with httpx2.AsyncClient() as http:
                    ready = await http.get(f"{run.url}/readyz")
        assert result.is_error
        assert "not known yet" in str(result.content)
        assert ready.status_code == 503
    assert ready.json()["failures"] >= 1
    assert ready.json()["up_to_date"] is False
    assert ready.json().keys() == BODY
