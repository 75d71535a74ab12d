"""What takes long is done in threads: while one client reads a run, the others are served."""

import sys
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import mcp_types as types
import pytest
from anyio import to_thread
from mcp import Client

from tests.server.conftest import Ground
from tests.server.harness import connected
from tests.server.protocol.test_subscriptions import subscribe
from tests.server.task_client import TaskClient, ask, call, end_of

_LONG = (
    "opsmcp_tools.journal.sqlite_write",
    "opsmcp_tools.journal.record_codec",
    "opsmcp_tools.results.structured",
    "opsmcp_tools.condense",
    "opsmcp_tools.results.output_slice._selected",
)
"""What reads the journal, and what works on outputs, which may be megabytes."""


@contextmanager
def _done_here() -> Generator[set[str]]:
    """The functions that are called in this thread, with their modules."""
    seen: set[str] = set()

    def note(frame: FrameType, event: str, _arg: object) -> None:
        if event == "call":
            seen.add(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}")

    sys.setprofile(note)
    try:
        yield seen
    finally:
        sys.setprofile(None)


def _tool(name: str, **more: Any) -> Callable[[Client, str], Awaitable[object]]:
    return lambda client, run: client.call_tool(name, {"run": run, **more})


async def _listen(client: Client, run: str) -> None:
    async with client.listen(resource_subscriptions=[f"ops://runs/{run}"]) as events:
        assert events.honored.resource_subscriptions


async def _complete(client: Client, _run: str) -> None:
    template = types.ResourceTemplateReference(uri="ops://runs/{run}")
    await client.complete(template, {"name": "run", "value": "r-"})


_REQUESTS: Mapping[str, Callable[[Client, str], Awaitable[object]]] = {
    "get_run": _tool("get_run"),
    "get_run_output": _tool("get_run_output"),
    "search": _tool("get_run_output", search="hello"),
    "cancel_run": _tool("cancel_run"),
    "list_runs": lambda client, _: client.call_tool("list_runs", {}),
    "run": lambda client, run: client.read_resource(f"ops://runs/{run}"),
    "run output": lambda client, run: client.read_resource(f"ops://runs/{run}/output"),
    "completion": _complete,
    "listen": _listen,
    "subscribe": lambda client, run: subscribe(client, f"ops://runs/{run}"),
}


def _assert_short(done: set[str]) -> None:
    assert any(name.startswith("opsmcp_server.protocol.handlers") for name in done)
    assert not {name for name in done if name.startswith(_LONG)}


@pytest.mark.parametrize("request_name", _REQUESTS)
async def test_a_run_is_read_and_condensed_in_a_thread(request_name: str, ground: Ground) -> None:
    era = "legacy" if request_name == "subscribe" else "modern"
    async with connected(f"memory-{era}", ground.environ(), ground.root) as client:
        result = await client.call_tool("show-greeting", {"who": "world"})
        with _done_here() as done:
            await _REQUESTS[request_name](client, result.structured_content["run"])
    _assert_short(done)


async def test_the_end_of_a_task_is_read_and_condensed_in_a_thread(ground: Ground) -> None:
    environ = ground.environ(OPSMCP_RUN_TASK_SECONDS="0")
    async with connected(
        "memory-modern", environ, ground.root, extensions=[TaskClient()]
    ) as client:
        handle = await call(client, "get-gated")
        await to_thread.run_sync(ground.open_gate)
        await end_of(client, handle.task_id)
        with _done_here() as done:
            await ask(client, "get", handle.task_id)
    _assert_short(done)
