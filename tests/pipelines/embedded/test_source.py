import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import anyio
import pytest
from anyio.lowlevel import checkpoint

from opsmcp_pipelines.embedded.source import (
    EmbeddedSettings,
    EmbeddedSource,
    open_embedded_source,
)
from opsmcp_pipelines.errors import DefinitionChanged, NotFound, SourceUnavailable
from opsmcp_pipelines.models import Definition, OperationKey, OperationKind, Task
from opsmcp_pipelines.run import RunReport, Status, StepReport, Verdict
from opsmcp_pipelines.source import Cancelled, RunRef, StartRequest
from opsmcp_pipelines.verdict.judge import judge

HEAD = "apiVersion: crd.chenshaowen.com/v1\nkind: "


def task(name: str, steps: str, variables: str = "{}") -> str:
    return (
        f"{HEAD}Task\nmetadata: {{name: {name}}}\nspec:\n  variables: {variables}\n"
        f"  steps:\n{steps}\n---\n"
    )


def step(name: str, content: str, extra: str = "") -> str:
    body = "".join(f"        {line}\n" for line in content.splitlines())
    return f"    - name: {name}\n      content: |\n{body}{extra and f'      {extra}'}\n"


def pipeline(name: str, tasks: str, variables: str = "{}") -> str:
    return (
        f"{HEAD}Pipeline\nmetadata: {{name: {name}}}\n"
        f"spec:\n  variables: {variables}\n  tasks: {tasks}\n---\n"
    )


async def ticks(seconds: float) -> AsyncIterator[None]:
    end = anyio.current_time() + seconds
    while anyio.current_time() < end:
        yield
        await anyio.sleep(0.01)


class Engine:
    def __init__(self, source: EmbeddedSource) -> None:
        self.source = source

    async def start(self, name: str, variables: Mapping[str, str] = {}) -> RunRef:
        kind = OperationKind.PIPELINE if name.startswith("p") else OperationKind.TASK
        key = OperationKey(kind, "ops-system", name)
        definition = (await self.source.read()).definition(key)
        assert definition is not None
        # What a run left is found by its name, also by tests that run beside this one.
        call_id = f"r-{uuid4().hex[:10]}"
        return await self.source.start(StartRequest(definition, call_id, variables))

    async def until(self, ref: RunRef, done: Callable[[RunReport], bool]) -> RunReport:
        async for _ in ticks(20):
            if done(report := await self.source.read_run(ref)):
                return report
        raise AssertionError("the run did not get there")

    async def end(self, ref: RunRef) -> RunReport:
        return await self.until(ref, lambda report: report.status.ended)

    async def run(self, name: str, variables: Mapping[str, str] = {}) -> RunReport:
        return await self.end(await self.start(name, variables))


Open = Callable[..., AbstractAsyncContextManager[Engine]]


@pytest.fixture
def engine(tmp_path: Path) -> Open:
    @asynccontextmanager
    async def open_engine(manifest: str, **more: object) -> AsyncGenerator[Engine, None]:
        folder = tmp_path / "manifests"
        folder.mkdir(exist_ok=True)
        (folder / "all.yaml").write_text(manifest, encoding="utf-8")
        environ = {"PATH": os.environ["PATH"], "OPS_TOKEN": "secret", "HOME": str(tmp_path)}  # noqa: TID251
        settings = EmbeddedSettings(environ, manifests=(folder,), bundled=False)
        for name, value in more.items():
            object.__setattr__(settings, name, value)
        async with open_embedded_source(settings) as source:
            yield Engine(source)

    return open_engine


def steps_of(report: RunReport, number: int = 0) -> tuple[StepReport, ...]:
    return report.tasks[number].nodes[0].steps


def outputs(report: RunReport, number: int = 0) -> list[str]:
    return [step.output for step in steps_of(report, number)]


async def test_task_runs_its_steps_with_values(engine: Open) -> None:
    steps = step("a", "echo ${x}; echo err >&2") + step("b", "cat; pwd | grep -c opsmcp-")
    async with engine(task("t", steps, "{x: {default: 5}}")) as runs:
        report = await runs.run("t", {"x": "$(id) *"})
        assert judge(report).verdict is Verdict.SUCCEEDED
        assert outputs(report) == ["$(id) *\nerr\n", "1\n"]
        assert steps_of(report)[0].output_bytes == 12
        assert steps_of(await runs.run("t", {"x": ""}))[0].output == "5\nerr\n"


async def test_each_step_that_ends_is_told_and_nothing_more_of_what_is_over(engine: Open) -> None:
    async with engine(task("t", step("a", "echo one") + step("b", "echo two"))) as runs:
        ref = await runs.start("t")
        with anyio.fail_after(60):
            await runs.source.changed(ref)
            assert outputs(await runs.source.read_run(ref))[0] == "one\n"
            await runs.source.changed(ref)
            await runs.source.changed(ref)  # at once, until it is read again
            assert (await runs.source.read_run(ref)).status is Status.SUCCEEDED
        with anyio.move_on_after(0.05) as nothing:
            await runs.source.changed(ref)
        assert nothing.cancelled_caught


async def test_steps_see_a_small_environment(engine: Open) -> None:
    async with engine(task("t", step("a", "env"))) as runs:
        names = {line.partition("=")[0] for line in outputs(await runs.run("t"))[0].splitlines()}
    assert names <= {"PATH", "HOME", "PWD", "SHLVL", "_", "OLDPWD", "OPS_STEP_OF"}


async def test_python_step_runs_with_python(engine: Open) -> None:
    content = "#!/usr/bin/env python3\nimport sys\nprint(sys.executable, '${x}')"
    async with engine(task("t", step("a", content), "{x: {}}")) as runs:
        assert outputs(await runs.run("t", {"x": "a b"})) == [f"{sys.executable} a b\n"]


async def test_failure_ends_the_task_and_tells_the_status(engine: Open) -> None:
    steps = step("a", "echo out; exit 3") + step("b", "echo never")
    async with engine(task("t", steps)) as runs:
        report = await runs.run("t")
    assert report.status is Status.FAILED
    assert steps_of(report) == (StepReport("a", Status.FAILED, "out\n", 4, note="exit status 3"),)


async def test_signal_is_told(engine: Open) -> None:
    async with engine(task("t", step("a", "kill -9 $$"))) as runs:
        assert steps_of(await runs.run("t"))[0].note == "ended by signal SIGKILL"


async def test_allowed_failure_goes_on(engine: Open) -> None:
    steps = step("a", "exit 1", "allowfailure: 'true'")
    steps += step("b", "echo ${status}") + step("c", "exit 2", "allowfailure: maybe")
    async with engine(task("t", steps)) as runs:
        first, second, third = steps_of(await runs.run("t"))
    assert (first.allowed, second.output) == (True, "Failed\n")
    assert (third.allowed, "allowfailure" in third.note) == (False, True)


async def test_whether_a_step_may_fail_is_no_callers_choice(engine: Open) -> None:
    text = task("t", step("a", "exit 1", "allowfailure: ${ok}"), "{ok: {default: 'true'}}")
    async with engine(text) as runs:
        [found] = steps_of(await runs.run("t"))
    assert (found.allowed, "no value is filled in there" in found.note) == (False, True)


async def test_conditions_and_outputs_of_earlier_steps(engine: Open) -> None:
    steps = step("a", "echo ' hi'") + step("b", "echo no", "when: ${output} == bye")
    steps += step("c", "echo [${steps.a.output}${steps.b.output}]", "when: ${output} == hi")
    async with engine(task("t", steps)) as runs:
        assert outputs(await runs.run("t")) == [" hi\n", "[ hi]\n"]


async def test_task_whose_steps_were_all_skipped_says_so(engine: Open) -> None:
    async with engine(task("t", step("a", "echo", "when: 'false'"))) as runs:
        report = await runs.run("t")
    assert (report.tasks[0].skipped, report.tasks[0].nodes) == (True, ())


async def test_broken_condition_is_a_failure_that_names_the_step(engine: Open) -> None:
    async with engine(task("t", step("a", "echo", "when: 1 = = 2"))) as runs:
        (only,) = steps_of(await runs.run("t"))
    assert (only.name, only.status) == ("a", Status.FAILED)
    assert only.note.startswith("not run: `when`:")


async def test_an_output_that_begins_like_an_option_is_no_argument(engine: Open) -> None:
    steps = (
        step("a", "printf %s -n")
        + step("b", 'grep "${output}" /dev/null')
        + step("c", "echo never")
    )
    async with engine(task("t", steps)) as runs:
        first, last = steps_of(await runs.run("t"))
    assert first.status is Status.SUCCEEDED
    assert last.note.startswith("not run: the value of 'output' begins with '-'")


async def test_an_output_behind_two_dashes_is_an_argument(engine: Open) -> None:
    steps = step("a", "printf %s -x") + step("b", 'echo -x | grep -c -- "${output}"')
    async with engine(task("t", steps)) as runs:
        assert outputs(await runs.run("t")) == ["-x", "1\n"]


async def test_required_variable_without_a_value_fails_clearly(engine: Open) -> None:
    async with engine(task("t", step("a", "echo"), "{x: {required: true}}")) as runs:
        report = await runs.run("t")
        assert steps_of(report)[0].note == "not run: no value for the required 'x'"
        assert judge(report).verdict is Verdict.FAILED


async def test_fixed_value_beats_the_caller(engine: Open) -> None:
    async with engine(task("t", step("a", "echo ${x}"), "{x: {value: blue}}")) as runs:
        assert outputs(await runs.run("t", {"x": "red"})) == ["blue\n"]


async def test_other_host_is_refused(engine: Open) -> None:
    async with engine(task("t", step("a", "echo"))) as runs:
        assert "has no host" in steps_of(await runs.run("t", {"host": "web-1"}))[0].note


RESULTS = (
    task("make", step("a", "echo 'OPS_RESULT:k=v 1'") + step("b", "echo token:abc; echo whole"))
    + task("use", step("a", "echo [${k}] [${w}] [${token}]"), "{k: {required: true}, token: {}}")
    + pipeline("p", "[{taskRef: make, results: {k: a, w: b}}, {taskRef: use}]")
)


def found_leader(printed: str, kind: str) -> str:
    labelled = pipeline("p", "[{taskRef: find, results: {leader: a}}, {taskRef: use}]").replace(
        "{name: p}", f"{{name: p, labels: {{opsmcp/kind.leader: {kind}}}}}"
    )
    use = task("use", step("a", 'echo "[${leader}]"'), "{leader: {required: true}}")
    return task("find", step("a", f"printf '%s' '{printed}'")) + use + labelled


@pytest.mark.parametrize(
    ("printed", "kind", "value"),
    [
        ("db-1\n", "host", "db-1"),
        ("/srv/x/", "path", "/srv/x"),
        ("db-1, db-2", "list.host.comma", "db-1,db-2"),
        ("17", "count", "17"),
    ],
)
async def test_a_result_of_a_declared_kind_is_that_kind_from_there_on(
    engine: Open, printed: str, kind: str, value: str
) -> None:
    async with engine(found_leader(printed, kind)) as runs:
        report = await runs.run("p")
    assert report.tasks[0].results == {"leader": value}
    assert outputs(report, 1) == [f"[{value}]\n"]


@pytest.mark.parametrize(
    ("printed", "kind", "shown"),
    [
        ("n/a (2 left)", "host", "'n/a (2 left)'"),
        ("-rf", "token", "'-rf'"),
        ("db-1,--all", "list.host.comma", "'db-1,--all'"),
        ("", "host", "''"),
        ("x" * 70, "count", repr("x" * 60) + "…"),
    ],
)
async def test_a_result_that_is_not_what_its_author_says_ends_the_run(
    engine: Open, printed: str, kind: str, shown: str
) -> None:
    async with engine(found_leader(printed, kind)) as runs:
        report = await runs.run("p")
    assert [one.status for one in report.tasks] == [Status.FAILED]
    assert steps_of(report)[-1].note == f"the result 'leader' of task 'find' is no {kind}: {shown}"


@pytest.mark.parametrize("kind", ["choice", "bound", "hosts"])
async def test_a_kind_that_no_label_can_declare_withholds_the_pipeline(
    engine: Open, kind: str
) -> None:
    async with engine(found_leader("$(id)", kind)) as runs:
        contents = await runs.source.read()
    [problem] = contents.problems
    assert problem.operation == "p" and "p" not in {one.name for one in contents.pipelines}
    assert "all.yaml:27: the label opsmcp/kind.leader names no kind" in problem.reason


async def test_kinds_of_a_result_that_disagree_end_the_run(engine: Open) -> None:
    manifests = found_leader("db-1", "host").replace("labels: {opsmcp/kind.leader: host}", "")
    for task_name, kind in (("find", "host"), ("use", "count")):
        labelled = f"{{name: {task_name}, labels: {{opsmcp/kind.leader: {kind}}}}}"
        manifests = manifests.replace(f"{{name: {task_name}}}", labelled)
    async with engine(manifests) as runs:
        report = await runs.run("p")
    assert "its tasks declare 'leader' as host and as count" in steps_of(report)[-1].note


async def test_only_declared_results_reach_later_tasks(engine: Open) -> None:
    async with engine(RESULTS) as runs:
        report = await runs.run("p")
    assert report.tasks[0].results == {"k": "v 1", "w": "token:abc\nwhole"}
    assert outputs(report, 1) == ["[v 1] [token:abc\nwhole] []\n"]


async def test_after_a_failure_only_run_always_tasks_run(engine: Open) -> None:
    tasks = task("bad", step("a", "exit 1")) + task("good", step("a", "echo"))
    refs = "[{taskRef: bad}, {taskRef: good}, {name: last, taskRef: good, runAlways: true}]"
    async with engine(tasks + pipeline("p", refs)) as runs:
        report = await runs.run("p")
    assert report.status is Status.FAILED
    assert [found.name for found in report.tasks] == ["bad", "last"]


async def test_allowed_failure_of_a_task_goes_on(engine: Open) -> None:
    tasks = task("bad", step("a", "exit 1")) + task("good", step("a", "echo"))
    refs = "[{taskRef: bad, allowFailure: true}, {taskRef: good}]"
    async with engine(tasks + pipeline("p", refs)) as runs:
        report = await runs.run("p")
    assert (report.status, len(report.tasks)) == (Status.SUCCEEDED, 2)
    assert judge(report).verdict is Verdict.SUCCEEDED


async def test_deadline_of_a_step_stops_all_that_it_started(engine: Open, tmp_path: Path) -> None:
    content = f"(trap '' TERM; sleep 60) & echo $! > {tmp_path}/pid; sleep 60"
    async with engine(task("t", step("a", content, "timeoutSeconds: 1"))) as runs:
        (only,) = steps_of(await runs.run("t"))
    assert only.note == "stopped after 1 s (timeoutSeconds)"
    await until_dead(tmp_path / "pid")


async def until_dead(pid_file: Path) -> None:
    pid = int(pid_file.read_text(encoding="utf-8"))  # noqa: ASYNC240 - a test
    async for _ in ticks(5):
        if not is_running(pid):
            return
    raise AssertionError("the process is still there")


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


async def test_background_children_do_not_hold_a_step(engine: Open, tmp_path: Path) -> None:
    content = f"sleep 60 & echo $! > {tmp_path}/pid; echo done"
    async with engine(task("t", step("a", content))) as runs:
        (only,) = steps_of(await runs.run("t"))
    assert (only.status, only.output) == (Status.SUCCEEDED, "done\n")
    assert "left processes behind" in only.note
    await until_dead(tmp_path / "pid")


class _Broken:
    """A masker that fails once."""

    whole = True

    def text(self, text: str) -> str:
        if self.whole:
            self.whole = False
            raise RuntimeError
        return text


async def test_a_failure_of_opsmcp_itself_ends_one_run_only(engine: Open) -> None:
    noisy = task("t", step("a", "head -c 200000 /dev/zero | tr '\\0' x"))
    quiet = task("t2", step("a", "echo fine"))

    broken = _Broken()

    def masking(_secrets: frozenset[str]) -> _Broken:
        return broken

    async with engine(noisy + quiet, output_bytes=1000, masking=masking) as runs:
        ref = await runs.start("t")
        await runs.source.changed(ref)
        run = judge(await runs.source.read_run(ref))
        assert (await runs.run("t2")).status is Status.SUCCEEDED
    assert run.verdict is Verdict.ABORTED
    assert "opsmcp itself failed" in run.reason


async def test_output_shows_while_it_runs_and_cancel_ends_the_group(
    engine: Open, tmp_path: Path
) -> None:
    content = f"sleep 60 & echo $! > {tmp_path}/pid; echo here; wait"
    async with engine(task("t", step("a", content))) as runs:
        ref = await runs.start("t")
        live = await runs.until(ref, lambda found: bool(found.tasks) and "here" in str(found))
        assert steps_of(live) == (StepReport("a", Status.RUNNING, "here\n", 5),)
        assert await runs.source.cancel(ref) is Cancelled.STOPPED
        report = await runs.source.read_run(ref)
        assert await runs.source.cancel(ref) is Cancelled.GOES_ON
    assert judge(report).verdict is Verdict.CANCELLED
    assert steps_of(report)[0] == StepReport("a", Status.CANCELLED, "here\n", 5, note="cancelled")
    await until_dead(tmp_path / "pid")


async def test_stopping_ends_all_runs_and_starts_no_more(engine: Open, tmp_path: Path) -> None:
    manifest = task("t", step("a", f"echo $$ > {tmp_path}/pid; echo here; sleep 60"))
    async with engine(manifest) as runs:
        ref = await runs.start("t")
        await runs.until(ref, lambda found: "here" in str(found))
        await runs.source.stop()
        report = await runs.source.read_run(ref)
        with pytest.raises(SourceUnavailable, match="opsmcp is stopping"):
            await runs.start("t")
    assert report.status is Status.ABORTED
    assert steps_of(report) == (
        StepReport("a", Status.ABORTED, "here\n", 5, note="opsmcp was stopped"),
    )
    await until_dead(tmp_path / "pid")


async def test_closing_the_source_ends_its_runs(engine: Open, tmp_path: Path) -> None:
    manifest = task("t", step("a", f"echo $$ > {tmp_path}/pid; echo here; sleep 60"))
    async with engine(manifest) as runs:
        ref = await runs.start("t")
        await runs.until(ref, lambda found: "here" in str(found))
    await until_dead(tmp_path / "pid")


async def test_output_keeps_both_ends_and_counts_all(engine: Open) -> None:
    content = "printf START; head -c 100000 /dev/zero | tr '\\0' x; printf '\\377END'"
    async with engine(task("t", step("a", content)), output_bytes=1000) as runs:
        (only,) = steps_of(await runs.run("t"))
    assert only.output_bytes == 100009
    assert len(only.output) < 1100
    assert only.output.startswith("STARTxx")
    assert only.output.endswith("x\ufffdEND")
    assert "[... 99009 bytes left out ...]" in only.output


async def test_a_run_is_found_by_its_call_until_it_is_forgotten(engine: Open) -> None:
    async with engine(task("t", step("a", "echo kept"))) as runs:
        ref = await runs.start("t")
        assert await runs.source.find_run(ref.operation, ref.call_id, checkpoint) == ref
        assert await runs.source.find_run(ref.operation, "none", checkpoint) is None
        runs.source.forget(ref)  # which a run that goes on is not
        await runs.end(ref)
        runs.source.forget(ref)
        assert await runs.source.find_run(ref.operation, ref.call_id, checkpoint) is None
        with pytest.raises(NotFound):
            await runs.source.read_run(ref)
        assert await runs.source.cancel(ref) is Cancelled.GOES_ON


async def test_a_start_that_is_repeated_makes_no_second_run(engine: Open, tmp_path: Path) -> None:
    async with engine(task("t", step("a", f"echo x >> {tmp_path}/made"))) as runs:
        definition = (await runs.source.read()).definition(
            OperationKey(OperationKind.TASK, "ops-system", "t")
        )
        assert definition is not None
        request = StartRequest(definition, "r-once", principal="anna")
        refs = [await runs.source.start(request) for _ in range(3)]
        await runs.end(refs[0])
    assert len(set(refs)) == 1
    assert (tmp_path / "made").read_text("utf-8") == "x\n"


async def test_what_does_not_exist_is_refused(engine: Open) -> None:
    async with engine(pipeline("p", "[{taskRef: none}]")) as runs:
        contents = await runs.source.read()
        assert contents.definition(OperationKey(OperationKind.PIPELINE, "ops-system", "p")) is None
        gone = Definition(Task("t", "ops-system"), (Task("t", "ops-system"),))
        with pytest.raises(NotFound):
            await runs.source.start(StartRequest(gone, "call-t"))
        halved = Definition(contents.pipelines[0], ())
        with pytest.raises(NotFound, match="or not all of it"):
            await runs.source.start(StartRequest(halved, "call-p"))
        unknown = RunRef(OperationKey(OperationKind.TASK, "ops-system", "t"), "t-1", "r-1")
        with pytest.raises(NotFound):
            await runs.source.read_run(unknown)
        assert await runs.source.cancel(unknown) is Cancelled.GOES_ON


async def test_what_was_decided_on_runs_and_nothing_else(engine: Open) -> None:
    async with engine(task("t", step("a", "echo old"))) as runs:
        key = OperationKey(OperationKind.TASK, "ops-system", "t")
        decided = (await runs.source.read()).definition(key)
        assert decided is not None
        async with engine(task("t", step("a", "echo new"))):  # which writes the file
            pass
        with pytest.raises(DefinitionChanged):
            await runs.source.start(StartRequest(decided, "call-t"))
        assert await runs.source.find_run(key, "call-t", checkpoint) is None
        assert outputs(await runs.run("t")) == ["new\n"]


async def test_unchanged_contents_are_the_same_object(engine: Open) -> None:
    async with engine(task("t", step("a", "echo"))) as runs:
        contents = await runs.source.read()
        assert await runs.source.read() is contents
        assert [host.name for host in contents.hosts] == ["localhost"]
        assert (runs.source.traits.cancels, runs.source.label) == (True, "the embedded engine")


async def test_kubectl_operations_are_problems_without_kubernetes(engine: Open) -> None:
    labelled = task("t", step("a", "echo")).replace(
        "{name: t}", "{name: t, labels: {opsmcp/needs: kubectl}}"
    )
    async with engine(labelled + pipeline("p", "[{taskRef: t}]")) as runs:
        contents = await runs.source.read()
    assert (contents.tasks, contents.pipelines) == ((), ())
    assert [problem.operation for problem in contents.problems] == ["p", "t"]
    assert all(problem.reason for problem in contents.problems)


async def test_more_runs_than_allowed_at_a_time_wait_and_finish(engine: Open) -> None:
    async with engine(task("t", step("a", "echo"))) as runs:
        refs = [await runs.start("t") for _ in range(12)]
        assert {(await runs.end(ref)).status for ref in refs} == {Status.SUCCEEDED}


async def test_predefined_name_that_a_script_assigns_is_its_own(engine: Open) -> None:
    steps = step("a", "status=mine; echo ${status} ${TASK} ${NAMESPACE}")
    async with engine(task("t", steps)) as runs:
        assert outputs(await runs.run("t")) == ["mine t ops-system\n"]


async def test_interpreter_that_is_missing_is_a_failure(engine: Open) -> None:
    script = "#!/bin/bash\necho"
    async with engine(task("t", step("a", script)), environ={"PATH": "/nowhere"}) as runs:
        (only,) = steps_of(await runs.run("t"))
    assert only.note == (
        "could not be started: its interpreter or a temporary directory is missing"
    )


async def test_a_step_that_the_system_does_not_start_says_why(engine: Open) -> None:
    names = [f"v{number}" for number in range(30)]
    declared = ", ".join(f"{name}: {{default: a}}" for name in names)
    content = "echo " + " ".join(f"${{{name}}}" for name in names)
    async with engine(task("t", step("a", content), f"{{{declared}}}")) as runs:
        (only,) = steps_of(await runs.run("t", dict.fromkeys(names, "a" * 110_000)))
    assert (only.status, only.note) == (
        Status.FAILED,
        "could not be started: argument list too long",
    )
