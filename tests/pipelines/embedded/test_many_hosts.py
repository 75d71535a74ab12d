"""One run on many hosts: its verdict from theirs, the brakes, and what is told of those left."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from opsmcp_pipelines.errors import DefinitionChanged, SourceRefused
from opsmcp_pipelines.many_hosts import Brakes
from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_pipelines.run import Run, Verdict
from opsmcp_pipelines.source import Cancelled, StartRequest
from tests.pipelines.embedded.hosts_engine import HEAD, Engine, key, open_engine, task, ticks

MANY = "{opsmcp/hosts: many}"
NAMES = (
    *(f"web{number}" for number in range(1, 7)),
    "bad1",
    "bad2",
    "refused-1",
    "stranger-1",
    "cut-1",
)
# It fails on hosts that are called so, and tells of itself where a script may look.
WORK = """case ${HOSTNAME} in bad*) exit 3;; cut*) sleep 30;; esac
echo "${host} ${HOSTNAME}"
"""
MANIFEST = (
    task("work", WORK, "echo second", labels=MANY)
    + task("long", "echo begun; sleep 600", labels=MANY)
    + task("deaf", "trap '' TERM; echo begun; while :; do sleep 1; done", labels=MANY)
    + task("loud", "head -c 100000 /dev/zero | tr '\\0' x", labels=MANY)
    + task("late", "echo first", "case ${HOSTNAME} in cut*) sleep 30;; esac", labels=MANY)
    + f"{HEAD}Pipeline\nmetadata: {{name: both}}\nspec:\n  desc: d\n  tasks:\n"
    "  - {name: one, taskRef: work}\n  - {name: two, taskRef: work}\n"
    f"{HEAD}Pipeline\nmetadata: {{name: gives}}\nspec:\n  desc: d\n  tasks:\n"
    "  - {name: one, taskRef: work, results: {found: s1}}\n  - {name: two, taskRef: work}\n"
    f"{HEAD}Pipeline\nmetadata: {{name: tells}}\nspec:\n  desc: d\n  tasks:\n"
    "  - {name: one, taskRef: work, results: {found: s1}}\n"
)
FREE = Brakes(canary=0, stop_after=0)


@asynccontextmanager
async def engine_with(folder: Path, brakes: Brakes = FREE) -> AsyncGenerator[Engine]:
    async with open_engine(folder, MANIFEST, NAMES, brakes) as opened:
        yield opened


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncGenerator[Engine]:
    async with engine_with(tmp_path) as opened:
        yield opened


def ends(run: Run) -> dict[str, str]:
    """How it ended on each host."""
    return {node.node: str(node.verdict) for node in run.tasks[0].nodes}


def note(run: Run, host: str) -> str:
    return next(node.steps[-1].note for node in run.tasks[0].nodes if node.node == host)


@pytest.mark.parametrize(
    ("hosts", "reads_only", "verdict"),
    [
        ("web1,web2", False, Verdict.SUCCEEDED),
        ("web1,cut-1", False, Verdict.UNKNOWN),
        ("web1,bad1,cut-1", False, Verdict.UNKNOWN),
        ("web1,cut-1", True, Verdict.FAILED),
        ("web1,bad1", False, Verdict.FAILED),
        ("bad1,refused-1", False, Verdict.FAILED),
        ("web1,refused-1", False, Verdict.FAILED),
        ("refused-1,stranger-1", False, Verdict.NOTHING_RAN),
    ],
)
async def test_the_verdict_on_several_hosts_follows_from_each_of_them(
    engine: Engine, hosts: str, reads_only: bool, verdict: Verdict
) -> None:
    run = await engine.run("work", hosts, reads_only=reads_only)
    assert run.verdict is verdict
    assert run.tasks[0].verdict is verdict
    assert set(ends(run)) == set(hosts.split(","))


async def test_the_reason_names_every_host_where_it_did_not_succeed(engine: Engine) -> None:
    run = await engine.run("work", "web1,bad1,refused-1,cut-1")
    assert "on cut-1" in run.reason
    assert "it failed on bad1" in run.reason
    assert "nothing ran on refused-1" in run.reason


async def test_each_host_finds_its_own_name_in_the_variable_host(engine: Engine) -> None:
    run = await engine.run("work", "web2,role=web,localhost")
    outputs = {node.node: node.steps[0].output for node in run.tasks[0].nodes}
    assert list(outputs) == ["localhost", *NAMES[:6]]
    assert outputs["web2"] == "web2 web2\n"
    assert outputs["localhost"].startswith("localhost ")


async def test_a_lost_connection_before_the_last_step_is_not_known_either(engine: Engine) -> None:
    run = await engine.run("late", "web1,cut-1")
    assert run.verdict is Verdict.UNKNOWN
    assert ends(run) == {"web1": "succeeded", "cut-1": "unknown"}


async def test_nothing_ran_is_said_of_a_run_only_if_no_task_of_it_did_anything(
    engine: Engine,
) -> None:
    contents = await engine.source.read()
    definition = contents.definition(OperationKey(OperationKind.PIPELINE, "ops-system", "both"))
    assert definition is not None
    for host, verdict in (("refused-1,stranger-1", "nothing_ran"), ("bad1,refused-1", "failed")):
        ref = await engine.source.start(StartRequest(definition, f"r-{host}", {"host": host}))
        run = await engine.judged(ref, host)
        assert run.verdict == verdict
        assert engine.calls("refused-1") <= 2  # the second task was not begun


async def test_what_a_task_gives_to_later_ones_is_of_one_host(engine: Engine) -> None:
    contents = await engine.source.read()
    many = {
        pipeline.name: next(one.groups for one in pipeline.variables if one.name == "host")
        for pipeline in contents.pipelines
    }
    assert many == {"both": True, "gives": False, "tells": True}


async def test_what_the_last_task_tells_is_a_result_where_it_ran_on_one_host(
    engine: Engine,
) -> None:
    key = OperationKey(OperationKind.PIPELINE, "ops-system", "tells")
    definition = (await engine.source.read()).definition(key)
    assert definition is not None
    told: dict[str, dict[str, str]] = {}
    for host in ("web1", "web1,web2"):
        ref = await engine.source.start(StartRequest(definition, f"r-{host}", {"host": host}))
        run = await engine.judged(ref, host)
        assert run.verdict == "succeeded"
        told[host] = dict(run.results)
    assert list(told["web1"]) == ["found"] and not told["web1,web2"]


async def test_the_first_host_of_the_inventory_goes_first_and_the_others_only_if_it_succeeds(
    tmp_path: Path,
) -> None:
    async with engine_with(tmp_path, Brakes()) as engine:
        good = await engine.run("work", "web1,web2,web3")
        bad = await engine.run("work", "bad1,refused-1,cut-1")
    assert good.verdict is Verdict.SUCCEEDED
    assert bad.verdict is Verdict.FAILED
    assert ends(bad) == {"bad1": "failed", "refused-1": "nothing_ran", "cut-1": "nothing_ran"}
    assert note(bad, "cut-1") == "skipped: bad1, which went first, did not succeed (hosts.canary)"
    assert engine.calls("cut-1") == 0


async def test_after_so_many_hosts_without_success_no_more_are_begun(tmp_path: Path) -> None:
    async with engine_with(tmp_path, Brakes(at_once=1, canary=0, stop_after=2)) as engine:
        run = await engine.run("work", "all")
    assert run.verdict is Verdict.FAILED
    assert [*ends(run).values()] == ["succeeded"] * 6 + ["failed"] * 2 + ["nothing_ran"] * 3
    assert "2 before it did not succeed (hosts.stop_after)" in note(run, "refused-1")
    assert engine.calls("refused-1") == 0


async def test_what_only_reads_is_held_back_by_nothing(tmp_path: Path) -> None:
    async with engine_with(tmp_path, Brakes(at_once=1)) as engine:
        run = await engine.run("work", "bad1,bad2,refused-1", reads_only=True)
    assert [engine.calls(name) for name in ("bad1", "bad2", "refused-1")] == [1, 1, 1]
    assert run.verdict is Verdict.FAILED


async def test_no_more_hosts_are_at_work_than_allowed(tmp_path: Path) -> None:
    async with engine_with(tmp_path, Brakes(at_once=2, canary=0)) as engine:
        ref = await engine.start("long", "role=web")
        async for _ in ticks(20):
            if str(await engine.source.read_run(ref)).count("begun") == 2:
                break
        begun = [engine.calls(f"web{number}") for number in range(1, 7)]
        assert await engine.source.cancel(ref) is Cancelled.STOPPED
        run = await engine.judged(ref, "role=web")
    assert begun == [1, 1, 0, 0, 0, 0]
    assert run.verdict is Verdict.CANCELLED
    assert [*ends(run).values()] == ["cancelled"] * 2 + ["nothing_ran"] * 4
    assert note(run, "web3") == "skipped: cancelled before its turn"


async def test_a_run_that_lost_a_host_before_it_was_cancelled_is_not_called_cancelled(
    engine: Engine,
) -> None:
    ref = await engine.start("long", "web1,cut-1")
    async for _ in ticks(20):
        if "is not known" in str(await engine.source.read_run(ref)):
            break
    assert await engine.source.cancel(ref) is Cancelled.GOES_ON
    run = await engine.judged(ref, "web1,cut-1")
    assert run.verdict is Verdict.UNKNOWN
    assert "whether it ended on cut-1 is not known" in note(run, "web1")


async def test_hosts_that_are_others_than_those_decided_on_start_nothing(engine: Engine) -> None:
    definition = (await engine.source.read()).definition(key("work"))
    assert definition is not None
    decided = frozenset({"web1", "web2"})
    request = StartRequest(definition, "r-x", {"host": "role=web"}, hosts=decided)
    with pytest.raises(DefinitionChanged, match="'role=web' means are others now"):
        await engine.source.start(request)
    assert engine.calls("web1") == 0


async def test_a_name_that_is_not_there_makes_a_list_of_hosts_worth_nothing(
    engine: Engine,
) -> None:
    run = await engine.run("work", "web1,web99")
    assert run.verdict is Verdict.FAILED
    assert "no host 'web1,web99'" in str(run)
    assert engine.calls("web1") == 0


async def test_of_many_hosts_less_of_each_output_is_kept(tmp_path: Path) -> None:
    names = [f"web{number}" for number in range(66)]
    async with open_engine(tmp_path, MANIFEST, names, FREE) as engine:
        run = await engine.run("loud", "all")
    steps = [node.steps[0] for node in run.tasks[0].nodes]
    assert run.verdict is Verdict.SUCCEEDED
    assert {step.output_bytes for step in steps} == {100_000}
    assert max(len(step.output) for step in steps) < 20_000


async def test_more_hosts_than_a_run_may_have_start_nothing(tmp_path: Path) -> None:
    names = [f"web{number}" for number in range(501)]
    async with open_engine(tmp_path, MANIFEST, names, FREE) as engine:
        with pytest.raises(
            SourceRefused, match="'all' means 501 hosts, and a run takes at most 500"
        ):
            await engine.start("work", "all")
    assert engine.calls("web0") == 0
