"""What a client sees: the same over every transport and in both protocol eras."""

from typing import Any

import anyio
import mcp_types as types
import pytest
from anyio import to_thread
from mcp.client.context import ClientRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import INVALID_PARAMS

from tests.server.conftest import EXTRA, Ground
from tests.server.harness import Running

BUILT_IN = [
    "cancel_run",
    "get_run",
    "get_run_output",
    "list_inventory",
    "list_runs",
    "plan_operation",
]


async def test_lists_operations_and_built_in_tools_in_order(link: Running) -> None:
    async with link.connect() as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
    own = ["check-failing", "delete-thing", "get-gated", "show-greeting"]
    assert names == sorted([*BUILT_IN, *own])


async def test_every_tool_says_what_a_client_must_know(link: Running) -> None:
    async with link.connect() as client:
        tools = (await client.list_tools()).tools
    for tool in tools:
        hints = tool.annotations
        assert hints is not None
        assert None not in (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint)
        assert tool.title and tool.description
        assert tool.input_schema["type"] == "object"


async def test_a_call_answers_with_the_verdict_and_typed_data(link: Running) -> None:
    async with link.connect() as client:
        result = await client.call_tool("show-greeting", {"who": "world", "topk": 2})
        wanted = {"run": result.structured_content["run"], "detail": "steps"}
        whole = await client.call_tool("get_run", wanted)
    assert not result.is_error
    assert result.structured_content["verdict"] == "succeeded"
    step = whole.structured_content["tasks"][0]["nodes"][0]["steps"][0]
    assert "\nhello world 2\n" in step["output"]
    assert "hello world 2" in text_of(result)


async def test_a_failed_run_is_an_error_that_shows_its_cause(link: Running) -> None:
    async with link.connect() as client:
        result = await client.call_tool("check-failing", {})
    assert result.is_error
    assert result.structured_content["verdict"] == "failed"
    assert "no space left" in text_of(result)


async def test_all_wrong_arguments_are_named_at_once(link: Running) -> None:
    wrong = {"who": "x; id", "topk": "many", "wo": "y"}
    async with link.connect() as client:
        result = await client.call_tool("show-greeting", wrong)
        runs = await client.call_tool("list_runs", {})
    assert result.is_error
    assert all(f"- {name}:" in text_of(result) for name in wrong)
    assert runs.structured_content == {"runs": []}


async def test_an_unknown_tool_is_a_protocol_error_with_the_nearest_name(link: Running) -> None:
    async with link.connect() as client:
        with pytest.raises(MCPError, match="show-greeting") as caught:
            await client.call_tool("show-greting", {})
    assert caught.value.code == INVALID_PARAMS


async def test_an_agreed_change_is_made(link: Running, ground: Ground) -> None:
    asked: list[str] = []

    async def agree(
        _ctx: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult:
        asked.append(params.message)
        return types.ElicitResult(action="accept", content={})

    async with link.connect(elicitation_callback=agree) as client:
        result = await client.call_tool("delete-thing", {"name": "disk-7"})
    assert not result.is_error
    assert ground.marker.exists()
    assert len(asked) == 1
    assert "delete-thing" in asked[0] and "disk-7" in asked[0]


async def test_a_declined_change_is_not_made(link: Running, ground: Ground) -> None:
    async def decline(
        _ctx: ClientRequestContext, _params: types.ElicitRequestParams
    ) -> types.ElicitResult:
        return types.ElicitResult(action="decline")

    async with link.connect(elicitation_callback=decline) as client:
        result = await client.call_tool("delete-thing", {"name": "disk-7"})
    assert result.is_error
    assert not ground.marker.exists()


async def test_a_client_that_cannot_ask_is_told_how_to_run_it(
    link: Running, ground: Ground
) -> None:
    async with link.connect() as client:
        result = await client.call_tool("delete-thing", {"name": "disk-7"})
    assert result.is_error
    assert "opsmcp call delete-thing name=disk-7" in text_of(result)
    assert not ground.marker.exists()


async def test_a_running_call_reports_progress(link: Running, ground: Ground) -> None:
    seen: list[tuple[float, float | None, str | None]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))
        if len(seen) == 1:
            await to_thread.run_sync(ground.open_gate)

    async with link.connect() as client:
        with anyio.fail_after(60):
            result = await client.call_tool("get-gated", {}, progress_callback=on_progress)
    assert not result.is_error
    progress, total, message = seen[0]
    assert (progress, total) == (0, 1)
    assert message and message.startswith("get-gated: 0 of 1 tasks done")


async def test_inventory_runs_and_output_are_one_call_away(link: Running) -> None:
    async with link.connect() as client:
        inventory = await client.call_tool("list_inventory", {"kind": "hosts"})
        called = await client.call_tool("show-greeting", {"who": "world"})
        run = called.structured_content["run"]
        again = await client.call_tool("get_run", {"run": run})
        output = await client.call_tool("get_run_output", {"run": run, "search": "HELLO"})
        runs = await client.call_tool("list_runs", {"limit": 1})
    assert [host["name"] for host in inventory.structured_content["hosts"]] == ["localhost"]
    assert again.structured_content["verdict"] == "succeeded"
    assert "hello world 1" in output.structured_content["output"]
    assert [row["run"] for row in runs.structured_content["runs"]] == [run]


async def test_resources_show_what_exists_and_what_was_run(link: Running) -> None:
    async with link.connect() as client:
        listed = {str(item.uri) for item in (await client.list_resources()).resources}
        templates = (await client.list_resource_templates()).resource_templates
        called = await client.call_tool("show-greeting", {"who": "world"})
        run = called.structured_content["run"]
        output = await client.read_resource(f"ops://runs/{run}/output")
        operation = await client.read_resource("ops://operations/show-greeting")
    assert listed == {"ops://clusters", "ops://hosts", "ops://operations"}
    assert len(templates) == 3
    assert "hello world 1" in getattr(output.contents[0], "text", "")
    assert '"who"' in getattr(operation.contents[0], "text", "")


@pytest.mark.parametrize("uri", ["ops://nothing", "ops://runs/r-none", "ops://operations/none"])
async def test_an_absent_resource_is_named_in_the_error(link: Running, uri: str) -> None:
    async with link.connect() as client:
        with pytest.raises(MCPError) as caught:
            await client.read_resource(uri)
    assert caught.value.code == INVALID_PARAMS
    assert caught.value.error.data == {"uri": uri}


async def test_the_prompt_and_completion_help_to_begin(link: Running) -> None:
    reference = types.PromptReference(name="investigate")
    async with link.connect() as client:
        prompts = (await client.list_prompts()).prompts
        prompt = await client.get_prompt("investigate", {"problem": "disk full"})
        hosts = await client.complete(reference, {"name": "host", "value": "local"})
    assert [prompt.name for prompt in prompts] == ["investigate"]
    assert "disk full" in getattr(prompt.messages[0].content, "text", "")
    assert hosts.completion.values == ["localhost"]


async def test_a_new_operation_is_announced_once_and_callable(
    link: Running, ground: Ground
) -> None:
    heard: list[Any] = []
    told = anyio.Event()

    async def on_message(message: Any) -> None:
        # In the newer era the stream that was opened for it is what counts.
        if isinstance(message, types.ToolListChangedNotification) and link.era == "legacy":
            heard.append(message)
            told.set()

    async with link.connect(message_handler=on_message) as client, anyio.create_task_group() as tg:
        await client.list_tools()
        if link.era == "modern":
            await tg.start(_listen, client, heard, told)
        (ground.manifests / "extra.yaml").write_text(EXTRA, "utf-8")
        with anyio.fail_after(60):
            await told.wait()
            result = await client.call_tool("list-more", {})
            await client.call_tool("list_runs", {})
        assert result.structured_content["verdict"] == "succeeded"
        assert len(heard) == 1
        tg.cancel_scope.cancel()


async def _listen(client: Any, heard: list[Any], told: anyio.Event, *, task_status: Any) -> None:
    async with client.listen(tools_list_changed=True) as events:
        task_status.started()
        async for event in events:
            heard.append(event)
            told.set()


def text_of(result: types.CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")
