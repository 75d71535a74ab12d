"""Every way into opsmcp asks policy: whoever is denied everything sees, starts and stops nothing.

The ways come from the registries themselves, so that a new one without a case fails here.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import httpx2
import mcp_types as types
import pytest
import yaml
from anyio import to_thread
from mcp import Client
from mcp.shared.exceptions import MCPError
from starlette.routing import Mount, Route

from opsmcp_server.cli import COMMANDS
from opsmcp_server.protocol.builtin_tools import registry
from opsmcp_server.protocol.handlers import build_server
from opsmcp_server.transports.http import build_app
from tests.own_settings import write_settings
from tests.server.cli.inside import run_inside, settled
from tests.server.conftest import Ground, make_ground
from tests.server.harness import Running, connected, running

BUILT_IN = [row.name for row in registry.BUILT_IN]
DENY_ALL = {
    "policy": {
        "rules": [
            {"effect": "deny", "principal": "*", "operation": "*", "reason": "all is denied"},
            {"effect": "deny", "operation": [*BUILT_IN, "investigate"], "reason": "all is denied"},
        ]
    }
}
GOOD = {"name": "show-greeting", "arguments": {"who": "world"}}
LEAKS = ("show-greeting", "delete-thing", "hello world", "localhost", "succeeded")
"""What only somebody sees who is allowed to see anything."""


@dataclass(frozen=True)
class Denied:
    """A client that is denied everything, beside a run that its principal made before."""

    client: Client
    running: Running
    run: str

    @property
    def leaks(self) -> tuple[str, ...]:
        return *LEAKS, self.run


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For the whole module: one server is enough to be denied everything."""
    return "asyncio"


@pytest.fixture(scope="module")
async def closed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ground, str]:
    """A ground on which a run was made before all was denied, and that run."""
    ground = make_ground(tmp_path_factory.mktemp("closed"))
    link = "memory-modern"
    async with connected(link, ground.environ(), ground.root) as client:
        made = await client.call_tool("show-greeting", {"who": "world"})
    write_settings(ground.root, yaml.safe_dump(DENY_ALL))
    return ground, made.structured_content["run"]


@pytest.fixture(scope="module", params=["memory-legacy", "memory-modern"])
async def denied(
    request: pytest.FixtureRequest, closed: tuple[Ground, str]
) -> AsyncGenerator[Denied]:
    ground, made = closed
    async with (
        running(request.param, ground.environ(), ground.root) as run,
        run.connect() as client,
    ):
        yield Denied(client, run, made)


async def _answer(ask: Awaitable[Any]) -> str:
    try:
        return (await ask).model_dump_json(by_alias=True)
    except MCPError as error:
        return f"refused: {error.error.message}"


async def _silent(denied: Denied, ask: Awaitable[Any], *said: str) -> None:
    """Nothing of what exists is in the answer, besides what was `said` in the request."""
    text = await _answer(ask)
    assert [leak for leak in denied.leaks if leak in text and leak not in said] == []


def _arguments(definition: types.Tool, run: str) -> dict[str, Any]:
    """A call that would be answered if it were allowed."""
    known: dict[str, Any] = {"run": run, "query": "greeting", "kind": "hosts", **GOOD}
    wanted = definition.input_schema["properties"]
    return {name: known[name] for name in wanted if name in known}


@pytest.mark.parametrize("name", BUILT_IN)
async def test_a_built_in_tool(name: str, denied: Denied) -> None:
    every = {row.name: row.definition() for row in registry.BUILT_IN}
    arguments = _arguments(every[name], denied.run)
    result = await denied.client.call_tool(name, arguments)
    assert result.is_error
    assert f"Policy does not allow {name}: all is denied." in str(result.content)
    assert denied.run not in str(result) and "hello world" not in str(result)


async def _list_tools(denied: Denied) -> None:
    assert (await denied.client.list_tools()).tools == []


async def _call_tools(denied: Denied) -> None:
    for name in ("show-greeting", "delete-thing"):
        result = await denied.client.call_tool(name, {"who": "world"})
        assert result.is_error and "Policy does not allow" in str(result.content)
    for near in ("show-greting", "greet-show", "delete"):
        await _silent(denied, denied.client.call_tool(near, {}), near)


async def _list_resources(denied: Denied) -> None:
    assert (await denied.client.list_resources()).resources == []


async def _list_templates(denied: Denied) -> None:
    assert (await denied.client.list_resource_templates()).resource_templates == []


async def _read_resources(denied: Denied) -> None:
    filled = {"{name}": "show-greeting", "{run}": denied.run}
    addresses = list(ADDRESSES)
    for address in ADDRESSES:
        for field, value in filled.items():
            addresses += [address.replace(field, value)] if field in address else []
    for address in addresses:
        assert (await _answer(denied.client.read_resource(address))).startswith("refused: ")
        await _silent(denied, denied.client.read_resource(address), "show-greeting", denied.run)


ADDRESSES = (
    "ops://clusters",
    "ops://hosts",
    "ops://operations",
    "ops://operations/{name}",
    "ops://runs/{run}",
    "ops://runs/{run}/output",
)
"""Held against what is listed when it is allowed."""


def _of_the_run(denied: Denied) -> list[str]:
    return [address.replace("{run}", denied.run) for address in ADDRESSES if "{run}" in address]


async def _subscribe(denied: Denied) -> None:
    assert denied.running.services is not None
    for address in _of_the_run(denied):
        request = types.SubscribeRequest(params=types.SubscribeRequestParams(uri=address))
        asked = denied.client.session.send_request(request, types.EmptyResult)
        assert (await _answer(asked)).startswith("refused: ")
        assert not denied.running.services.clients.sessions.is_watched(address)


async def _listen(denied: Denied) -> None:
    if denied.running.era == "modern":
        async with denied.client.listen(resource_subscriptions=_of_the_run(denied)) as events:
            assert not events.honored.resource_subscriptions


async def _list_prompts(denied: Denied) -> None:
    assert (await denied.client.list_prompts()).prompts == []


async def _get_prompts(denied: Denied) -> None:
    for name in PROMPTS:
        asked = denied.client.get_prompt(name, {"problem": "disk full"})
        assert (await _answer(asked)).startswith("refused: ")


PROMPTS = ("investigate",)
"""Held against what is listed when it is allowed."""


async def _complete(denied: Denied) -> None:
    references: list[Any] = [types.PromptReference(name=name) for name in PROMPTS]
    references += [types.ResourceTemplateReference(uri=uri) for uri in ADDRESSES]
    for reference in references:
        for name in ("name", "run", "host", "cluster", "node", "namespace", "problem"):
            found = await denied.client.complete(reference, {"name": name, "value": ""})
            assert found.completion.values == []


async def _discover(denied: Denied) -> None:
    if denied.running.era == "modern":
        await _silent(denied, denied.client.session.discover())


async def _tasks(denied: Denied) -> None:
    """Asked in `test_tasks`, by the ids of real ones."""


async def _nothing_of_ours(denied: Denied) -> None:
    """Says at most that something changed, or that the server lives."""


METHODS: Mapping[str, Callable[[Denied], Awaitable[None]]] = MappingProxyType(
    {
        "completion/complete": _complete,
        "ping": _nothing_of_ours,
        "prompts/get": _get_prompts,
        "prompts/list": _list_prompts,
        "resources/list": _list_resources,
        "resources/read": _read_resources,
        "resources/subscribe": _subscribe,
        "resources/templates/list": _list_templates,
        "resources/unsubscribe": _nothing_of_ours,
        "server/discover": _discover,
        "subscriptions/listen": _listen,
        "tasks/cancel": _tasks,
        "tasks/get": _tasks,
        "tasks/update": _tasks,
        "tools/call": _call_tools,
        "tools/list": _list_tools,
    }
)


@pytest.mark.parametrize("method", METHODS)
async def test_a_method_of_the_protocol(method: str, denied: Denied) -> None:
    await METHODS[method](denied)


async def test_there_is_a_case_for_whatever_the_server_answers(ground: Ground) -> None:
    async with running("memory-modern", ground.environ(), ground.root) as run:
        assert run.services is not None
        server = build_server(run.services)
        async with run.connect() as client:
            prompts = [prompt.name for prompt in (await client.list_prompts()).prompts]
            listed = [str(item.uri) for item in (await client.list_resources()).resources]
            templates = (await client.list_resource_templates()).resource_templates
            tools = [tool.name for tool in (await client.list_tools()).tools if "_" in tool.name]
    assert set(METHODS) == set(server._request_handlers)
    assert tuple(prompts) == PROMPTS
    assert sorted([*listed, *(item.uri_template for item in templates)]) == sorted(ADDRESSES)
    assert set(tools) <= set(BUILT_IN)


async def test_what_is_left_open_over_http_tells_nothing(ground: Ground) -> None:
    write_settings(ground.root, yaml.safe_dump(DENY_ALL))
    async with running("http-modern", ground.environ(), ground.root) as run:
        assert run.services is not None
        routes = build_app(run.services).routes
        async with httpx2.AsyncClient(base_url=run.url) as client:
            said = [(await client.get(path)).text for path in ("/healthz", "/readyz")]
    paths = {route.path for route in routes if isinstance(route, Route | Mount)}
    assert paths == {"/healthz", "/readyz", "/mcp", "/mcp/", "/sse", "/messages"}
    assert not [leak for leak in LEAKS for text in said if leak in text]


COMMAND_LINES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "tools": ("tools", "tools --all", "tools --json", "tools --cost --json"),
        "call": (
            "call show-greeting who=world",
            "call show-greeting who=world --plan",
            "call show-greting",
            "call delete-thing name=x --yes",
            *(f"call {name} run=RUN" for name in ("get_run", "get_run_output", "cancel_run")),
            *(f"call {name}" for name in ("list_runs", "list_inventory", "plan_operation")),
        ),
        "runs": ("runs", "runs RUN", "runs RUN --json", "runs RUN --output", "runs --json"),
        "requests": ("requests", "requests RUN", "requests --json"),
        "events": (
            "events list",
            "events senders --json",
            "events replay --since 1h",
            "events pause",
            "events resume",
        ),
        "notify": ("notify outbox", "notify retry"),
        "schedules": ("schedules", "schedules nothere", "schedules --json"),
        "incidents": ("incidents", "incidents i-nothere", "incidents --json"),
        # Only those whom policy names as approvers see anything of a request.
        "approve": (),
        "reject": (),
        # They serve what is walked through above, or a chat that is its client.
        "stdio": (),
        "serve": (),
        "copilot": (),
        # A server of its own, without the settings.
        "demo": (),
        # They show the settings, the inventory and what authors wrote to whoever writes them;
        # nothing is run.
        "config": (),
        "hosts": (),
        "policy": (),
        "lint": (),
        "approve-catalogue": (),
        # They make and end tokens, in files that only the owner of the state directory reads.
        "token": (),
        # The trail is in files that only that owner reads; it is for whoever looks after all.
        "audit": (),
        "trust": (),
    }
)


@pytest.mark.parametrize("line", [line for lines in COMMAND_LINES.values() for line in lines])
async def test_a_command(line: str, closed: tuple[Ground, str]) -> None:
    ground, made = closed
    words = line.replace("RUN", made).split()
    with settled(ground.environ(), ground.root):
        status, text = await to_thread.run_sync(run_inside, words)
    assert [leak for leak in (*LEAKS, made) if leak in text and leak not in words] == []
    assert status == (0 if line.startswith("tools") else 2 if line == "call show-greting" else 1)
    assert not ground.marker.exists()


def test_there_is_a_case_for_every_command() -> None:
    assert set(COMMAND_LINES) == set(COMMANDS)
