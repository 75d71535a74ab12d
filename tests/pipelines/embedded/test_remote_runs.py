"""Operations on hosts of an inventory, through a program that stands for ssh."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from opsmcp_pipelines.errors import NotFound
from opsmcp_pipelines.models import Variable
from opsmcp_pipelines.run import Verdict
from opsmcp_pipelines.source import Cancelled
from tests.pipelines.embedded.hosts_engine import Engine, open_engine, task, ticks

NAMES = ("web1", "web2", "db1", "refused-1", "stranger-1", "closed-1", "cut-1", "noisy-1")
READS = '{opsmcp/hosts: many, opsmcp/read-only: "true"}'


MANIFEST = (
    task("say", 'echo "${word} on ${HOSTNAME}"; cat', "echo ${output}")
    + task("fixed", "echo here", spec="  host: localhost\n")
    + task("reads", "echo one", labels=READS, spec="  host: localhost\n")
    + task("changes", "echo one", labels="{opsmcp/hosts: many}", spec="  host: localhost\n")
    + task("fails", "exit 3", "echo never")
    + task("long", "echo begun; sleep 600")
    + task("python", "#!/usr/bin/env python3\nimport os\nprint('${word}', 'HOME' in os.environ)")
)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncGenerator[Engine]:
    async with open_engine(tmp_path, MANIFEST, NAMES) as opened:
        yield opened


def host_variable(engine_tasks: tuple[Variable, ...]) -> Variable:
    return next(one for one in engine_tasks if one.name == "host")


async def test_a_task_runs_on_the_host_that_is_named_with_its_values(engine: Engine) -> None:
    word = 'it\'s $(id) `id` "x"'
    run = await engine.run("say", "web1", word)
    assert run.verdict is Verdict.SUCCEEDED
    (node,) = run.tasks[0].nodes
    assert node.node == "web1"
    assert [step.output for step in node.steps] == [f"{word} on web1\n"] * 2
    assert (engine.calls("web1"), engine.calls("web2")) == (2, 0)


async def test_what_a_login_prints_is_no_output(engine: Engine) -> None:
    run = await engine.run("say", "noisy-1")
    assert run.tasks[0].nodes[0].steps[0].output == "hi on noisy-1\n"


async def test_a_python_step_runs_there_too(engine: Engine) -> None:
    run = await engine.run("python", "web1", 'it\'s "x"')
    assert run.verdict is Verdict.SUCCEEDED, run
    assert run.tasks[0].nodes[0].steps[0].output == 'it\'s "x" True\n'


async def test_this_machine_needs_no_ssh(engine: Engine) -> None:
    run = await engine.run("say", "localhost")
    assert run.verdict is Verdict.SUCCEEDED
    assert run.tasks[0].nodes[0].node == "localhost"


async def test_a_step_that_fails_ends_the_task_there(engine: Engine) -> None:
    run = await engine.run("fails", "web1")
    assert run.verdict is Verdict.FAILED
    (step,) = run.tasks[0].nodes[0].steps
    assert step.note == "exit status 3"


@pytest.mark.parametrize(
    ("host", "why", "calls"),
    [
        ("refused-1", "not reached (Connection refused)", 1),
        ("stranger-1", "host key unknown (a person has to look at its host key: ssh", 1),
        ("closed-1", "connection closed before the login", 3),
    ],
)
async def test_where_nothing_ran_that_is_said_and_only_a_closed_connection_is_tried_again(
    engine: Engine, host: str, why: str, calls: int
) -> None:
    run = await engine.run("say", host)
    assert run.verdict is Verdict.NOTHING_RAN
    (step,) = run.tasks[0].nodes[0].steps
    assert step.note.startswith(f"nothing ran: {why}")
    assert run.tasks[0].explained
    assert step.note in run.reason
    assert engine.calls(host) == calls


async def test_a_connection_that_is_lost_is_neither_good_nor_failed_nor_tried_again(
    engine: Engine,
) -> None:
    run = await engine.run("long", "cut-1")
    assert run.verdict is Verdict.UNKNOWN
    (step,) = run.tasks[0].nodes[0].steps
    assert step.verdict is Verdict.UNKNOWN
    assert "how it ended is not known" in step.note
    assert engine.calls("cut-1") == 1


async def test_a_run_on_another_host_can_be_cancelled(engine: Engine) -> None:
    ref = await engine.start("long", "web1")
    async for _ in ticks(20):
        if "begun" in str(await engine.source.read_run(ref)):
            break
    assert await engine.source.cancel(ref) is Cancelled.STOPPED


async def test_many_hosts_are_offered_where_the_author_says_so(engine: Engine) -> None:
    contents = await engine.source.read()
    found = {one.name: host_variable(one.variables) for one in contents.tasks}
    assert found["fixed"].value == "localhost"
    assert found["say"] == Variable("host", default="localhost", desc="host")
    assert found["changes"] == found["reads"] == replace(found["say"], groups=True)
    assert contents.host_groups["role=web"] == ("web1", "web2")
    assert contents.host_groups["all"] == NAMES


async def test_a_label_means_all_hosts_that_have_it(engine: Engine) -> None:
    run = await engine.run("reads", "role=web")
    assert run.verdict is Verdict.SUCCEEDED
    assert [node.node for node in run.tasks[0].nodes] == ["web1", "web2"]


async def test_a_host_that_was_not_reached_makes_many_fail_and_the_others_are_shown(
    engine: Engine,
) -> None:
    run = await engine.run("reads", "all", reads_only=True)
    assert run.verdict is Verdict.FAILED
    verdicts = {node.node: node.verdict for node in run.tasks[0].nodes}
    assert verdicts["web1"] is Verdict.SUCCEEDED
    assert verdicts["refused-1"] is Verdict.NOTHING_RAN
    assert set(verdicts) == set(NAMES)


async def test_what_is_for_one_host_runs_on_no_group(engine: Engine) -> None:
    run = await engine.run("say", "role=web")
    assert run.verdict is Verdict.FAILED
    assert "the inventory has no host 'role=web'" in str(run)
    assert engine.calls("web1") == 0


async def test_a_host_that_is_not_there_can_neither_run_anything_nor_be_looked_at(
    engine: Engine,
) -> None:
    run = await engine.run("say", "web9")
    assert "the inventory has no host 'web9'" in str(run)
    for name in ("web9", "localhost"):
        with pytest.raises(NotFound):
            await engine.source.look_at_host(name)


async def test_a_host_that_answers_can_be_looked_at(engine: Engine) -> None:
    assert (await engine.source.look_at_host("web1")).answers
    assert not (await engine.source.look_at_host("refused-1")).answers
