"""Copies of the trail as OpenTelemetry logs, decoded with the official messages."""

import base64
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
import uvicorn
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from opsmcp_server.config.groups.server import Server
from opsmcp_server.transports.listening import listen
from tests.server.copies.test_syslog import copier

LINE = (
    b'{"seq":7,"time":"2026-11-30T12:00:00.250Z","event":"run.end","outcome":"failure",'
    b'"principal":{"id":"token:anna","name":"anna"},'
    b'"trace":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",'
    b'"tool":"restart-pod","run":"r-abc","verdict":"failed"}'
)


class Collector:
    """Takes logs over HTTP; answers with the statuses that it is told, then with 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.requests: list[ExportLogsServiceRequest] = []
        self.answered = 0
        self.came = anyio.Event()

    async def take(self, request: Request) -> Response:
        body = await request.json()
        self.answered += 1
        if self.statuses:
            return JSONResponse({}, self.statuses.pop(0))
        self.requests.append(ParseDict(decoded(body), ExportLogsServiceRequest()))
        self.came.set()
        return JSONResponse({})

    def records(self) -> Iterator[Any]:
        for request in self.requests:
            for resource in request.resource_logs:
                for scope in resource.scope_logs:
                    yield from scope.log_records


def decoded(body: Any) -> Any:
    """As the specification has it: ids are hexadecimal in OTLP, and base64 in JSON of protobuf."""
    if isinstance(body, dict):
        fields = cast("dict[str, Any]", body)
        return {key: _field(key, value) for key, value in fields.items()}
    return [decoded(one) for one in cast("list[Any]", body)] if isinstance(body, list) else body


def _field(key: str, value: Any) -> Any:
    if key in ("traceId", "spanId"):
        return base64.b64encode(bytes.fromhex(value)).decode()
    return decoded(value)


@asynccontextmanager
async def collecting() -> AsyncGenerator[tuple[Collector, str]]:
    it = Collector()
    listener = listen(Server(port=0))
    app = Starlette(routes=[Route("/v1/logs", it.take, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=2))
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: server.serve(sockets=[listener]))
        yield it, f"http://127.0.0.1:{listener.getsockname()[1]}/v1/logs"
        server.should_exit = True


async def test_a_line_is_a_log_record_whose_body_is_the_line(tmp_path: Path) -> None:
    async with collecting() as (it, url):
        sender = copier(tmp_path, url)
        sender.put([LINE])
        await sender.drain()
    (record,) = it.records()
    assert record.body.string_value.encode() == LINE
    assert record.event_name == "opsmcp.run.end"
    assert (record.severity_number, record.severity_text) == (13, "WARN")
    assert record.time_unix_nano == 1796040000250 * 1_000_000
    assert record.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    found = {one.key: one.value.string_value or one.value.int_value for one in record.attributes}
    assert found == {
        "opsmcp.seq": 7,
        "enduser.id": "token:anna",
        "opsmcp.outcome": "failure",
        "opsmcp.tool": "restart-pod",
        "opsmcp.run": "r-abc",
        "opsmcp.verdict": "failed",
    }
    resource = it.requests[0].resource_logs[0].resource
    named = {one.key: one.value.string_value for one in resource.attributes}
    assert named["service.name"] == "opsmcp"


async def test_a_receiver_that_has_no_room_is_asked_again(tmp_path: Path) -> None:
    async with collecting() as (it, url), anyio.create_task_group() as group:
        it.statuses = [503, 429]
        sender = copier(tmp_path, url)
        group.start_soon(sender.run)
        sender.put([LINE])
        with anyio.fail_after(20):
            await it.came.wait()
        await sender.drain()
        assert (it.answered, sender.dropped) == (3, 0)
        group.cancel_scope.cancel()


async def test_what_a_receiver_refuses_for_good_is_dropped_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with collecting() as (it, url):
        it.statuses = [400]
        sender = copier(tmp_path, url)
        sender.put([LINE])
        await sender.drain()
    assert (it.answered, sender.dropped) == (1, 1)
    assert "it answered 400" in caplog.text
