"""The Tasks extension (`io.modelcontextprotocol/tasks`, SEP-2663), as far as it is the wire.

A call is answered with a task when its client declared the extension with that very request, and is
then asked for with `tasks/get`. What tasks stand for is `Work`; nothing is remembered here: the id
of a task is a sealed token that holds what `Work` needs, and whom it was given to, so that every
process with the key can answer for it. Source of the format:
https://github.com/modelcontextprotocol/ext-tasks (specification/draft/tasks.md).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

import mcp_types as types
from mcp.server.lowlevel.server import RequestHandler
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_METHOD_HEADER, MCP_NAME_HEADER, decode_header_value
from mcp_types.jsonrpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from opsmcp_server.protocol.results import Context
from opsmcp_server.protocol.sealed_state import Seal
from opsmcp_tools.model.tool import JsonObject

__all__ = [
    "EXTENSION",
    "Held",
    "Status",
    "TaskState",
    "Tasks",
    "Work",
    "declares_extension",
    "require_extension",
]

EXTENSION = "io.modelcontextprotocol/tasks"

Held = Mapping[str, Any]
"""What the id of a task holds for `Work`: a few short values that JSON knows."""

Status = Literal["working", "input_required", "completed", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class TaskState:
    """How a task stands.

    `detail` is what goes with the status: `result`, `error` or `inputRequests`. The task is kept
    for `ttl_seconds` from its creation, at least; asking again is worth it after `poll_seconds`.
    """

    status: Status
    created_at: datetime
    updated_at: datetime
    ttl_seconds: float
    poll_seconds: float
    message: str = ""
    detail: JsonObject = field(default_factory=dict[str, Any])


class Work(Protocol):
    """What tasks stand for. Each method raises a `ToolError` when there is no such work."""

    async def look(self, held: Held) -> TaskState:
        """How it stands now."""
        ...

    async def answer(self, held: Held, responses: Mapping[str, Any]) -> None:
        """Take answers to what `inputRequests` asked; those to anything else are ignored."""
        ...

    async def cancel(self, held: Held) -> None:
        """Stop it, if that is possible."""
        ...


class _TaskParams(types.RequestParams):
    task_id: str


class _UpdateParams(_TaskParams):
    input_responses: dict[str, Any]


class Tasks:
    """Makes tasks, and answers `tasks/get`, `tasks/update` and `tasks/cancel`."""

    def __init__(self, work: Work, seal: Seal, *, audience: str, who: Callable[[], str]) -> None:
        """Prepare.

        Args:
            work: What the tasks stand for.
            seal: Seals the ids.
            audience: Which server this is; ids of another one are unknown here.
            who: The id of the principal of the request that is being handled.
        """
        self._work = work
        self._seal = seal
        self._audience = audience
        self._who = who

    def handlers(self) -> Iterator[tuple[str, type[Any], RequestHandler[Any, Any]]]:
        """The methods, the types of their parameters, and what answers them."""
        yield "tasks/get", _TaskParams, self._get
        yield "tasks/update", _UpdateParams, self._update
        yield "tasks/cancel", _TaskParams, self._cancel

    async def create(self, held: Held) -> JsonObject:
        """The answer of a call that goes on as a task. What it stands for must exist by now."""
        state = await self._work.look(held)
        own = {"for": self._who(), "at": self._audience}
        return {"resultType": "task", **_wire(self._seal.close({**held, **own}), state)}

    async def _get(self, ctx: Context, params: _TaskParams) -> JsonObject:
        state = await self._work.look(self._open(ctx, params.task_id))
        return {"resultType": "complete", **_wire(params.task_id, state), **state.detail}

    async def _update(self, ctx: Context, params: _UpdateParams) -> JsonObject:
        await self._work.answer(self._open(ctx, params.task_id), params.input_responses)
        return {"resultType": "complete"}

    async def _cancel(self, ctx: Context, params: _TaskParams) -> JsonObject:
        await self._work.cancel(self._open(ctx, params.task_id))
        return {"resultType": "complete"}

    def _open(self, ctx: Context, task_id: str) -> Held:
        """What the id holds, for a request that may ask for it."""
        if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            raise MCPError(METHOD_NOT_FOUND, "Method not found", data=ctx.method)
        require_extension(ctx)
        _check_routing(ctx, task_id)
        held = self._seal.open(task_id)
        if held is None or (held.get("for"), held.get("at")) != (self._who(), self._audience):
            raise MCPError(INVALID_PARAMS, "There is no such task.")
        return held


def declares_extension(ctx: Context) -> bool:
    """Whether this request may be answered with a task."""
    capabilities = ctx.session.client_capabilities
    declared = capabilities.extensions if capabilities else None
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS and EXTENSION in (declared or {})


def require_extension(ctx: Context) -> None:
    """Return if this request declared the extension.

    Raises:
        MCPError: It did not; names what is missing.
    """
    if not declares_extension(ctx):
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            f"This needs a client that declares {EXTENSION} with the request.",
            data={"requiredCapabilities": {"extensions": {EXTENSION: {}}}},
        )


def _check_routing(ctx: Context, task_id: str) -> None:
    """Over streamable HTTP a header repeats the id; the SDK compares only those that it knows."""
    headers = getattr(ctx.request, "headers", {})
    if MCP_METHOD_HEADER not in headers:
        return  # stdio and SSE have no such headers; streamable HTTP is never without this one
    if decode_header_value(headers.get(MCP_NAME_HEADER)) != task_id:
        raise MCPError(
            HEADER_MISMATCH, f"{MCP_NAME_HEADER} header does not match the task of the request."
        )


def _wire(task_id: str, state: TaskState) -> JsonObject:
    return {
        "taskId": task_id,
        "status": state.status,
        **({"statusMessage": state.message} if state.message else {}),
        "createdAt": state.created_at.isoformat(),
        "lastUpdatedAt": state.updated_at.isoformat(),
        "ttlMs": round(state.ttl_seconds * 1000),
        "pollIntervalMs": round(state.poll_seconds * 1000),
    }
