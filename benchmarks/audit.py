"""What authentication and the audit trail cost a call, each beside the same without it.

A start waits until its line is on the disk: beside one plain write with fsync to the same disk, by
itself and with 200 starts at once, which share theirs. A call of an operation over stdio, with the
trail and without. A personal token at the gate, in processor time. And the check of a whole trail.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from benchmarks.measure import Row
from benchmarks.pair import OURS, stage
from benchmarks.wire import StdioServer
from opsmcp_server.calls.callers import ADDRESS
from opsmcp_server.config.groups.server import Limits
from opsmcp_server.identity.gate import Gate
from opsmcp_server.identity.metadata import Metadata
from opsmcp_server.identity.personal_token import SCOPES, make_token
from opsmcp_server.identity.token_files import token_file
from opsmcp_server.identity.token_store import TokenStore
from opsmcp_tools.audit.files import TrailFiles
from opsmcp_tools.audit.line import AuditEvent
from opsmcp_tools.audit.recorder import Recorder
from opsmcp_tools.audit.signing import read_private_key
from opsmcp_tools.audit.trail import Trail
from opsmcp_tools.audit.verify import verify
from opsmcp_tools.model.tool import Principal

__all__ = ["run"]

_STARTS, _AT_ONCE, _LINES, _REQUESTS = 200, 200, 10_000, 3_000
_ROUNDS, _CALLS = 5, 20
_AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
_EVENT = AuditEvent(
    "run.start",
    _AT,
    principal=Principal("anna"),
    details={"tool": "restart-service", "arguments": {"service": "web"}, "run": "r-abcdefghij"},
)


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        return [*_lines(root), _checked(root), _token(root), _calls()]


def _recorder(root: Path, name: str) -> Recorder:
    trail = Trail(root / name, "one", key_file=root / "audit.key", version="0", now=lambda: _AT)
    return Recorder(trail, required=True, now=lambda: _AT)


def _lines(root: Path) -> list[Row]:
    (root / "plain").touch()
    plain, audited, together = list[float](), list[float](), list[float]()

    async def measure() -> None:
        it = _recorder(root, "audit")
        number = os.open(root / "plain", os.O_WRONLY | os.O_APPEND)
        await it.record(_EVENT)
        for _ in range(_STARTS):  # side by side: the disk is not the same a second later
            plain.append(_timed_write(number))
            began = time.perf_counter()
            await it.record(_EVENT)
            audited.append(time.perf_counter() - began)
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            async with anyio.create_task_group() as group:
                for _ in range(_AT_ONCE):
                    group.start_soon(it.record, _EVENT)
            together.append((time.perf_counter() - began) / _AT_ONCE)
        os.close(number)
        await it.close()

    anyio.run(measure)
    detail = f"{_ms(audited):.2f} ms beside {_ms(plain):.2f} ms"
    return [
        Row(
            "audit line of a start, on top of one fsync",
            _ms(audited) - _ms(plain),
            1.0,
            "ms",
            detail,
        ),
        Row(f"audit line of one of {_AT_ONCE} starts at once", _ms(together), 1.0, "ms"),
    ]


def _timed_write(number: int) -> float:
    began = time.perf_counter()
    os.write(number, b"x" * 500)
    os.fdatasync(number)
    return time.perf_counter() - began


def _ms(seconds: list[float]) -> float:
    return 1000 * statistics.median(seconds)


def _checked(root: Path) -> Row:
    async def write() -> None:
        it = _recorder(root, "long")
        for _ in range(_LINES // 100):
            for _ in range(100):
                it.note(_EVENT)
            await it.flush()
        await it.close()

    anyio.run(write)
    key = read_private_key(root / "audit.key").public
    began = time.process_time()
    report = verify(TrailFiles(root / "long", "one").all(), {key.fingerprint: key})
    seconds = time.process_time() - began
    if report.problem is not None or report.lines < _LINES:
        raise RuntimeError(f"the trail is not good: {report}")
    return Row(f"{report.lines:,} lines verified", seconds, 1.0, "s of processor time")


def _token(root: Path) -> Row:
    now = datetime.now(UTC)
    text, kept = make_token(
        Principal("anna", id="token:anna"), scopes=SCOPES, now=now, expires=now + timedelta(days=1)
    )
    with token_file(root).updating() as tokens:
        tokens["tokens"] = [kept.data()]
    gate = Gate(
        "",
        TokenStore(root, None),
        jwts=None,
        metadata=Metadata("", ()),
        limits=Limits(requests_per_minute=0),
    )
    each = {
        "with": _cost(gate.guard(_app), {"authorization": f"Bearer {text}"}),
        "without": _cost(_app, {}),
    }
    added = (each["with"] - each["without"]) * 1000
    return Row("a personal token at the gate, per call", added, 1.0, "ms of processor time")


async def _app(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


def _cost(app: ASGIApp, headers: Mapping[str, str]) -> float:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/mcp",
        ADDRESS: "127.0.0.1",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    statuses = list[int]()

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        statuses.append(message["status"])

    async def ask() -> float:
        began = time.process_time()
        for _ in range(_REQUESTS):
            await app(dict(scope), receive, send)
        return (time.process_time() - began) / _REQUESTS

    taken = anyio.run(ask)
    if set(statuses) != {200}:
        raise RuntimeError(f"the gate answered {set(statuses)}")
    return taken


def _calls() -> Row:
    with stage(2) as both:
        settings = {"on": {}, "off": {"OPSMCP_AUDIT_ENABLED": "false"}}
        servers = {
            name: StdioServer(
                OURS["stdio"], {**both.environ, **more, "OPSMCP_STATE_DIR": str(both.folder / name)}
            )
            for name, more in settings.items()
        }
        best = dict.fromkeys(settings, float("inf"))
        for turn in range(1 + _ROUNDS):
            for name, server in servers.items():
                began = time.perf_counter()
                for number in range(_CALLS):
                    arguments = {"namespace": "shop", "pod": f"web-{turn}-{number}"}
                    answer = server.call("op-0001", arguments)
                    if b'"isError":true' in answer or b'"error"' in answer[:60]:
                        raise RuntimeError(f"a call failed: {answer[:300]!r}")
                taken = (time.perf_counter() - began) / _CALLS
                best[name] = min(best[name], taken)
        for server in servers.values():
            server.close()
    on, off = best["on"] * 1000, best["off"] * 1000
    detail = f"{on:.2f} ms with the trail, {off:.2f} ms without, one fsync more included"
    return Row("a run with the audit trail, on top of one without", on - off, 3.0, "ms", detail)
