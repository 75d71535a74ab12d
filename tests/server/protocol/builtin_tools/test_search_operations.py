"""What is not listed is searched for and run, with the same checks."""

from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp.client.context import ClientRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import INVALID_PARAMS

from tests.own_settings import write_settings
from tests.server.conftest import Ground
from tests.server.harness import Running, connected, running
from tests.server.protocol.test_interaction import text_of

FINDING = {"search_operations", "run_operation"}
OWN = {"check-failing", "delete-thing", "get-gated", "show-greeting"}


@pytest.fixture(params=["memory-legacy", "memory-modern", "http-modern", "stdio-legacy"])
async def few(request: pytest.FixtureRequest, ground: Ground) -> Any:
    """An opsmcp that lists a single one of its operations."""
    environ = ground.environ(OPSMCP_TOOLS_LIMIT="1", OPSMCP_TOOLS_PINNED="check-*")
    async with running(request.param, environ, ground.root) as run:
        yield run


async def names(run: Running) -> set[str]:
    async with run.connect() as client:
        return {tool.name for tool in (await client.list_tools()).tools}


async def test_beyond_the_limit_only_some_are_listed_with_the_means_to_find_the_others(
    few: Running,
) -> None:
    assert await names(few) & (FINDING | OWN) == FINDING | {"check-failing"}


async def test_up_to_the_limit_there_is_nothing_to_find(ground: Ground) -> None:
    async with running("memory-modern", ground.environ(), ground.root) as run:
        assert await names(run) & (FINDING | OWN) == OWN


@pytest.mark.parametrize("query", ["greet somebody", "show greting", "显示 greeting"])
async def test_a_search_answers_with_what_a_call_needs(few: Running, query: str) -> None:
    async with few.connect() as client:
        result = await client.call_tool("search_operations", {"query": query})
    found = result.structured_content["operations"][0]
    assert found["name"] == "show-greeting"
    assert found["input_schema"]["required"] == ["who"]
    assert found["read_only"] is True and found["needs_confirmation"] is False
    assert "show-greeting" in text_of(result) and '"who"' in text_of(result)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"read_only": False}, ["delete-thing"]),
        ({"read_only": True}, ["check-failing"]),
        ({"kind": "task"}, []),
        ({"namespace": "elsewhere"}, []),
        ({"label": "ops/copilot=enabled"}, ["check-failing", "delete-thing"]),
        ({"label": "ops/copilot"}, ["check-failing", "delete-thing"]),
        ({"label": "ops/copilot=no"}, []),
    ],
    ids=str,
)
async def test_a_search_can_be_narrowed(
    ground: Ground, filters: dict[str, Any], found: list[str]
) -> None:
    async with connected("memory-modern", ground.environ(), ground.root) as client:
        given = {"query": "delete thing, check something broken", **filters}
        result = await client.call_tool("search_operations", given)
    operations = {item["name"] for item in result.structured_content["operations"]}
    assert sorted(operations & {"check-failing", "delete-thing"}) == found
    assert found or "None of" in text_of(result)


@pytest.mark.parametrize(
    "arguments", [{"who": "world"}, '{"who": "world"}'], ids=["object", "text"]
)
async def test_what_was_found_is_run_like_any_tool(few: Running, arguments: Any) -> None:
    async with few.connect() as client:
        given = {"name": "show-greeting", "arguments": arguments}
        through = await client.call_tool("run_operation", given)
        direct = await client.call_tool("show-greeting", {"who": "world"})
    for result in (through, direct):
        assert result.structured_content["verdict"] == "succeeded"
        assert "hello world 1" in text_of(result)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": "show-greeting"}, "- who: it is required"),
        ({"name": "show-greting"}, "show-greeting"),
        ({"name": "show-greeting", "arguments": [1]}, "- arguments: it must be an object"),
        ({"name": "show-greeting", "arguments": "{"}, "- arguments: it must be an object"),
        ({"arguments": {}}, "- name: it is required"),
        ({"name": "show-greeting", "who": "x"}, "- who: there is no such argument"),
    ],
    ids=str,
)
async def test_a_wrong_call_says_what_to_change_and_starts_nothing(
    ground: Ground, given: dict[str, Any], told: str
) -> None:
    async with connected("memory-modern", ground.environ(), ground.root) as client:
        result = await client.call_tool("run_operation", given)
        runs = await client.call_tool("list_runs", {})
    assert result.is_error
    assert told in text_of(result)
    assert runs.structured_content == {"runs": []}


async def test_a_person_is_asked_as_for_a_listed_tool(few: Running, ground: Ground) -> None:
    asked: list[str] = []

    async def agree(
        _ctx: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult:
        asked.append(params.message)
        return types.ElicitResult(action="accept", content={})

    given = {"name": "delete-thing", "arguments": {"name": "disk-7"}}
    async with few.connect() as client:
        refused = await client.call_tool("run_operation", given)
    assert refused.is_error and not ground.marker.exists()
    async with few.connect(elicitation_callback=agree) as client:
        result = await client.call_tool("run_operation", given)
    assert not result.is_error
    assert ground.marker.exists()
    assert len(asked) == 1 and "disk-7" in asked[0]


async def test_read_only_hides_from_the_search_too(ground: Ground) -> None:
    environ = ground.environ(OPSMCP_POLICY_READ_ONLY="true")
    async with connected("memory-modern", environ, ground.root) as client:
        result = await client.call_tool("search_operations", {"query": "delete thing"})
        refused = await client.call_tool("run_operation", {"name": "delete-thing"})
    listed = [item["name"] for item in result.structured_content["operations"]]
    assert "delete-thing" not in listed
    assert refused.is_error


async def test_what_is_used_stays_listed_after_a_restart(ground: Ground) -> None:
    environ = ground.environ(OPSMCP_TOOLS_LIMIT="1")
    async with connected("memory-modern", environ, ground.root) as client:
        before = await client.list_tools()
        await client.call_tool("show-greeting", {"who": "world"})
        assert await client.list_tools() == before
    async with running("memory-modern", environ, ground.root) as run:
        assert await names(run) & OWN == {"show-greeting"}


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_pages_come_one_after_the_other(era: str, ground: Ground) -> None:
    environ = ground.environ(OPSMCP_TOOLS_PAGE_SIZE="4")
    async with connected(f"memory-{era}", environ, ground.root) as client:
        pages = [await client.list_tools()]
        while pages[-1].next_cursor:
            pages.append(await client.list_tools(cursor=pages[-1].next_cursor))
        with pytest.raises(MCPError) as caught:
            await client.list_tools(cursor="é not one")
    listed = [tool.name for page in pages for tool in page.tools]
    assert caught.value.code == INVALID_PARAMS
    assert [len(page.tools) for page in pages[:-1]] == [4] * (len(pages) - 1)
    assert listed == sorted(set(listed)) and set(listed) >= OWN


async def test_overrides_are_shown_and_those_that_match_nothing_warned_of(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    said = (
        "tools:\n  overrides:\n    show-*: {description: Greets politely}\n    shwo: {title: x}\n"
    )
    write_settings(ground.root, said)
    async with connected("memory-modern", ground.environ(), Path(ground.root)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert tools["show-greeting"].description == "Greets politely"
    assert "'shwo' matches no operation" in caplog.text
