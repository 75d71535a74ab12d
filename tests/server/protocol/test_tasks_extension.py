"""The Tasks extension over real clients: long calls, their ends, and who may ask for them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import mcp_types as types
import pytest
from anyio import to_thread
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
)

from opsmcp_server.calls.state_key import read_key
from opsmcp_server.protocol.results import STRUCTURED
from opsmcp_server.protocol.sealed_state import Seal
from opsmcp_server.protocol.tasks_extension import EXTENSION
from opsmcp_tools.model.tool import Principal
from tests.fakes.ops_server import FakeOps, fake_ops
from tests.fakes.ops_state import pipeline_status
from tests.own_settings import write_settings
from tests.server.conftest import Ground
from tests.server.harness import LINKS, Running, running, settings
from tests.server.task_client import Answer, TaskClient, TaskHandle, ask, call, end_of

MODERN = [link for link in LINKS if link.endswith("modern")]
AGREED: Any = {"consent": types.ElicitResult(action="accept", content={})}


@asynccontextmanager
async def _client(
    ground: Ground, link: str = "memory-modern", **environ: str
) -> AsyncGenerator[tuple[Client, Running]]:
    async with (
        running(link, ground.environ(**environ), ground.root) as run,
        run.connect(extensions=[TaskClient()], elicitation_callback=_never) as client,
    ):
        yield client, run


async def _never(*_args: Any) -> types.ElicitResult:
    raise AssertionError("the client drives the rounds itself here")


@pytest.mark.parametrize("link", MODERN)
async def test_a_long_call_becomes_a_task_that_ends_with_its_result(
    link: str, ground: Ground
) -> None:
    handles: list[TaskHandle] = []

    async def on_task(handle: TaskHandle) -> None:
        handles.append(handle)
        await to_thread.run_sync(ground.open_gate)

    async with (
        running(link, ground.environ(OPSMCP_RUN_TASK_SECONDS="0"), ground.root) as run,
        run.connect(extensions=[TaskClient(on_task)]) as client,
    ):
        extensions = client.server_capabilities.extensions
        result = await client.call_tool("get-gated", {})
    assert extensions == {EXTENSION: {}}
    assert [handle.status for handle in handles] == ["working"]
    assert result.structured_content["verdict"] == "succeeded"
    assert "through" in str(result.content)


async def test_a_quick_call_is_answered_at_once(ground: Ground) -> None:
    async with _client(ground, OPSMCP_RUN_TASK_SECONDS="20") as (client, _):
        result = await call(client, "show-greeting", {"who": "world"})
    assert result.structured_content["verdict"] == "succeeded"


async def test_a_failed_run_is_a_completed_task(ground: Ground) -> None:
    async with _client(ground, OPSMCP_RUN_TASK_SECONDS="0") as (client, _):
        handle = await call(client, "check-failing")
        end = await end_of(client, handle.task_id)
    assert (end["status"], end["result"]["isError"]) == ("completed", True)
    assert end["result"]["structuredContent"]["verdict"] == "failed"
    assert end["statusMessage"].startswith("failed: check-failing")


async def test_cancelling_a_task_stops_its_run(ground: Ground) -> None:
    async with _client(ground) as (client, _):
        handle = await call(client, "get-gated")
        acks = [await ask(client, "cancel", handle.task_id) for _ in range(2)]
        end = await end_of(client, handle.task_id)
        runs = await client.call_tool("list_runs", {})
    assert acks == [{"resultType": "complete"}] * 2
    assert end["status"] == "cancelled"
    assert "result" not in end
    assert runs.structured_content["runs"][0]["verdict"] == "cancelled"


async def test_a_task_says_that_its_source_cannot_stop_it(tmp_path: Path) -> None:
    async with fake_ops() as ops:
        _two_states(ops)
        async with _replica(tmp_path, ops) as client:
            handle = await call(client, "list-nodes")
            ack = await ask(client, "cancel", handle.task_id)
            after = await ask(client, "get", handle.task_id)
            (row,) = (await client.call_tool("list_runs", {})).structured_content["runs"]
            said = await client.call_tool("cancel_run", {"run": row["run"]})
            ops.advance()
            end = await end_of(client, handle.task_id)
    assert ack == {"resultType": "complete"}
    assert after["status"] == "working"
    assert after["statusMessage"].endswith("cannot stop a run. It goes on.")
    assert said.is_error and "cannot stop a run. It goes on" in str(said.content)
    assert end["result"]["structuredContent"]["verdict"] == "failed"


async def test_answers_that_nobody_asked_for_are_acknowledged(ground: Ground) -> None:
    async with _client(ground) as (client, _):
        handle = await call(client, "get-gated")
        ack = await ask(client, "update", handle.task_id, inputResponses={"x": {}})
        still = await ask(client, "get", handle.task_id)
        await ask(client, "cancel", handle.task_id)
    assert (ack, still["status"]) == ({"resultType": "complete"}, "working")


async def test_a_person_is_asked_before_there_is_a_task(ground: Ground) -> None:
    async with _client(ground, "http-modern", OPSMCP_RUN_TASK_SECONDS="0") as (client, _):
        asked = await call(client, "delete-thing", {"name": "disk-7"})
        assert not ground.marker.exists()
        handle = await client.session.call_tool(
            "delete-thing",
            {"name": "disk-7"},
            input_responses=AGREED,
            request_state=asked.request_state,
            meta={STRUCTURED: True},
            allow_claimed=True,
        )
        assert isinstance(handle, TaskHandle)
        end = await end_of(client, handle.task_id)
    assert isinstance(asked, types.InputRequiredResult)
    assert end["result"]["structuredContent"]["verdict"] == "succeeded"


async def test_the_same_call_is_the_same_run_and_its_task_says_so(ground: Ground) -> None:
    async with _client(ground) as (client, _):
        first = await call(client, "get-gated")
        second = await call(client, "get-gated")
        await to_thread.run_sync(ground.open_gate)
        results = [(await end_of(client, one.task_id))["result"] for one in (first, second)]
    first_data, second_data = (result["structuredContent"] for result in results)
    assert first_data["run"] == second_data["run"]
    assert "Nothing new was started" in second_data["advice"]
    assert "Nothing new was started" not in first_data["advice"]


@pytest.mark.parametrize("method", ["get", "update", "cancel"])
@pytest.mark.parametrize(
    ("link", "code"),
    [("memory-modern", MISSING_REQUIRED_CLIENT_CAPABILITY), ("memory-legacy", METHOD_NOT_FOUND)],
)
async def test_who_does_not_declare_the_extension_has_no_tasks(
    method: str, link: str, code: int, ground: Ground
) -> None:
    async with running(link, ground.environ(), ground.root) as run, run.connect() as client:
        with pytest.raises(MCPError) as caught:
            await ask(client, method, "x", inputResponses={})
    assert caught.value.code == code
    if code == MISSING_REQUIRED_CLIENT_CAPABILITY:
        assert caught.value.error.data == {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}


async def test_who_does_not_declare_the_extension_cannot_listen_to_tasks(ground: Ground) -> None:
    wanted = types.SubscriptionFilter.model_validate({"taskIds": ["x"]})
    request = types.SubscriptionsListenRequest(
        params=types.SubscriptionsListenRequestParams(notifications=wanted)
    )
    async with (
        running("memory-modern", ground.environ(), ground.root) as run,
        run.connect() as client,
    ):
        with anyio.fail_after(10), pytest.raises(MCPError) as caught:
            await client.session.send_request(request, Answer)
    assert caught.value.code == MISSING_REQUIRED_CLIENT_CAPABILITY


@pytest.mark.parametrize("link", ["memory-modern", "memory-legacy"])
async def test_who_does_not_declare_the_extension_gets_a_run_handle(
    link: str, ground: Ground
) -> None:
    environ = ground.environ(OPSMCP_RUN_WAIT_SECONDS="0.2")
    async with running(link, environ, ground.root) as run, run.connect() as client:
        result = await client.call_tool("get-gated", {})
    assert result.structured_content["verdict"] == "running"


@pytest.mark.parametrize("method", ["get", "update", "cancel"])
async def test_an_id_that_is_none_of_ours_is_unknown(method: str, ground: Ground) -> None:
    async with _client(ground) as (client, run):
        handle = await call(client, "get-gated")
        assert run.services is not None
        key, who = read_key(run.services.calls.config.state), run.services.calls.principal.name
        questions, tasks = Seal(key, "question"), Seal(key, "task")
        forged = [
            "x",
            "v1." + "A" * 5000,
            handle.task_id[:-1] + ("A" if handle.task_id[-1] != "A" else "B"),
            questions.close({"for": who, "at": run.services.calls.source.label}),
            tasks.close({"for": who, "at": "the Ops server at http://other.example"}),
        ]
        for task_id in forged:
            with pytest.raises(MCPError, match="no such task") as caught:
                await ask(client, method, task_id, inputResponses={})
            assert caught.value.code == INVALID_PARAMS
        await ask(client, "cancel", handle.task_id)


@pytest.mark.parametrize("method", ["get", "update", "cancel"])
async def test_a_task_of_somebody_else_is_unknown(method: str, ground: Ground) -> None:
    async with _client(ground) as (client, run):
        assert run.services is not None
        handle = await call(client, "get-gated")
        own, run.services.calls.principal = run.services.calls.principal, Principal("somebody-else")
        with pytest.raises(MCPError, match="no such task"):
            await ask(client, method, handle.task_id, inputResponses={})
        run.services.calls.principal = own
        await ask(client, "cancel", handle.task_id)


_NO_READING = """\
policy:
  rules:
    - {name: no-reading, operation: get_run, effect: deny}
    - {name: no-cancelling, operation: cancel_run, effect: deny}
"""


async def test_policy_decides_on_tasks_as_on_runs(ground: Ground) -> None:
    async with _client(ground) as (client, _):
        handle = await call(client, "get-gated")
    write_settings(ground.root, _NO_READING)
    async with _client(ground, OPSMCP_RUN_TASK_SECONDS="0") as (client, _):
        for method in ("get", "update", "cancel"):
            with pytest.raises(MCPError, match="Policy does not allow"):
                await ask(client, method, handle.task_id, inputResponses={})
        result = await call(client, "show-greeting", {"who": "world"})
    assert result.structured_content["verdict"] == "succeeded"


@pytest.mark.parametrize("name", ["another", None])
async def test_over_http_the_header_must_name_the_task(name: str | None, ground: Ground) -> None:
    async with _client(ground, "http-modern") as (client, run):
        handle = await call(client, "get-gated")
        body: dict[str, Any] = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tasks/get",
            "params": {
                "taskId": handle.task_id,
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {"extensions": {EXTENSION: {}}},
                },
            },
        }
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tasks/get",
            **({"Mcp-Name": name} if name else {}),
        }
        async with httpx2.AsyncClient() as http:
            answer = await http.post(f"{run.url}/mcp", json=body, headers=headers)
        await ask(client, "cancel", handle.task_id)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, HEADER_MISMATCH)


async def test_another_process_of_the_same_state_answers_for_a_task(ground: Ground) -> None:
    async with _client(ground) as (client, _):
        handle = await call(client, "get-gated")
        await to_thread.run_sync(ground.open_gate)
        before = await end_of(client, handle.task_id)
    async with _client(ground) as (client, _):
        after = await ask(client, "get", handle.task_id)
    for end in (before, after):
        # The mark around the output is another one each time.
        del end["result"]["content"], end["result"]["structuredContent"]["summary"]
    assert after == before


def _two_states(ops: FakeOps) -> None:
    ops.script(
        "list-nodes",
        [pipeline_status({}, "Running"), pipeline_status({}, "Failed")],
        by_itself=False,
    )


@asynccontextmanager
async def _replica(folder: Path, ops: FakeOps) -> AsyncGenerator[Client]:
    environ = settings(folder, OPS_SERVER=ops.url, OPS_TOKEN=ops.token, OPSMCP_STATE_KEY="k" * 32)
    async with (
        running("memory-modern", environ, folder) as run,
        run.connect(extensions=[TaskClient()]) as client,
    ):
        yield client


async def test_a_replica_with_the_key_answers_for_a_task_of_another_one(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    async with fake_ops() as ops:
        _two_states(ops)
        async with _replica(folders[0], ops) as first, _replica(folders[1], ops) as second:
            handle = await call(first, "list-nodes")
            early = await ask(second, "get", handle.task_id)
            ops.advance()
            ends = [await end_of(one, handle.task_id) for one in (second, first)]
    assert early["status"] == "working"
    runs = {end["result"]["structuredContent"]["run"] for end in ends}
    assert len(runs) == 1
    assert [end["result"]["structuredContent"]["verdict"] for end in ends] == ["failed", "failed"]
    assert len(ops.posts) == 1
