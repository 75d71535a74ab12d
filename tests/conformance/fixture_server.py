"""opsmcp with the tools that the conformance suite calls by name.

`python -m tests.conformance.fixture_server` serves on a free port and says where. What the suite
calls is run by opsmcp itself wherever it can be an operation (`slow_compute` is the operation
`slow-compute` of the embedded engine); a few tools exist here only, because no operation behaves
so: they ask in the middle of a task, or break the protocol on purpose. The suite's fixtures are
described in its scenarios (`@modelcontextprotocol/conformance`, `src/scenarios/server`).
"""

import secrets
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import uvicorn
from mcp.server.subscriptions import PromptsListChanged
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import INTERNAL_ERROR, MISSING_REQUIRED_CLIENT_CAPABILITY

from opsmcp_server.app import open_services
from opsmcp_server.calls import prepare as calls
from opsmcp_server.calls.state_key import read_key
from opsmcp_server.config.load import load
from opsmcp_server.protocol.handlers import build_server, principal_of
from opsmcp_server.protocol.results import Context, guarded
from opsmcp_server.protocol.run_tasks import RunTasks
from opsmcp_server.protocol.sdk_gaps import OpsmcpServer
from opsmcp_server.protocol.sealed_state import Seal
from opsmcp_server.protocol.services import Services
from opsmcp_server.protocol.tasks_extension import Held, Status, Tasks, TaskState, require_extension
from opsmcp_server.transports.http import build_app
from tests.server.harness import settings

_OPERATIONS = """\
slow-compute: sleep ${seconds}; echo "computed ${label}"
failing-job: sleep 1; echo broken; exit 1
show-user-name: sleep 1; echo "${answer}"
test-simple-text: echo "a simple text"
test-error-handling: echo broken; exit 1
test-streaming-elicitation: echo "a stream"
test-logging-tool: echo "nothing is logged"
test-input-required-result-elicitation: echo "agreed"
test-input-required-result-request-state: echo "agreed"
test-input-required-result-tampered-state: echo "agreed"
"""
_CHANGING = "test-input-required-result-"
_VARIABLES = {"slow-compute": ("seconds", "label"), "show-user-name": ("answer",)}

_MANIFEST = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {{name: {name}, namespace: ops-system, labels: {labels}}}
spec:
  desc: a fixture of the conformance suite
  host: localhost
  variables: {{{variables}}}
  steps: [{{name: do, content: '{content}'}}]
---
"""
_LABELS = '{ops/copilot: enabled, "opsmcp/read-only": "true"}'

_STEPS = """\
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {name: test-tool-with-progress, namespace: ops-system, labels: LABELS}
spec:
  desc: a fixture of the conformance suite with three tasks of a second
  tasks: [{name: a, taskRef: second}, {name: b, taskRef: second}, {name: c, taskRef: second}]
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: second, namespace: ops-system}
spec: {host: localhost, steps: [{name: do, content: sleep 1}]}
---
""".replace("LABELS", _LABELS)


def _manifests() -> str:
    found = [_STEPS]
    for line in _OPERATIONS.splitlines():
        name, content = line.split(": ", 1)
        labels = _LABELS.replace("true", str(not name.startswith(_CHANGING)).lower())
        variables = ", ".join(f"{one}: {{required: true}}" for one in _VARIABLES.get(name, ()))
        found.append(
            _MANIFEST.format(name=name, labels=labels, variables=variables, content=content)
        )
    return "".join(found)


_BY_THEIR_NAME = {
    name.replace("-", "_"): name
    for name in (
        "test-tool-with-progress",
        *(line.partition(":")[0] for line in _OPERATIONS.splitlines()),
    )
}
"""The suite's names have underscores, which names in Ops cannot have."""


_FORM: types.ElicitRequestedSchema = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
}


def _form(message: str) -> types.ElicitRequest:
    params = types.ElicitRequestFormParams(message=message, requested_schema=_FORM)
    return types.ElicitRequest(params=params)


@dataclass
class _Job:
    """A task that is no run: it asks `questions`, then ends."""

    questions: tuple[str, ...] = ()
    fails: bool = False
    cancelled: bool = False
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def state(self) -> TaskState:
        status, detail = self._stands()
        return TaskState(status, self.created_at, self.created_at, 60, 1, detail=detail)

    def _stands(self) -> tuple[Status, dict[str, Any]]:
        if self.cancelled:
            return "cancelled", {}
        if self.fails:
            return "failed", {"error": {"code": INTERNAL_ERROR, "message": "broken"}}
        if self.questions:
            forms = {one: _form(one).model_dump(by_alias=True) for one in self.questions}
            return "input_required", {"inputRequests": forms}
        return "completed", {"result": _text("done").model_dump(by_alias=True, exclude_none=True)}


class _Work:
    """Runs, and the jobs that only the suite has (`tasks.Work`)."""

    def __init__(self, runs: RunTasks) -> None:
        self._runs = runs
        self._jobs: dict[str, _Job] = {}

    def add(self, job: _Job) -> Held:
        name = secrets.token_hex(4)
        self._jobs[name] = job
        return {"job": name}

    async def look(self, held: Held) -> TaskState:
        return self._jobs[held["job"]].state() if "job" in held else await self._runs.look(held)

    async def answer(self, held: Held, responses: Mapping[str, Any]) -> None:
        if "job" in held:
            job = self._jobs[held["job"]]
            job.questions = tuple(one for one in job.questions if one not in responses)
        else:
            await self._runs.answer(held, responses)

    async def cancel(self, held: Held) -> None:
        if "job" in held:
            self._jobs[held["job"]].cancelled = True
        else:
            await self._runs.cancel(held)


def _text(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)])


_Product = Callable[[Context, Any], Awaitable[Any]]


class _Tools:
    """Answers calls by the suite's names."""

    def __init__(self, services: Services, tasks: Tasks, work: _Work, product: _Product) -> None:
        self._services = services
        self._tasks = tasks
        self._work = work
        self._product = product

    async def call(self, ctx: Context, params: types.CallToolRequestParams) -> Any:
        own = getattr(self, f"_{params.name}", None)
        if own is not None:
            return await own(ctx, params)
        return await self._operation(ctx, params, _BY_THEIR_NAME.get(params.name, params.name))

    async def _operation(self, ctx: Context, params: types.CallToolRequestParams, name: str) -> Any:
        return await self._product(ctx, params.model_copy(update={"name": name}))

    async def _greet(self, _ctx: Context, params: types.CallToolRequestParams) -> Any:
        return _text(f"Hello, {(params.arguments or {})['name']}!")

    async def _failing_job(self, ctx: Context, params: types.CallToolRequestParams) -> Any:
        require_extension(ctx)
        return await self._operation(ctx, params, "failing-job")

    async def _protocol_error_job(self, ctx: Context, _params: types.CallToolRequestParams) -> Any:
        return await self._task(ctx, _Job(fails=True))

    async def _confirm_delete(self, ctx: Context, _params: types.CallToolRequestParams) -> Any:
        return await self._task(ctx, _Job(("confirm",)))

    async def _multi_input(self, ctx: Context, _params: types.CallToolRequestParams) -> Any:
        return await self._task(ctx, _Job(("first", "second")))

    async def _task(self, ctx: Context, job: _Job) -> Any:
        require_extension(ctx)
        return await self._tasks.create(self._work.add(job))

    async def _test_tool_with_task(self, ctx: Context, params: types.CallToolRequestParams) -> Any:
        given = (params.input_responses or {}).get("user_name")
        if not isinstance(given, types.ElicitResult) or params.request_state != "asked":
            return types.InputRequiredResult(
                input_requests={"user_name": _form("Who are you?")}, request_state="asked"
            )
        name = {"answer": (given.content or {})["name"]}
        return await self._operation(
            ctx, params.model_copy(update={"arguments": name}), "show-user-name"
        )

    async def _test_missing_capability(
        self, _ctx: Context, _params: types.CallToolRequestParams
    ) -> Any:
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            "This tool needs sampling.",
            data={"requiredCapabilities": {"sampling": {}}},
        )

    async def _test_trigger_tool_change(
        self, _ctx: Context, _params: types.CallToolRequestParams
    ) -> Any:
        await self._services.clients.sessions.lists_changed()
        return _text("changed")

    async def _test_trigger_prompt_change(
        self, _ctx: Context, _params: types.CallToolRequestParams
    ) -> Any:
        await self._services.clients.sessions._bus.publish(PromptsListChanged())
        return _text("changed")


_OWN = (
    "confirm_delete",
    "greet",
    "multi_input",
    "protocol_error_job",
    "test_missing_capability",
    "test_tool_with_task",
    "test_trigger_prompt_change",
    "test_trigger_tool_change",
)


def _listing(product: _Product) -> _Product:
    """Lists the suite's names in the place of ours, and the tools that exist here only."""
    theirs = {ours: their for their, ours in _BY_THEIR_NAME.items()}
    own = [
        types.Tool(name=name, description="A fixture.", input_schema={"type": "object"})
        for name in _OWN
    ]

    async def handle(ctx: Context, params: Any) -> types.ListToolsResult:
        listed: types.ListToolsResult = await product(ctx, params)
        shown = [
            tool.model_copy(update={"name": theirs.get(tool.name, tool.name)})
            for tool in listed.tools
        ]
        tools = sorted([*shown, *own], key=lambda tool: tool.name)
        return listed.model_copy(update={"tools": tools})

    return handle


class _Resources:
    """Lets the suite subscribe to a run by the address of its own fixture."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def replacing(self, product: _Product) -> _Product:
        async def handle(ctx: Context, params: Any) -> Any:
            if str(params.uri) == "test://watched-resource":
                params = params.model_copy(update={"uri": await self._address()})
            return await product(ctx, params)

        return handle

    async def _address(self) -> str:
        context = self._services.calls
        call = await calls.prepare(context, "test-simple-text", {}, context.principal)
        record = await calls.execute(context, call, wait_seconds=0)
        return f"ops://runs/{record.run}"


def fixture_server(services: Services) -> OpsmcpServer:
    server = build_server(services)
    context = services.calls
    work = _Work(RunTasks(context, lambda: principal_of(context)))
    tasks = Tasks(
        work,
        Seal(read_key(context.config.state), "task"),
        audience=context.source.label,
        who=lambda: principal_of(context).id,
    )
    for method, params_type, handler in tasks.handlers():
        server.add_request_handler(method, params_type, guarded(handler, services.calls.masker))
    resources = _Resources(services)
    _replace(server, "tools/list", _listing)
    _replace(server, "tools/call", lambda product: _Tools(services, tasks, work, product).call)
    _replace(server, "resources/subscribe", resources.replacing)
    _replace(server, "resources/unsubscribe", resources.replacing)
    return server


def _replace(server: OpsmcpServer, method: str, by: Callable[[_Product], _Product]) -> None:
    entry = server.get_request_handler(method)
    assert entry is not None
    server.add_request_handler(method, entry.params_type, by(entry.handler))


@asynccontextmanager
async def fixture_services(folder: Path) -> AsyncGenerator[Services]:
    """A running opsmcp with the operations that the suite calls."""
    (folder / "manifests").mkdir()
    (folder / "manifests" / "fixtures.yaml").write_text(_manifests(), "utf-8")
    environ = settings(
        folder,
        OPSMCP_EMBEDDED_MANIFESTS=str(folder / "manifests"),
        OPSMCP_EMBEDDED_BUNDLED="false",
        OPSMCP_TOOLS_PAGE_SIZE="1000",  # else the page is written before anybody can rename
    )
    async with open_services(load(environ, cwd=folder), environ) as services:
        await services.calls.tools.wait_for_first_read()
        yield services


async def _serve(folder: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    async with fixture_services(folder) as services:
        app = build_app(services, fixture_server(services))
        sys.stderr.write(f"serving http://127.0.0.1:{listener.getsockname()[1]}/mcp\n")
        sys.stderr.flush()
        config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=2)
        await uvicorn.Server(config).serve(sockets=[listener])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(_serve, Path(folder))


if __name__ == "__main__":
    main()
