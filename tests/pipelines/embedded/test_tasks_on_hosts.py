"""Pipelines whose tasks run on different hosts."""

import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from opsmcp_pipelines.run import Run, Verdict
from opsmcp_pipelines.ssh.named_hosts import HostSettings
from tests.pipelines.embedded.remote import HEAD, Engine, open_engine, write_hosts


def task(name: str, host: str, script: str, *, labels: str = "{}", more: str = "") -> str:
    return (
        f"{HEAD}Task\nmetadata: {{name: {name}, labels: {labels}}}\nspec:\n  desc: d\n"
        f"  host: '{host}'\n{more}  steps:\n  - {{name: s, content: '{script}'}}\n"
    )


def pipeline(name: str, *tasks: str, labels: str = "{}") -> str:
    listed = "".join(f"  - {{taskRef: {one}}}\n" for one in tasks)
    return (
        f"{HEAD}Pipeline\nmetadata: {{name: {name}, labels: {labels}}}\n"
        f"spec:\n  desc: d\n  tasks:\n{listed}"
    )


LEADER = "  variables: {leader: {}}\n"
TWO_STEPS = (
    f"{HEAD}Task\nmetadata: {{name: two, labels: {{opsmcp/hosts: many, "
    'opsmcp/read-only: "true"}}\nspec:\n  desc: d\n  host: localhost\n  steps:\n'
    "  - {name: who, content: 'echo ${HOSTNAME}'}\n"
    "  - {name: again, when: '${steps.who.output} == web1', content: 'echo ${output}'}\n"
)
MANIFEST = "".join(
    (
        task("find", "db1", 'echo "looking"; echo "OPS_RESULT:leader=it${HOSTNAME}"'),
        task("tell", "web1", 'echo "${leader} seen from ${HOSTNAME} as ${host}"', more=LEADER),
        task("here", "localhost", "echo ${HOSTNAME}"),
        task("open", "", "echo ${HOSTNAME}"),
        task("any", "localhost", "echo ${HOSTNAME}", labels="{opsmcp/hosts: one}"),
        task("lost", "web9", "echo never"),
        task("label", "role=web", "echo never"),
        task(
            "many", "localhost", "echo x", labels='{opsmcp/hosts: many, opsmcp/read-only: "true"}'
        ),
        TWO_STEPS,
        f"{HEAD}Pipeline\nmetadata: {{name: chain}}\nspec:\n  desc: d\n  tasks:\n"
        "  - {taskRef: find, results: {leader: s}}\n  - {taskRef: tell}\n  - {taskRef: here}\n",
        f"{HEAD}Pipeline\nmetadata: {{name: hostile}}\nspec:\n  desc: d\n  tasks:\n"
        "  - {taskRef: shout, results: {leader: s}}\n  - {taskRef: tell}\n",
        task("shout", "db1", 'echo "\\$(touch ran) \\"; touch ran; #"'),
        pipeline("follows", "find", "open"),
        pipeline("mixed", "any", "find"),
        pipeline("breaks", "here", "lost"),
        pipeline("reads", "many", labels='{opsmcp/read-only: "true"}'),
        f"{HEAD}Pipeline\nmetadata: {{name: gives, labels: {{opsmcp/read-only: 'true'}}}}\n"
        "spec:\n  desc: d\n  tasks:\n  - {name: a, taskRef: many, results: {leader: s}}\n"
        "  - {name: b, taskRef: many}\n",
    )
)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncGenerator[Engine]:
    hosts = write_hosts(tmp_path / "hosts.yaml", "web1", "web2", "db1", "refused-1")
    async with open_engine(tmp_path, MANIFEST, HostSettings((hosts,))) as opened:
        yield opened


def outputs(run: Run) -> list[tuple[str, str]]:
    """Where each step ran, and the last line that it printed."""
    return [
        (node.node, step.output.splitlines()[-1])
        for part in run.tasks
        for node in part.nodes
        for step in node.steps
    ]


def files_below(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*")}


async def test_each_task_runs_on_its_own_host_and_results_pass_from_host_to_host(
    engine: Engine,
) -> None:
    run = await engine.run("chain", pipeline=True)
    assert run.verdict is Verdict.SUCCEEDED, run
    assert outputs(run) == [
        ("db1", "OPS_RESULT:leader=itdb1"),
        ("web1", "itdb1 seen from web1 as web1"),
        ("localhost", socket.gethostname()),
    ]


async def test_a_result_of_another_host_is_never_code(engine: Engine, tmp_path: Path) -> None:
    run = await engine.run("hostile", pipeline=True)
    assert run.verdict is Verdict.SUCCEEDED, run
    assert outputs(run)[1] == ("web1", '$(touch ran) "; touch ran; # seen from web1 as web1')
    assert "ran" not in files_below(tmp_path)


async def test_a_task_without_a_host_follows_the_first_that_has_one(engine: Engine) -> None:
    run = await engine.run("follows", pipeline=True)
    assert outputs(run)[1] == ("db1", "db1")


async def test_a_caller_chooses_for_the_open_task_alone(engine: Engine) -> None:
    run = await engine.run("mixed", pipeline=True, host="web2")
    assert [node for node, _ in outputs(run)] == ["web2", "db1"]


async def test_what_names_a_host_that_is_not_there_is_withheld_with_the_reason(
    engine: Engine,
) -> None:
    withheld = await engine.withheld()
    assert withheld["lost"] == "it runs on the host 'web9', and the inventory has no such host"
    assert withheld["breaks"].startswith("its task 'lost' cannot run here: it runs on the host")
    assert "a task can name one host here" in withheld["label"]
    assert set(withheld) == {"lost", "breaks", "label"}


async def test_it_is_offered_when_the_inventory_has_the_host(
    engine: Engine, tmp_path: Path
) -> None:
    write_hosts(tmp_path / "hosts.yaml", "web9")
    withheld = await engine.withheld()
    assert "lost" not in withheld
    assert set(withheld) >= {"find", "tell", "chain"}
    run = await engine.run("breaks", pipeline=True)
    assert outputs(run)[1] == ("web9", "never")


async def test_without_an_inventory_a_task_for_another_host_is_withheld(tmp_path: Path) -> None:
    async with open_engine(tmp_path, MANIFEST, None) as engine:
        assert "there is only localhost" in (await engine.withheld())["find"]


async def test_a_pipeline_that_passes_a_result_on_runs_on_one_host(engine: Engine) -> None:
    contents = await engine.contents()
    found = {
        one.name: variable
        for one in contents.pipelines
        for variable in one.variables
        if variable.name == "host"
    }
    assert found["reads"].groups
    assert not found["gives"].groups
    assert not found["mixed"].groups


async def test_outputs_and_conditions_are_those_of_each_host(engine: Engine) -> None:
    run = await engine.run("two", host="all")
    assert run.verdict is Verdict.FAILED  # refused-1 is one of them
    (part,) = run.tasks
    said = {node.node: [step.output for step in node.steps] for node in part.nodes}
    assert said["web1"] == ["web1\n", "web1\n"]
    assert said["web2"] == ["web2\n"]
