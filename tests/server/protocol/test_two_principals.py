"""Two people with one name and one client: neither sees or touches what belongs to the other.

The ways in come from the registries themselves, so that a new one without a case fails here.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from opsmcp_server.protocol.builtin_tools import registry
from opsmcp_server.protocol.handlers import build_server
from opsmcp_server.protocol.tool_calls import IDEMPOTENCY_KEY
from tests.server.calls.approval_ground import ask as ask_for_approval
from tests.server.calls.approval_ground import make_approving, opsmcp
from tests.server.harness import Running, services_of, serving
from tests.server.people import client_of, known_by_name
from tests.server.task_client import TaskClient
from tests.server.task_client import ask as ask_task
from tests.server.task_client import call as call_as_task

SECRET = "only-of-the-first"
"""An argument of everything that the first of them did."""


@dataclass(frozen=True)
class Two:
    """Both have a client, and one that knows tasks; the first has a run, a request and a task."""

    first: Client
    second: Client
    first_with_tasks: Client
    second_with_tasks: Client
    running: Running
    run: str
    request: str
    task: str
    task_of_request: str

    @property
    def leaks(self) -> tuple[str, ...]:
        return SECRET, self.run, self.request, self.task


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For the whole module: one server is enough."""
    return "asyncio"


@pytest.fixture(scope="module", params=["legacy", "modern"])
async def two(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Two]:
    ground, era = make_approving(tmp_path_factory.mktemp("two")), request.param
    more: Any = {"extensions": [TaskClient()]} if era == "modern" else {}
    async with (
        opsmcp(ground, f"memory-{era}") as run,
        serving(services_of(run), known_by_name) as url,
        client_of("anna/1", url, era) as first,
        client_of("anna/2", url, era) as second,
        client_of("anna/1", url, era, **more) as first_with_tasks,
        client_of("anna/2", url, era, **more) as second_with_tasks,
    ):
        made = await first.call_tool("show-greeting", {"who": SECRET})
        asked = await ask_for_approval(first, SECRET)
        task = of_request = ""
        if era == "modern":
            task = (await call_as_task(first_with_tasks, "get-gated")).task_id
            deletes = await call_as_task(first_with_tasks, "delete-thing", {"name": SECRET})
            of_request = deletes.task_id
        handle, clients = made.structured_content["run"], (first, second)
        with_tasks = (first_with_tasks, second_with_tasks)
        yield Two(*clients, *with_tasks, run, handle, asked, task or "no-task", of_request)
        if task:
            await ask_task(first_with_tasks, "cancel", task)


async def _answer(ask: Awaitable[Any]) -> str:
    try:
        return (await ask).model_dump_json(by_alias=True)
    except MCPError as error:
        return f"refused: {error.error.message}"


async def _silent(two: Two, ask: Awaitable[Any], *said: str) -> str:
    """Nothing of the first one is in the answer, besides what was `said` in the request."""
    text = await _answer(ask)
    assert [leak for leak in two.leaks if leak in text and leak not in said] == []
    return text


TOOLS: Mapping[str, list[dict[str, Any]]] = MappingProxyType(
    {
        "cancel_run": [{"run": "HANDLE"}],
        # Incidents are everybody's who may look; what a principal did by itself is in none of them.
        "get_incident": [{"incident": "i-none"}],
        "list_incidents": [{}],
        "get_run": [{"run": "HANDLE", "detail": "steps", "wait_seconds": 0}],
        "get_run_output": [{"run": "HANDLE"}],
        "list_inventory": [{"kind": "hosts"}, {"kind": "operations"}],
        "list_runs": [{}, {"operation": "show-greeting"}, {"verdict": "succeeded"}],
        "plan_operation": [{"name": "show-greeting", "arguments": {"who": "me"}}],
        "run_operation": [{"name": "show-greeting", "arguments": {"who": "me"}}],
        "search_operations": [{"query": "greeting"}],
    }
)
"""The arguments with which the second one would learn something, if that were possible."""


@pytest.mark.parametrize("name", TOOLS)
async def test_a_built_in_tool(name: str, two: Two) -> None:
    for handle in (two.run, two.request):
        for wanted in TOOLS[name]:
            arguments = {**wanted, "run": handle} if "run" in wanted else wanted
            text = await _silent(two, two.second.call_tool(name, arguments), handle)
            if "run" in arguments:
                assert "here is no run" in text


async def _call_tool(two: Two) -> None:
    """The same call, also under the same key, is a run of one's own."""
    key: Any = {IDEMPOTENCY_KEY: "one-key"}
    mine = await two.first.call_tool("show-greeting", {"who": SECRET}, meta=key)
    for meta in (None, key):
        theirs = await two.second.call_tool("show-greeting", {"who": SECRET}, meta=meta)
        assert theirs.structured_content["run"] not in (
            two.run,
            mine.structured_content["run"],
        )
    asked = await two.second.call_tool("delete-thing", {"name": SECRET})
    assert asked.structured_content["run"] != two.request
    await two.second.call_tool("cancel_run", {"run": asked.structured_content["run"]})


async def _lists(two: Two) -> None:
    for ask in (
        two.second.list_tools,
        two.second.list_resources,
        two.second.list_resource_templates,
        two.second.list_prompts,
    ):
        await _silent(two, ask())


def _addresses(two: Two) -> list[str]:
    handles = (two.run, two.request)
    return [f"ops://runs/{handle}{part}" for handle in handles for part in ("", "/output")]


async def _read_resources(two: Two) -> None:
    for address in _addresses(two):
        text = await _silent(two, two.second.read_resource(address), two.run, two.request)
        assert text.startswith("refused: ")


async def _subscribe(two: Two) -> None:
    for address in _addresses(two):
        request = types.SubscribeRequest(params=types.SubscribeRequestParams(uri=address))
        asked = two.second.session.send_request(request, types.EmptyResult)
        assert (await _answer(asked)).startswith("refused: ")


async def _listen(two: Two) -> None:
    if two.task_of_request:
        async with two.second.listen(resource_subscriptions=_addresses(two)) as events:
            assert not events.honored.resource_subscriptions


async def _complete(two: Two) -> None:
    for uri in ("ops://runs/{run}", "ops://runs/{run}/output"):
        reference = types.ResourceTemplateReference(uri=uri)
        found = await two.second.complete(reference, {"name": "run", "value": ""})
        own = await two.first.complete(reference, {"name": "run", "value": ""})
        assert two.run in own.completion.values
        assert not set(found.completion.values) & set(own.completion.values)


async def _get_prompt(two: Two) -> None:
    await _silent(two, two.second.get_prompt("investigate", {"problem": "disk full"}))


async def _task(two: Two, method: str) -> None:
    for task in (two.task, two.task_of_request) if two.task_of_request else ():
        with pytest.raises(MCPError, match="no such task"):
            await ask_task(two.second_with_tasks, method, task, inputResponses={})
        assert (await ask_task(two.first_with_tasks, "get", task))["status"] == "working"


async def _nothing_of_anybody(_two: Two) -> None:
    """It answers the same to everybody."""


METHODS: Mapping[str, Callable[[Two], Awaitable[None]]] = MappingProxyType(
    {
        "completion/complete": _complete,
        "ping": _nothing_of_anybody,
        "prompts/get": _get_prompt,
        "prompts/list": _lists,
        "resources/list": _lists,
        "resources/read": _read_resources,
        "resources/subscribe": _subscribe,
        "resources/templates/list": _lists,
        "resources/unsubscribe": _nothing_of_anybody,
        "server/discover": _nothing_of_anybody,
        "subscriptions/listen": _listen,
        "tasks/cancel": lambda two: _task(two, "cancel"),
        "tasks/get": lambda two: _task(two, "get"),
        "tasks/update": lambda two: _task(two, "update"),
        "tools/call": _call_tool,
        "tools/list": _lists,
    }
)


@pytest.mark.parametrize("method", METHODS)
async def test_a_method_of_the_protocol(method: str, two: Two) -> None:
    await METHODS[method](two)


async def test_the_first_one_still_has_all_of_it(two: Two) -> None:
    for handle in (two.run, two.request):
        found = await two.first.call_tool("get_run", {"run": handle, "wait_seconds": 0})
        assert found.structured_content["run"] == handle


async def test_there_is_a_case_for_whatever_the_server_answers(two: Two) -> None:
    server = build_server(services_of(two.running))
    assert set(METHODS) == set(server._request_handlers)
    assert set(TOOLS) == {row.name for row in registry.BUILT_IN}


async def test_a_request_belongs_to_an_id(two: Two) -> None:
    calls = services_of(two.running).calls
    tool = (await calls.tools.current()).find("delete-thing")
    assert tool is not None
    found = await two.first.call_tool("get_run", {"run": two.request, "wait_seconds": 0})
    request = await calls.requests.get().find(found.structured_content["run"])
    assert (request.requester.name, request.requester.id) == ("anna", "token:anna/1")
