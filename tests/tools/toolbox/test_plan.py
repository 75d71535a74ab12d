"""A plan: everything a call would do, in order, and one hash over it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from opsmcp_pipelines.catalogue import Catalogue, Contents
from opsmcp_pipelines.models import Host, Pipeline, Step, Task, TaskRef, Transfer, Variable
from opsmcp_tools.arguments.check import check_arguments
from opsmcp_tools.model.tool import JsonObject, Principal
from opsmcp_tools.policy.decision import Decision, Effect
from opsmcp_tools.toolbox.build import build_toolbox
from opsmcp_tools.toolbox.plan import Plan, build_plan
from opsmcp_tools.toolbox.tool_settings import ToolSettings

SECRET = "planted-secret-value"
STEPS = (
    Step("look", "df ${path}", when="${path} != /"),
    Step("clean", "curl -H 'X: ${token}' ${path}", allow_failure="true", timeout_seconds=9),
    Step("copy", transfer=Transfer("a", "${path}/a", "upload"), more='{"localfile": "${path}"}'),
)
VARIABLES = (Variable("path", required=True), Variable("token", required=True))
FIRST = Task("first", "ops-system", host="web=1", variables=VARIABLES, steps=STEPS)
LAST = Task("last", "ops-system", steps=(Step("say", "echo done"),), more='{"runtimeImage": "x"}')
PIPELINE = Pipeline(
    "clean-up",
    "ops-system",
    "cleans up",
    (*VARIABLES, Variable("host", required=True)),
    (TaskRef("one", "first"), TaskRef("two", "last", run_always=True)),
    {"ops/copilot": "enabled"},
)
HOSTS = (
    *(Host(f"web-{n}", "ops-system", labels={"web": "1"}) for n in range(3)),
    Host("db-1", "ops-system"),
)
CONTENTS = Contents((PIPELINE,), (FIRST, LAST), hosts=HOSTS)
SETTINGS = ToolSettings(bind={"token": SECRET}, host_selectors=("all",))
ALLOWED = Decision(Effect.ALLOW, "a-rule", "because")
CALL = {"path": "/var", "host": "db-1"}


def plan(
    contents: Contents = CONTENTS,
    *,
    settings: ToolSettings = SETTINGS,
    decision: Decision = ALLOWED,
    who: str = "anna",
    **given: str,
) -> Plan:
    toolbox = build_toolbox(Catalogue(1, contents, datetime(2026, 11, 23, tzinfo=UTC)), settings)
    tool = toolbox.find("clean-up")
    assert tool is not None, toolbox.withheld
    call = check_arguments(tool, {**CALL, **given}, Principal(who))
    return build_plan(tool, call, decision, contents, source="the fake", who=who)


def tasks(found: Plan) -> list[JsonObject]:
    return found.data["tasks"]


def test_tasks_and_steps_stand_in_their_order_with_their_conditions() -> None:
    one, two = tasks(plan())
    assert [step["name"] for step in one["steps"]] == ["look", "clean", "copy"]
    assert (one["runs_always"], two["runs_always"]) == (False, True)
    assert one["steps"][0]["only_if"] == "«/var» != /"
    assert (one["steps"][1]["may_fail_if"], one["steps"][1]["timeout_seconds"]) == ("true", 9)


def test_what_an_earlier_task_will_give_is_told_as_that() -> None:
    using = (Step("use", "echo ${node} ${path} ${own}", when="${node} != x"),)
    variables = (Variable("own", value="mine"), Variable("node", "default"))
    last = replace(LAST, steps=using, variables=variables)
    first = TaskRef("one", "first", results={"node": "look", "own": "look"})
    pipeline = replace(PIPELINE, tasks=(first, PIPELINE.tasks[1], replace(first, name="three")))
    one, two, _ = tasks(plan(replace(CONTENTS, pipelines=(pipeline,), tasks=(FIRST, last))))
    assert one["steps"][0]["script"] == "df «/var»"
    assert two["steps"][0]["script"] == "echo ‹from task one› «/var» «mine»"
    assert two["steps"][0]["only_if"] == "‹from task one› != x"


def test_values_stand_marked_in_scripts_and_secrets_nowhere() -> None:
    found = plan()
    first, second, third = tasks(found)[0]["steps"]
    assert first["script"] == "df «/var»"
    assert second["script"] == "curl -H 'X: «***»' «/var»"
    assert third["file"] == {"direction": "upload", "local": "a", "remote": "«/var»/a"}
    assert third["more"] == '{"localfile": "«/var»"}'
    assert found.data["variables"] == {"host": "db-1", "path": "/var", "token": "***"}
    assert SECRET not in f"{found.data}{found.text('5f2b81c0')}"


def test_targets_are_resolved_to_a_number_of_hosts() -> None:
    found = plan()
    assert [task["hosts"] for task in tasks(found)] == [3, 1]
    assert tasks(found)[0]["host_names"] == ["web-0", "web-1", "web-2"]
    assert found.data["hosts"] == 4
    assert plan(host="all").data["hosts"] is None
    assert "cannot be known" in plan(host="all").text("5f2b81c0")


def test_the_text_names_what_matters_and_fences_what_authors_wrote() -> None:
    text = plan().text("5f2b81c0")
    head, _, scripts = text.partition("--- scripts 5f2b81c0")
    assert "Policy: allow (a-rule: because)." in head
    assert "4 hosts" in head and "token=***" in head and "Nothing was started" in head
    assert "only if «/var» != /" in scripts and "local a, remote «/var»/a" in scripts
    assert '{"runtimeImage": "x"}' in scripts and "also after a failure" in scripts


def step(**new: object) -> Contents:
    """The same contents but for the first step of the first task."""
    changed = replace(FIRST, steps=(replace(STEPS[0], **new), *STEPS[1:]))
    return replace(CONTENTS, tasks=(changed, LAST))


CHANGES: dict[str, Callable[[], Plan]] = {
    "an argument": lambda: plan(path="/tmp"),
    "the target": lambda: plan(host="web-1"),
    "a script": lambda: plan(step(content="df ${path} #")),
    "a condition": lambda: plan(step(when="${path} == /")),
    "one host more": lambda: plan(
        replace(CONTENTS, hosts=(*HOSTS, Host("web-9", "ops-system", labels={"web": "1"})))
    ),
    "the image": lambda: plan(replace(CONTENTS, tasks=(FIRST, replace(LAST, more="")))),
    "the decision": lambda: plan(decision=replace(ALLOWED, effect=Effect.CONFIRM)),
    "who calls": lambda: plan(who="bert"),
    "a label": lambda: plan(
        replace(CONTENTS, pipelines=(replace(PIPELINE, labels={**PIPELINE.labels, "a": "b"}),))
    ),
}


@pytest.mark.parametrize("other", CHANGES.values(), ids=CHANGES)
def test_the_hash_changes_with_anything_that_would_be_done(other: Callable[[], Plan]) -> None:
    assert other().hash != plan().hash


def test_the_hash_stays_while_nothing_changes_and_tells_nothing_of_a_secret() -> None:
    other = ToolSettings(bind={"token": "another"}, host_selectors=("all",))
    assert plan().hash == plan().hash == plan(settings=other).hash
    assert plan().data["plan_hash"] == plan().hash


def test_what_is_too_long_to_show_counts_for_the_hash_all_the_same() -> None:
    long = "x" * 100_000
    one, other = plan(step(content=long + "a")), plan(step(content=long + "b"))
    assert one.hash != other.hash
    assert len(one.text("5f2b81c0")) < 15_000
    assert len(str(one.data)) < 25_000


def test_a_host_of_several_tasks_counts_once() -> None:
    both = replace(CONTENTS, tasks=(replace(FIRST, host=""), LAST))
    assert plan(both).data["hosts"] == 1
    assert "Where: 1 host\n" in plan(both).text("5f2b81c0")


def test_a_machine_that_is_chosen_more_than_once_may_be_another_each_time() -> None:
    chosen = replace(
        CONTENTS, tasks=(replace(FIRST, host="anymaster"), replace(LAST, host="anymaster"))
    )
    assert "Where: at least 1 host\n" in plan(chosen).text("5f2b81c0")


def test_a_script_of_a_few_thousand_characters_is_whole_in_the_data() -> None:
    script = "\n".join(f"echo line {n}" for n in range(900)) + "\nrm -f the-end"
    found = plan(step(content=script))
    assert tasks(found)[0]["steps"][0]["script"] == script
    text = found.text("5f2b81c0")
    assert "the-end" not in text
    assert "--plan --json` in a terminal has them whole" in text.partition("--- scripts")[0]


def test_a_script_alone_has_the_room_of_all() -> None:
    alone = replace(FIRST, steps=(Step("look", "x" * 2_000 + " the-end ${path}"),))
    found = plan(replace(CONTENTS, tasks=(alone, LAST)))
    assert "the-end «/var»" in found.text("5f2b81c0")
    assert "are cut" not in found.text("5f2b81c0")


def test_many_long_scripts_stay_bounded_together() -> None:
    steps = tuple(Step(f"s{n}", f"{'x' * 19_000} ${{path}}") for n in range(30))
    found = plan(replace(CONTENTS, tasks=(replace(FIRST, steps=steps), LAST)))
    assert len(str(found.data)) < 75_000


def test_hosts_that_ops_would_leave_out_or_confuse_are_told() -> None:
    hosts = tuple(replace(host, address="192.0.2.1", reachable=True) for host in HOSTS)
    silent = replace(hosts[2], address="192.0.2.9", reachable=False)
    found = plan(replace(CONTENTS, hosts=(*hosts[:2], silent, hosts[3])))
    text = found.text("5f2b81c0")
    assert "Careful: web-0, web-1 have one address: Ops takes them for one host" in text
    assert "Careful: web-2 had no good heartbeat: Ops leaves out such a host" in text
    assert tasks(found)[0]["hosts"] == 3


def test_a_heartbeat_does_not_undo_what_was_planned() -> None:
    alive = tuple(replace(host, reachable=True) for host in HOSTS)
    assert plan(replace(CONTENTS, hosts=alive)).hash == plan().hash


def test_a_condition_that_ops_cannot_read_is_told_before_the_run() -> None:
    text = plan(step(when="${path} >= 3")).text("5f2b81c0")
    assert (
        "Careful: Ops would stop at step 'look' of task 'first' without a word: it cannot read its"
        " `when` (it has no '>=')"
    ) in text


def test_a_condition_that_the_embedded_engine_reads_is_not_told_to_stop_it() -> None:
    embedded = replace(SETTINGS, values=replace(SETTINGS.values, pasted=False))
    text = plan(step(when="${output} >= 3"), settings=embedded).text("5f2b81")
    assert "without a word" not in text
