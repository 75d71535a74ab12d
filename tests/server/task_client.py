"""The client's side of the Tasks extension, for the SDK's own client."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Literal

import anyio
import mcp_types as types
from mcp import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from pydantic import ConfigDict

from opsmcp_server.protocol.results import STRUCTURED
from opsmcp_server.protocol.tasks_extension import EXTENSION

_POLL_SECONDS = 0.05


class TaskHandle(types.Result):
    """What a call is answered with."""

    result_type: Literal["task"] = "task"
    task_id: str
    status: str
    ttl_ms: int | None
    poll_interval_ms: int


class Answer(types.Result):
    """Any answer, as it came."""

    model_config = ConfigDict(extra="allow")


class _Params(types.RequestParams):
    model_config = ConfigDict(extra="allow")
    task_id: str


class _Request(types.Request[_Params, str]):
    name_param: ClassVar[str | None] = "taskId"


class TaskClient(ClientExtension):
    """Follows a task to its end; `on_task` is told of each once."""

    identifier = EXTENSION

    def __init__(self, on_task: Callable[[TaskHandle], Awaitable[None]] | None = None) -> None:
        self._on_task = on_task

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=TaskHandle, resolve=self._resolve)]

    async def _resolve(self, handle: TaskHandle, ctx: ClaimContext) -> types.CallToolResult:
        if self._on_task is not None:
            await self._on_task(handle)
        end = await _follow(ctx.session, handle.task_id)
        return types.CallToolResult.model_validate(end["result"])


async def call(client: Client, name: str, arguments: dict[str, Any] | None = None) -> Any:
    """Call a tool; whatever came of it."""
    return await client.session.call_tool(
        name,
        arguments or {},
        meta={STRUCTURED: True},
        allow_claimed=True,
        allow_input_required=True,
    )


async def ask(client: Client, method: str, task_id: str, **more: Any) -> dict[str, Any]:
    """Send `tasks/{method}`; the answer without its `_meta`."""
    return await _ask(client.session, method, task_id, **more)


async def end_of(client: Client, task_id: str) -> dict[str, Any]:
    """The state of a task once it is over."""
    with anyio.fail_after(60):
        return await _follow(client.session, task_id)


async def _follow(session: Any, task_id: str) -> dict[str, Any]:
    while True:
        answer = await _ask(session, "get", task_id)
        if answer["status"] != "working":
            return answer
        await anyio.sleep(_POLL_SECONDS)


async def _ask(session: Any, method: str, task_id: str, **more: Any) -> dict[str, Any]:
    params = _Params(task_id=task_id, **more)
    answer = await session.send_request(_Request(method=f"tasks/{method}", params=params), Answer)
    dumped = answer.model_dump(by_alias=True)
    return {key: value for key, value in dumped.items() if key != "_meta"}
