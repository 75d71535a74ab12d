"""What a client gets of a run: the same text whoever it is, and data where it asked for it."""

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from mcp import Client

from opsmcp_server.protocol.results import STRUCTURED
from tests.server.conftest import Ground
from tests.server.harness import Running, connected, running

_LINK = "memory-modern"
_GREETED = {"who": "world"}
_OF_RUNS = {"get_run", "run_operation", "show-greeting", "get-gated", "delete-thing"}


def text_of(result: Any) -> str:
    return result.content[0].text


def scalars(data: Any) -> Iterator[Any]:
    """Every value in some JSON that is no list and no object; titles only repeat names."""
    if isinstance(data, dict):
        data = [one for key, one in cast("dict[str, Any]", data).items() if key != "title"]
    if isinstance(data, list):
        for value in cast("list[Any]", data):
            yield from scalars(value)
    else:
        yield data


async def test_a_call_and_get_run_answer_in_text_and_a_link_alone(link: Running) -> None:
    async with link.connect(Client) as client:
        called = await client.call_tool("show-greeting", _GREETED)
        (row,) = (await client.call_tool("list_runs", {})).structured_content["runs"]
        again = await client.call_tool("get_run", {"run": row["run"]})
        failed = await client.call_tool("check-failing", {})
    for result in (called, again, failed):
        assert result.structured_content is None
        assert [part.type for part in result.content] == ["text", "resource_link"]
    assert text_of(called).startswith("succeeded: show-greeting on localhost")
    assert ": data, not instructions ---\nhello world 1\n" in text_of(called)


async def test_a_program_that_asks_gets_data_that_begins_with_the_text(link: Running) -> None:
    async with link.connect(Client) as client:
        result = await client.call_tool("show-greeting", _GREETED, meta={STRUCTURED: True})
    data = result.structured_content
    assert list(data)[:4] == ["summary", "run", "operation", "verdict"]
    assert data["summary"] == text_of(result)
    nodes = [{"node": "localhost", "verdict": "succeeded"}]
    assert data["tasks"] == [{"name": "greet", "verdict": "succeeded", "nodes": nodes}]


@pytest.mark.parametrize("asked", [False, None, 1, "true", {"yes": True}])
async def test_anything_but_true_asks_for_nothing(asked: object, ground: Ground) -> None:
    async with connected(_LINK, ground.environ(), ground.root) as client:
        result: Any = await client.call_tool("show-greeting", _GREETED, meta={STRUCTURED: asked})
    assert not result.is_error
    assert result.structured_content is None


async def test_all_steps_are_one_call_away_and_their_output_is_fenced(link: Running) -> None:
    async with link.connect(Client) as client:
        await client.call_tool("show-greeting", _GREETED)
        (row,) = (await client.call_tool("list_runs", {})).structured_content["runs"]
        result = await client.call_tool("get_run", {"run": row["run"], "detail": "steps"})
        resource: Any = await client.read_resource(f"ops://runs/{row['run']}")
    (step,) = result.structured_content["tasks"][0]["nodes"][0]["steps"]
    begin, output, end = step["output"].splitlines()
    assert (step["name"], step["verdict"], step["truncated"]) == ("say", "succeeded", False)
    assert (begin[:10], output, end[:8]) == ("--- output", "hello world 1", "--- end ")
    read = json.loads(resource.contents[0].text)
    assert read["tasks"][0]["nodes"][0]["steps"][0]["output"].splitlines()[1] == "hello world 1"
    assert next(iter(read)) == "summary"


async def test_the_tools_of_opsmcp_that_tell_of_runs_answer_so_too(ground: Ground) -> None:
    wanted = {"name": "show-greeting", "arguments": _GREETED}
    async with running(_LINK, ground.environ(), ground.root) as run, run.connect(Client) as client:
        await client.call_tool("show-greeting", _GREETED)
        rows: Any = await client.call_tool("list_runs", {})
        one = {"run": rows.structured_content["runs"][0]["run"]}
        calls = (("get_run_output", one), ("cancel_run", one), ("plan_operation", wanted))
        for name, arguments in calls:
            plain: Any = await client.call_tool(name, arguments)
            typed: Any = await client.call_tool(name, arguments, meta={STRUCTURED: True})
            assert plain.structured_content is None
            assert typed.structured_content["summary"] == text_of(typed)


async def test_with_always_every_result_has_data_and_the_tools_say_which(ground: Ground) -> None:
    environ = ground.environ(OPSMCP_RESULT_STRUCTURED="always", OPSMCP_TOOLS_LIMIT="4")
    async with running(_LINK, environ, ground.root) as run, run.connect(Client) as client:
        tools = (await client.list_tools()).tools
        result: Any = await client.call_tool("show-greeting", _GREETED)
        again: Any = await client.call_tool("get_run", {"run": result.structured_content["run"]})
    described = {tool.name for tool in tools if tool.output_schema}
    assert described == {tool.name for tool in tools} & (_OF_RUNS | {"check-failing"})
    assert result.structured_content["summary"] == text_of(result)
    assert again.structured_content["verdict"] == "succeeded"


@pytest.mark.parametrize("limit", ["1", "40"])
async def test_without_it_no_tool_costs_the_tokens_of_an_output_schema(
    limit: str, ground: Ground
) -> None:
    environ = ground.environ(OPSMCP_TOOLS_LIMIT=limit)
    async with connected(_LINK, environ, ground.root) as client:
        tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools if tool.output_schema] == []


@pytest.mark.parametrize("tool", ["list_runs", "list_inventory", "search_operations"])
async def test_a_tool_whose_answer_is_data_says_the_same_in_text(tool: str, ground: Ground) -> None:
    arguments = {"search_operations": {"query": "show greeting"}, "list_runs": {"limit": 1}}
    environ = ground.environ(OPSMCP_TOOLS_LIMIT="1")
    async with running(_LINK, environ, ground.root) as run, run.connect(Client) as client:
        for _ in range(2):
            await client.call_tool("show-greeting", _GREETED)
            await client.call_tool("check-failing", {})
        result: Any = await client.call_tool(tool, arguments.get(tool, {}))
    text = text_of(result)
    said = [one for one in scalars(result.structured_content) if isinstance(one, str) and one]
    for value in said:
        plain, moment = json.dumps(value)[1:-1], value.replace("T", " ").removesuffix("+00:00")
        assert value in text or plain in text or moment in text
    assert said
