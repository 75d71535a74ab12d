"""Consent on 2026-07-28: a state of ours, once, for these arguments; and how haste is read."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
import pytest
from anyio import to_thread
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

from opsmcp_server.protocol.results import STRUCTURED
from tests.server.conftest import Ground
from tests.server.harness import connected, running, services_of, serving
from tests.server.people import client_of, known_by_name

AGREED: Any = {"consent": types.ElicitResult(action="accept", content={})}
_NO_LIMIT = {"OPSMCP_LIMITS_CALLS_PER_MINUTE": "0"}
CAN_ASK = types.ElicitationCapability(form=types.FormElicitationCapability())


async def _never(*_args: Any) -> types.ElicitResult:
    raise AssertionError("the client drives the rounds itself here")


async def _call(client: Client, name: str, **more: Any) -> Any:
    return await client.session.call_tool(
        "delete-thing",
        {"name": name},
        meta={STRUCTURED: True},
        allow_input_required=True,
        **more,
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


@asynccontextmanager
async def anna_and_bert(ground: Ground) -> AsyncGenerator[tuple[Client, Client]]:
    """Two people at one server."""
    asking: Any = {"elicitation_callback": _never}
    async with (
        running("memory-modern", ground.environ(**_NO_LIMIT), ground.root) as run,
        serving(services_of(run), known_by_name) as url,
        client_of("anna", url, "modern", **asking) as anna,
        client_of("bert", url, "modern", **asking) as bert,
    ):
        yield anna, bert


async def test_an_answer_does_not_count_for_another_principal(ground: Ground) -> None:
    async with anna_and_bert(ground) as (anna, bert):
        asked = await _call(anna, "disk-7")
        answer = {"input_responses": AGREED, "request_state": asked.request_state}
        with pytest.raises(MCPError, match="requestState"):
            await _call(bert, "disk-7", **answer)
        assert not ground.marker.exists()
        done = await _call(anna, "disk-7", **answer)
    assert done.structured_content["verdict"] == "succeeded"


async def test_many_questions_of_one_principal_leave_those_of_others_open(ground: Ground) -> None:
    async with anna_and_bert(ground) as (anna, bert):
        first, of_bert = await _call(anna, "disk-7"), await _call(bert, "disk-7")
        for number in range(64):
            await _call(anna, f"disk-{number}")
        late = {"input_responses": AGREED, "request_state": first.request_state}
        again = await _call(anna, "disk-7", **late)
        answer = {"input_responses": AGREED, "request_state": of_bert.request_state}
        done = await _call(bert, "disk-7", **answer)
    assert isinstance(again, types.InputRequiredResult)
    assert done.structured_content["verdict"] == "succeeded"


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_refusal_in_no_time_says_that_perhaps_nobody_was_asked(
    era: str, ground: Ground
) -> None:
    async def decline(_ctx: Any, _params: Any) -> types.ElicitResult:
        return types.ElicitResult(action="decline")

    async with connected(
        f"http-{era}", ground.environ(), ground.root, elicitation_callback=decline
    ) as client:
        result = await client.call_tool("delete-thing", {"name": "disk-7"})
    assert result.is_error
    assert "perhaps without asking anybody" in str(result.content)


async def test_a_trusted_client_need_not_ask(ground: Ground) -> None:
    environ = ground.environ(OPSMCP_CONSENT_UNAVAILABLE="trust-client")
    async with connected("stdio-legacy", environ, ground.root) as client:
        result = await client.call_tool("delete-thing", {"name": "disk-7"})
    assert not result.is_error
    assert ground.marker.exists()


@pytest.mark.parametrize("link", ["memory-legacy", "memory-modern"])
async def test_a_bad_key_is_refused_before_anybody_is_asked(link: str, ground: Ground) -> None:
    async with connected(
        link, ground.environ(), ground.root, elicitation_callback=_never
    ) as client:
        meta: Any = {"opsmcp/idempotency-key": 5}
        result = await client.call_tool("delete-thing", {"name": "disk-7"}, meta=meta)
    assert result.is_error
    assert "opsmcp/idempotency-key in _meta must be a text" in str(result.content)


_GATED = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {{name: restart-gated, namespace: ops-system, labels: {{ops/copilot: enabled}}}}
spec:
  desc: restart what comes through the gate
  host: localhost
  steps: [{{name: wait, content: 'cat {gate}'}}]
"""


@pytest.mark.parametrize("link", ["memory-modern", "http-modern"])
async def test_a_call_whose_answer_was_lost_joins_its_run_without_a_question(
    link: str, ground: Ground
) -> None:
    (ground.manifests / "gated.yaml").write_text(_GATED.format(gate=ground.gate), "utf-8")
    environ = ground.environ(OPSMCP_RUN_WAIT_SECONDS="0.2")
    async with connected(link, environ, ground.root, elicitation_callback=_never) as client:

        async def call(**answer: Any) -> Any:
            return await client.session.call_tool(
                "restart-gated", {}, meta={STRUCTURED: True}, allow_input_required=True, **answer
            )

        asked = await call()
        answer = {"input_responses": AGREED, "request_state": asked.request_state}
        first, again = await call(**answer), await call(**answer)
        without = await call()
        await to_thread.run_sync(ground.open_gate)
        run = first.structured_content["run"]
        await client.call_tool("get_run", {"run": run})
        after = await call(**answer)
    assert again.structured_content["run"] == run
    assert "Nothing new was started" in str(again.content)
    assert isinstance(without, types.InputRequiredResult)
    assert isinstance(after, types.InputRequiredResult)


RUN_JOB = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: run-job, labels: {ops/copilot: enabled}}
spec: {desc: Runs the nightly job again, steps: [{content: /opt/jobs/etl}]}
"""


async def test_who_has_to_agree_hears_no_more_of_an_operation_than_is_known(ground: Ground) -> None:
    (ground.manifests / "job.yaml").write_text(RUN_JOB, "utf-8")
    environ = ground.environ(OPSMCP_EXPOSE_TASKS="labelled")
    async with connected("memory-modern", environ, ground.root) as client:
        results: list[Any] = [
            await client.call_tool("delete-thing", {"name": "disk-7"}),
            await client.call_tool("run-job", {}),
        ]
    said = [result.content[0].text for result in results]
    assert said[0].startswith("delete-thing changes something, so a person has to agree, and")
    assert said[1].startswith("A person has to agree to run-job (nothing says that it only reads)")
