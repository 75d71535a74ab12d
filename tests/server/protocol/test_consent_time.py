"""How long an answer took, and what changed meanwhile, in both eras, by a clock of the test's."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp.shared.message import SessionMessage
from mcp_types.jsonrpc import (
    CONNECTION_CLOSED,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    REQUEST_TIMEOUT,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

from opsmcp_server.protocol.handlers import build_server
from opsmcp_server.protocol.services import Services
from tests.fakes.clock import JumpingClock
from tests.server.conftest import Ground
from tests.server.harness import Running, running, services_of

LINKS = ["memory-legacy", "sse-legacy", "http-legacy", "memory-modern", "http-modern"]
CALL: Any = ("delete-thing", {"name": "disk-7"})
AGREED = types.ElicitResult(action="accept", content={})
DECLINED = types.ElicitResult(action="decline")
CANCELLED = types.ElicitResult(action="cancel")

_MANY = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {{name: delete-many, labels: {{ops/copilot: enabled}}}}
spec:
  desc: delete many things
  host: localhost
  variables: {{{variables}}}
  steps: [{{name: delete, content: echo}}]
"""

Meanwhile = Callable[[Services], Awaitable[None]]


@pytest.fixture(params=LINKS)
async def run(request: pytest.FixtureRequest, ground: Ground) -> AsyncGenerator[Running]:
    async with running(request.param, ground.environ(), ground.root) as run:
        services_of(run).calls.clock = JumpingClock()
        yield run


async def call(
    run: Running, answer: types.ElicitResult, seconds: float, meanwhile: Meanwhile | None = None
) -> tuple[types.CallToolResult, int]:
    """The result when a person answers so after so long, and how often they were asked."""
    asked: list[str] = []
    services = services_of(run)
    clock = services.calls.clock
    assert isinstance(clock, JumpingClock)

    async def respond(_ctx: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        asked.append(params.message)
        # A question that is asked again because the first answer came too late is declined.
        clock.seconds += seconds if len(asked) == 1 else 5
        if meanwhile and len(asked) == 1:
            await meanwhile(services)
        return answer if len(asked) == 1 else DECLINED

    async with run.connect(elicitation_callback=respond) as client:
        return await client.call_tool(*CALL), len(asked)


@pytest.mark.parametrize("seconds", [0.0, 5.0, 299.0])
async def test_an_agreement_counts_however_fast_it_comes(
    run: Running, ground: Ground, seconds: float
) -> None:
    result, asked = await call(run, AGREED, seconds)
    assert not result.is_error
    assert (ground.marker.exists(), asked) == (True, 1)


@pytest.mark.parametrize("unavailable", ["deny", "trust-client"])
@pytest.mark.parametrize("answer", [DECLINED, CANCELLED], ids=str)
@pytest.mark.parametrize("seconds", [0.0, 0.69, 0.71])
async def test_a_refusal_starts_nothing_and_is_the_persons_only_if_there_was_time_to_read(
    ground: Ground, answer: types.ElicitResult, seconds: float, unavailable: str
) -> None:
    persons = "was dismissed" if answer is CANCELLED else "declined"
    words = persons if seconds > 0.7 else "refused faster than anybody reads"
    environ = ground.environ(OPSMCP_CONSENT_UNAVAILABLE=unavailable)
    for era in ("legacy", "modern"):
        async with running(f"memory-{era}", environ, ground.root) as run:
            services_of(run).calls.clock = JumpingClock()
            result, _ = await call(run, answer, seconds)
        assert result.is_error and words in str(result.content)
    assert not ground.marker.exists()


async def test_an_agreement_after_the_time_is_up_does_not_count(
    run: Running, ground: Ground
) -> None:
    result, asked = await call(run, AGREED, 301)
    assert result.is_error
    assert not ground.marker.exists()
    # The newer era asks again; the older one has only this call, and says so.
    assert (asked, "in time" in str(result.content)) == ((2, False), (1, True))[run.era == "legacy"]


async def test_a_client_is_not_trusted_after_a_question_that_nobody_answered(
    ground: Ground,
) -> None:
    environ = ground.environ(OPSMCP_CONSENT_UNAVAILABLE="trust-client")
    async with running("memory-legacy", environ, ground.root) as run:
        services_of(run).calls.clock = JumpingClock()
        result, _ = await call(run, AGREED, 301)
    assert result.is_error and "in time" in str(result.content)
    assert not ground.marker.exists()


@pytest.mark.parametrize(
    ("code", "done"),
    [
        *((code, True) for code in (METHOD_NOT_FOUND, INVALID_REQUEST, INVALID_PARAMS)),
        *((code, False) for code in (CONNECTION_CLOSED, REQUEST_TIMEOUT, INTERNAL_ERROR, 4001)),
    ],
)
async def test_a_trusted_client_may_be_unable_to_ask_but_not_go_away_or_break(
    ground: Ground, code: int, done: bool
) -> None:
    async def respond(_ctx: Any, _params: Any) -> types.ErrorData:
        return types.ErrorData(code=code, message="no")

    environ = ground.environ(OPSMCP_CONSENT_UNAVAILABLE="trust-client")
    async with (
        running("memory-legacy", environ, ground.root) as run,
        run.connect(elicitation_callback=respond) as client,
    ):
        result = await client.call_tool(*CALL)
    assert result.is_error is not done
    assert ground.marker.exists() is done


async def test_a_long_argument_cannot_push_the_rest_of_the_question_out_of_sight(
    ground: Ground,
) -> None:
    asked: list[str] = []

    async def respond(_ctx: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        asked.append(params.message)
        return DECLINED

    async with (
        running("memory-modern", ground.environ(), ground.root) as run,
        run.connect(elicitation_callback=respond) as client,
    ):
        await client.call_tool("delete-thing", {"name": f"disk-{'x' * 900}-end"})
    lines = asked[0].splitlines()
    assert lines[1] == "It changes something, and this can destroy or interrupt something."
    assert lines[2] == "Where: localhost"
    assert lines[3] == "Delete the thing. No undo."
    assert lines[-1] == f"  name = disk-{'x' * 900}-end"


async def test_a_person_is_shown_the_defaults_of_what_was_not_given(ground: Ground) -> None:
    asked: list[str] = []

    async def respond(_ctx: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        asked.append(params.message)
        return DECLINED

    variables = "days: {default: '7'}, path: {default: /data}, more: {}"
    (ground.manifests / "many.yaml").write_text(_MANY.format(variables=variables), "utf-8")
    async with (
        running("memory-modern", ground.environ(), ground.root) as run,
        run.connect(elicitation_callback=respond) as client,
    ):
        await client.call_tool("delete-many", {"days": 9})
    heading = "Not given, so the default holds:"
    assert asked[0].splitlines()[-3:] == ["  days = 9", heading, "  path = /data"]


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_what_is_too_long_for_a_person_is_refused_not_asked(ground: Ground, era: str) -> None:
    asked: list[str] = []

    async def respond(_ctx: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        asked.append(params.message)
        return AGREED

    names = [f"value{number}" for number in range(17)]
    manifest = _MANY.format(variables=", ".join(f"{name}: {{}}" for name in names))
    (ground.manifests / "many.yaml").write_text(manifest, "utf-8")
    async with (
        running(f"memory-{era}", ground.environ(), ground.root) as run,
        run.connect(elicitation_callback=respond) as client,
    ):
        result = await client.call_tool("delete-many", dict.fromkeys(names, "x" * 1_000))
    assert result.is_error and "at most 16,000 can be shown" in str(result.content)
    assert asked == []


async def test_calls_that_wait_for_an_answer_hold_up_only_their_own_connection(
    ground: Ground,
) -> None:
    asked, answered = 0, anyio.Event()
    results: list[types.CallToolResult] = []

    async def respond(_ctx: Any, _params: Any) -> types.ElicitResult:
        nonlocal asked
        asked += 1
        await answered.wait()
        return DECLINED

    async def agree(_ctx: Any, _params: Any) -> types.ElicitResult:
        return AGREED

    async with (
        running("sse-legacy", ground.environ(), ground.root) as run,
        run.connect(elicitation_callback=respond) as client,
        run.connect(elicitation_callback=agree) as other,
        anyio.create_task_group() as group,
    ):

        async def ask() -> None:
            results.append(await client.call_tool(*CALL))
            if len(results) == 1:
                results.append(await other.call_tool(*CALL))
            answered.set()

        for _ in range(65):
            group.start_soon(ask)
    said = [str(result.content) for result in results]
    assert asked == 64
    assert "Too many of your calls" in said[0]
    assert [result.is_error for result in results].count(False) == 1
    assert ground.marker.exists()


async def _answered_with(services: Services, answer: dict[str, Any]) -> types.CallToolResult:
    """The result of the call when a client of the older era, laxer than the SDK's, answers so."""
    to_server, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage](0)
    server = build_server(services)
    message: Any = None

    async def ask(method: str, params: dict[str, Any]) -> Any:
        request = JSONRPCRequest(jsonrpc="2.0", id=method, method=method, params=params)
        await to_server.send(SessionMessage(request))
        return (await from_server.receive()).message

    async with to_server, from_server, anyio.create_task_group() as group:
        options = server.create_initialization_options()
        group.start_soon(server.run, from_client, to_client, options)
        info = {"name": "lax", "version": "0"}
        able: dict[str, Any] = {
            "protocolVersion": "2025-11-25",
            "capabilities": {"elicitation": {}},
        }
        await ask("initialize", {**able, "clientInfo": info})
        told = JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized")
        await to_server.send(SessionMessage(told))
        question = await ask("tools/call", {"name": CALL[0], "arguments": CALL[1]})
        response = JSONRPCResponse(jsonrpc="2.0", id=question.id, result=answer)
        await to_server.send(SessionMessage(response))
        message = (await from_server.receive()).message
        group.cancel_scope.cancel()
    return types.CallToolResult.model_validate(message.result)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"action": "bogus"},
        {"action": "accept", "content": {"x": [[1]]}},
    ],
    ids=str,
)
@pytest.mark.parametrize("unavailable", ["deny", "trust-client"])
async def test_what_is_no_answer_starts_nothing(
    answer: dict[str, Any], unavailable: str, ground: Ground
) -> None:
    environ = ground.environ(OPSMCP_CONSENT_UNAVAILABLE=unavailable)
    async with running("memory-legacy", environ, ground.root) as run:
        result = await _answered_with(services_of(run), answer)
    assert result.is_error and "is no answer to that. It was not started." in str(result.content)
    assert not ground.marker.exists()


async def rewrite(services: Services) -> None:
    """Another definition of the operation is found while the person thinks."""
    (path,) = services.calls.config.embedded.manifests[0].glob("*.yaml")
    path.write_text(path.read_text("utf-8").replace("touch", "rm -rf / ; touch"), "utf-8")
    await services.calls.tools.discovery.refresh()
    assert services.calls.tools.discovery.catalogue is not None
    services.clients.adopt(services.clients.build(services.calls.tools.discovery.catalogue))


async def test_what_changed_while_the_person_was_asked_is_not_done(
    run: Running, ground: Ground
) -> None:
    result, asked = await call(run, AGREED, 5, rewrite)
    assert result.is_error
    assert not ground.marker.exists()
    # The newer era asks again, about what would be done now.
    said = "changed while the person was asked" in str(result.content)
    assert (asked, said) == ((2, False), (1, True))[run.era == "legacy"]
