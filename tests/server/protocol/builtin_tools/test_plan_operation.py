"""A plan says what a call would do, starts nothing, and can be held against the call."""

from typing import Any

import pytest
import yaml

from tests.own_settings import write_settings
from tests.server.conftest import Ground
from tests.server.harness import connected

CALL = {"name": "delete-thing", "arguments": {"name": "disk-7"}}


async def test_a_plan_names_steps_targets_values_and_the_decision(ground: Ground) -> None:
    async with connected("memory-modern", ground.environ(), ground.root) as client:
        result = await client.call_tool("plan_operation", CALL)
        runs = await client.call_tool("list_runs", {})
    text = str(result.content)
    assert not result.is_error
    assert "disk-7" in text and "confirm" in text and "touch" in text
    assert runs.structured_content == {"runs": []}
    assert not ground.marker.exists()


async def test_a_call_that_carries_another_hash_is_refused(ground: Ground) -> None:
    environ = ground.environ(OPSMCP_CONSENT_UNAVAILABLE="trust-client")
    async with connected("http-modern", environ, ground.root) as client:
        plan = await client.call_tool("plan_operation", CALL)
        good: Any = {"opsmcp/plan-hash": plan.structured_content["plan_hash"]}
        other = await client.call_tool("delete-thing", {"name": "disk-8"}, meta=good)
        assert other.is_error and not ground.marker.exists()
        same = await client.call_tool("delete-thing", {"name": "disk-7"}, meta=good)
    assert same.structured_content["verdict"] == "succeeded"


@pytest.mark.parametrize("name", ["delete-thnig", "get_run"])
async def test_a_plan_of_what_is_no_operation_names_what_is(ground: Ground, name: str) -> None:
    async with connected("memory-legacy", ground.environ(), ground.root) as client:
        result = await client.call_tool("plan_operation", {"name": name, "arguments": {}})
    assert result.is_error


async def test_a_denied_operation_is_not_listed_and_not_called(ground: Ground) -> None:
    rules = {"policy": {"rules": [{"effect": "deny", "operation": "delete-*"}]}}
    write_settings(ground.root, yaml.safe_dump(rules))
    async with connected("memory-modern", ground.environ(), ground.root) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        result = await client.call_tool("delete-thing", {"name": "disk-7"})
    assert "delete-thing" not in names
    assert result.is_error and "policy" in str(result.content).lower()
