"""Consent on 2026-07-28: a state of ours, once, for these arguments; and how haste is read."""

from typing import Any

import mcp_types as types
import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

from tests.server.conftest import Ground
from tests.server.harness import connected

AGREED: Any = {"consent": types.ElicitResult(action="accept", content={"agree": True})}
CAN_ASK = types.ElicitationCapability(form=types.FormElicitationCapability())


async def _never(*_args: Any) -> types.ElicitResult:
    raise AssertionError("the client drives the rounds itself here")


async def _call(client: Client, name: str, **more: Any) -> Any:
    return await client.session.call_tool(
        "delete-thing", {"name": name}, allow_input_required=True, **more
    )


@pytest.mark.parametrize("transport", ["memory", "stdio", "http"])
async def test_an_answer_before_the_question_is_asked_again(transport: str, ground: Ground) -> None:
    async with connected(
        f"{transport}-modern", ground.environ(), ground.root, elicitation_callback=_never
    ) as client:
        result = await _call(client, "disk-7", input_responses=AGREED)
    assert isinstance(result, types.InputRequiredResult)
    assert not ground.marker.exists()


async def test_an_answer_counts_once(ground: Ground) -> None:
    async with connected(
        "http-modern", ground.environ(), ground.root, elicitation_callback=_never
    ) as client:
        asked = await _call(client, "disk-7")
        answer = {"input_responses": AGREED, "request_state": asked.request_state}
        first = await _call(client, "disk-7", **answer)
        again = await _call(client, "disk-7", **answer)
    assert first.structured_content["verdict"] == "succeeded"
    assert isinstance(again, types.InputRequiredResult)


async def test_an_answer_to_an_earlier_process_is_asked_again(ground: Ground) -> None:
    results: list[Any] = []
    answer: dict[str, Any] = {}
    for _ in range(2):
        async with connected(
            "http-modern", ground.environ(), ground.root, elicitation_callback=_never
        ) as client:
            results.append(await _call(client, "disk-7", **answer))
        answer = {"input_responses": AGREED, "request_state": results[0].request_state}
    assert all(isinstance(result, types.InputRequiredResult) for result in results)
    assert not ground.marker.exists()


async def test_an_answer_does_not_count_for_other_arguments(ground: Ground) -> None:
    async with connected(
        "http-modern", ground.environ(), ground.root, elicitation_callback=_never
    ) as client:
        asked = await _call(client, "disk-7")
        answer = {"input_responses": AGREED, "request_state": asked.request_state}
        with pytest.raises(MCPError, match="requestState"):
            await _call(client, "disk-8", **answer)
    assert not ground.marker.exists()


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_refusal_in_no_time_means_that_nobody_was_asked(era: str, ground: Ground) -> None:
    async def decline(_ctx: Any, _params: Any) -> types.ElicitResult:
        return types.ElicitResult(action="decline")

    async with connected(
        f"http-{era}", ground.environ(), ground.root, elicitation_callback=decline
    ) as client:
        result = await client.call_tool("delete-thing", {"name": "disk-7"})
    assert result.is_error
    assert "could not ask" in str(result.content)


async def test_a_trusted_client_need_not_ask(ground: Ground) -> None:
    environ = ground.environ(OPSMCP_CONSENT_UNAVAILABLE="trust-client")
    async with connected("stdio-legacy", environ, ground.root) as client:
        result = await client.call_tool("delete-thing", {"name": "disk-7"})
    assert not result.is_error
    assert ground.marker.exists()
