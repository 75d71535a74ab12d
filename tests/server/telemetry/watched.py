"""An `opsmcp serve` in front of a fake Ops server, used by good and bad clients, and looked at."""

import re
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
from anyio.streams.text import TextReceiveStream
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from tests.fakes.issuer import issuing
from tests.fakes.ops_server import FakeOps, fake_ops
from tests.fakes.ops_state import (
    good_step,
    make_pipeline,
    make_task,
    pipeline_status,
    step_status,
    task_status,
)
from tests.own_settings import write_settings
from tests.server.harness import ERAS, settings
from tests.server.intake.senders import AM_TOKEN, alert, group

TOKEN = "planted-server-token"
HOSTILE = 'x"}\n{evil="1'
SECRET = "planted-argument-value"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
_SECONDS = 60
_CHANGES = ("delete-thing", "remove-thing")
_STEPS = {
    "Successed": good_step("step-1", "done\n"),
    "Failed": step_status("step-1", "Failed", "no space left\n"),
}
_ISSUER = """\
server: {{public_url: "https://ops.example.com"}}
auth: {{oidc: [{{id: corp, issuer: "{url}"}}]}}
policy:
  groups: {{on-call: [anna]}}
  rules:
    - {{name: others decide, effect: approve, operation: remove-thing}}
requests: {{approvers: [on-call], expires: 10m}}
events:
  senders:
    am: {{type: alertmanager, token: {{env: AM_TOKEN}}}}
    ops: {{type: ops, subjects: ["ops.clusters.*.namespaces.*.hosts.>"]}}
  channels: {{hook: {{type: json, url: {{env: HOOK_URL}}}}}}
responders:
  - {{name: tell, settle: 0s, notify: [hook]}}
"""


@dataclass(frozen=True, slots=True)
class Watched:
    """Where it serves, where its metrics are, and the Ops server behind it."""

    url: str
    metrics: str
    ops: FakeOps

    @asynccontextmanager
    async def client(self, era: str = "modern", **headers: str) -> AsyncGenerator[Client]:
        sent = {"Authorization": f"Bearer {TOKEN}", **headers}
        async with httpx2.AsyncClient(headers=sent, timeout=30) as http:
            target = streamable_http_client(f"{self.url}/mcp", http_client=http)
            async with Client(target, mode=ERAS[era]) as client:
                yield client

    async def get(self, path: str) -> httpx2.Response:
        async with httpx2.AsyncClient() as http:
            return await http.get(f"{self.metrics}{path}")


def _prepare(ops: FakeOps) -> None:
    text = {"message": {"desc": "what to say", "required": True}}
    ops.replace("tasks", make_task("work", "echo ${message}"))
    ops.replace(
        "pipelines",
        make_pipeline("show-good", "work", variables=text, desc="show it"),
        make_pipeline("show-bad", "work", variables=text, desc="show it badly"),
        *(make_pipeline(name, "work", variables=text, desc=name) for name in _CHANGES),
    )
    for name in ("show-good", "show-bad", *_CHANGES):
        status = "Failed" if name == "show-bad" else "Successed"
        done = pipeline_status({"work": task_status({"web-1": [_STEPS[status]]}, status)}, status)
        ops.time(name, lambda _variables, done=done: [(0.0, done)])


@asynccontextmanager
async def watched(folder: Path, **more: str) -> AsyncGenerator[Watched]:
    """One that has read its operations, and answers within a second."""
    with issuing() as issuer:
        write_settings(folder, _ISSUER.format(url=issuer.url))
        async with fake_ops() as ops:
            _prepare(ops)
            environ = settings(
                folder,
                OPS_SERVER=ops.url,
                OPS_TOKEN=ops.token,
                OPSMCP_SERVER_TOKEN=TOKEN,
                AM_TOKEN=AM_TOKEN,
                HOOK_URL=f"{ops.url}/api/v1/namespaces/default/pipelineruns",
                OPSMCP_SERVER_METRICS_ADDRESS="127.0.0.1:0",
                **more,
            )
            async with _serving(environ, folder) as (url, metrics):
                yield Watched(url, metrics, ops)


@asynccontextmanager
async def _serving(environ: Mapping[str, str], folder: Path) -> AsyncGenerator[tuple[str, str]]:
    command = [sys.executable, "-m", "opsmcp_server", "serve", "--port", "0"]
    async with await anyio.open_process(command, env=environ, cwd=folder, stdin=None) as process:
        assert process.stderr is not None
        log = TextReceiveStream(process.stderr)
        try:
            with anyio.fail_after(_SECONDS):
                said = await _until_known(log)
            async with anyio.create_task_group() as group:
                group.start_soon(_drain, log)
                yield said
                process.terminate()
                await process.wait()
                group.cancel_scope.cancel()
        finally:
            if process.returncode is None:
                process.kill()


async def _until_known(log: TextReceiveStream) -> tuple[str, str]:
    """The addresses that it names, once it has tools."""
    said = ""
    async for part in log:
        said += part
        found = re.findall(r"http://127\.0\.0\.1:\d+(?=/(?:mcp|metrics)\n)", said)
        if len(found) == 2 and "tools, " in said:
            return found[0], found[1]
    raise AssertionError(said)


async def _drain(log: TextReceiveStream) -> None:
    async for _ in log:
        pass


async def use(server: Watched) -> None:
    """Do a bit of everything, as good clients do and as bad ones try."""
    for era in ERAS:
        async with server.client(era) as client:
            await client.list_tools()
            traced: Any = {"traceparent": f"00-{TRACE}-{PARENT}-01"} if era == "modern" else {}
            await client.call_tool("show-good", {"message": f"hello-{era}"}, meta=traced)
            await client.call_tool("show-bad", {"message": f"hello-{era}"})
            await client.call_tool("delete-thing", {"message": "hello"})
            await client.call_tool("show-good", {"message": "a b; c", "nothing": "1"})
            await client.call_tool("show-good", {})
            await client.call_tool("list_runs", {})
            await _fails(client.call_tool(HOSTILE, {"message": SECRET}))
            await _fails(client.read_resource(f"ops://runs/{SECRET}"))
    await _ask_others(server)
    await _send_alerts(server)
    async with httpx2.AsyncClient() as http:
        headers = {"Authorization": f"Bearer {HOSTILE.encode().hex()}"}
        await http.post(f"{server.url}/mcp", headers=headers, json={})
        await http.request("EVIL", f"{server.url}/{SECRET}", headers={"Host": "evil.example"})
        await http.get(f"{server.url}/.well-known/{SECRET}")


async def _ask_others(server: Watched) -> None:
    """Ask for what somebody else has to approve, and leave once that is known."""
    async with server.client() as client, anyio.create_task_group() as group:
        group.start_soon(client.call_tool, "remove-thing", {"message": "hello"})
        await _until(server, 'opsmcp_requests_total{state="pending"} 1.0')
        group.cancel_scope.cancel()


async def _send_alerts(server: Watched) -> None:
    """An alert that comes twice and is over; and some that prove nothing."""
    fires = group(alert())
    over = group(alert(status="resolved", endsAt="2026-11-30T12:30:00Z"))
    async with httpx2.AsyncClient(base_url=server.url) as http:
        headers = {"Authorization": f"Bearer {AM_TOKEN}"}
        for _ in range(2):
            (await http.post("/events/am", json=fires, headers=headers)).raise_for_status()
        await _until(server, 'opsmcp_notifications_total{channel="hook",result="dead"} 1.0')
        (await http.post("/events/am", json=over, headers=headers)).raise_for_status()
        await _until(server, 'opsmcp_incidents_total{outcome="resolved",responder="tell"} 1.0')
        await http.post("/events/am", json=fires, headers={"Authorization": f"Bearer {SECRET}"})
        await http.post(f"/events/{SECRET}", json=fires)


async def _until(server: Watched, line: str) -> None:
    with anyio.fail_after(_SECONDS):
        while line not in (await server.get("/metrics")).text:
            pass  # each look takes the server a few milliseconds


async def _fails(doing: Any) -> None:
    try:
        await doing
    except MCPError:
        return
    raise AssertionError("it worked")
