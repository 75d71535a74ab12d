"""What runs is what was listed, planned and agreed to: another definition starts nothing."""

from typing import Any

import mcp_types as types
import pytest
from mcp import Client

from tests.server.calls.test_pinned_definitions import approve
from tests.server.conftest import Ground
from tests.server.harness import running, services_of

SHOW: Any = ("show-greeting", {"who": "world"})
DELETE: Any = ("delete-thing", {"name": "disk-7"})
REFUSED = "nothing was started: the definition of pipeline ops-system/"


def environ_of(ground: Ground, **more: str) -> dict[str, str]:
    """Nothing is read again in the time of a test, unless somebody asks for it."""
    return ground.environ(**more) | {"OPSMCP_DISCOVERY_INTERVAL_SECONDS": "600"}


def rewrite(ground: Ground, old: str, new: str) -> None:
    """What somebody with an editor does between the list and the call."""
    path = ground.manifests / "own.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def make_it_write(ground: Ground) -> None:
    rewrite(ground, 'echo "hello', f'touch {ground.marker}; echo "hello')
    rewrite(ground, "desc: show a greeting", "desc: delete what greets")


async def refused(client: Client, call: Any, **more: Any) -> types.CallToolResult:
    result = await client.call_tool(*call, **more)
    assert isinstance(result, types.CallToolResult)
    assert result.is_error
    assert REFUSED in str(result.content)
    return result


@pytest.mark.parametrize("setting", ["PIN", "READ_ONLY"])
async def test_a_script_that_was_rewritten_after_the_list_does_not_run(
    setting: str, ground: Ground
) -> None:
    environ = environ_of(ground, **{f"OPSMCP_POLICY_{setting}": "true"})
    async with running("memory-legacy", environ, ground.root) as run:
        services = services_of(run)
        await approve(services)
        catalogue = (await services.calls.tools.current()).catalogue
        services.clients.adopt(services.clients.build(catalogue))
        async with run.connect() as client:
            assert not (await client.call_tool(*SHOW)).is_error
            make_it_write(ground)
            await refused(client, SHOW)
            # The next call is decided on what the file says now.
            after = await client.call_tool(*SHOW)
            runs = (await client.call_tool("list_runs", {})).structured_content
    assert after.is_error and REFUSED not in str(after.content)
    assert not ground.marker.exists()
    assert runs is not None
    assert [one["verdict"] for one in runs["runs"]] == ["nothing_ran", "succeeded"]


async def test_the_call_after_a_refused_one_runs_what_the_file_says_now(ground: Ground) -> None:
    # So many tools are not made anew before a client can call again.
    label = '  labels: {ops/copilot: enabled, opsmcp/changes: "no"}'
    more = (
        f"---\nkind: Task\nmetadata:\n  name: t{number}\n{label}\n"
        f"spec: {{desc: Shows it, steps: [{{name: a, content: echo {number}}}]}}\n"
        for number in range(300)
    )
    ground.manifests.joinpath("more.yaml").write_text("".join(more), "utf-8")
    async with (
        running("memory-modern", environ_of(ground), ground.root) as run,
        run.connect() as client,
    ):
        await client.list_tools()
        for before, now in (("hello", "good evening"), ("good evening", "good morning")):
            rewrite(ground, f'echo "{before}', f'echo "{now}')
            refusal = await refused(client, SHOW)
            assert "lan the call again" not in str(refusal.content)
            after = await client.call_tool(*SHOW)
            assert not after.is_error and f"{now} world" in str(after.content)


async def test_a_plan_of_the_old_script_does_not_start_the_new_one(ground: Ground) -> None:
    environ = environ_of(ground, OPSMCP_CONSENT_UNAVAILABLE="trust-client")
    async with running("memory-modern", environ, ground.root) as run, run.connect() as client:
        asked = {"name": DELETE[0], "arguments": DELETE[1]}
        plan: Any = (await client.call_tool("plan_operation", asked)).structured_content
        rewrite(ground, "deleted ${name}", "removed ${name}")
        await refused(client, DELETE, meta={"opsmcp/plan-hash": plan["plan_hash"]})
    assert not ground.marker.exists()


async def test_a_yes_to_the_old_script_does_not_start_the_new_one(ground: Ground) -> None:
    async def agree(_context: Any, _asked: Any) -> types.ElicitResult:
        rewrite(ground, "deleted ${name}", "removed ${name}")
        return types.ElicitResult(action="accept", content={})

    async with (
        running("memory-legacy", environ_of(ground), ground.root) as run,
        run.connect(elicitation_callback=agree) as client,
    ):
        await refused(client, DELETE)
    assert not ground.marker.exists()


async def test_an_argument_that_the_file_no_longer_has_is_not_dropped(ground: Ground) -> None:
    async with (
        running("memory-modern", environ_of(ground), ground.root) as run,
        run.connect() as client,
    ):
        await client.list_tools()
        rewrite(ground, '    topk: {default: "1", desc: how often}\n', "")
        await refused(client, ("show-greeting", {"who": "world", "topk": 3}))


async def test_a_definition_that_is_gone_starts_nothing(ground: Ground) -> None:
    async with (
        running("memory-modern", environ_of(ground), ground.root) as run,
        run.connect() as client,
    ):
        await client.list_tools()
        rewrite(ground, "{name: show-greeting, namespace: ops-system}", "{name: other}")
        result = await client.call_tool(*SHOW)
        after = await client.call_tool(*SHOW)
    assert result.is_error and after.is_error
    assert "nothing was started: the embedded engine has pipeline" in str(result.content)
    assert "show-greeting is withheld: it refers to the task" in str(after.content)
