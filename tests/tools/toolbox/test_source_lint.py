"""What is found in operations that could be better, and the settings that are suggested."""

from dataclasses import replace
from typing import Any

import pytest

from opsmcp_pipelines.catalogue import Catalogue
from opsmcp_pipelines.kinds.kind import parse_kind
from opsmcp_pipelines.models import Pipeline, Step, Task, TaskRef, Transfer, Variable
from opsmcp_tools.model.value_rules import ValueRules
from opsmcp_tools.toolbox.lint.finding import Finding, Spot
from opsmcp_tools.toolbox.lint.source import Report, lint_source, suggest_settings
from opsmcp_tools.toolbox.overrides import Override, VariableOverride
from opsmcp_tools.toolbox.tool_settings import Exposure, ToolSettings
from tests.tools.recorded import EVERYTHING, catalogue

WORDS = "Purges the caches of one pod"
READING = {"opsmcp/read-only": "true"}
GOOD = Task("watch-web", "ops", "watch how the web does", steps=(Step("s", "true"),))


def made(*tasks: Task, pipelines: tuple[Pipeline, ...] = ()) -> Catalogue:
    contents = replace(catalogue().contents, pipelines=pipelines, tasks=tasks)
    return replace(catalogue(), contents=contents)


def linted(*tasks: Task, **settings: Any) -> tuple[Report, ...]:
    exposed = ToolSettings(exposure=Exposure(tasks="all"), **settings)
    return lint_source(made(*tasks), exposed)[0]


def script(content: str, **variable: Any) -> Task:
    variables = (Variable("pod", display="pod", **variable),)
    return replace(GOOD, variables=variables, steps=(Step("do", content),))


BAD: dict[str, tuple[Task, str]] = {
    "no desc": (replace(GOOD, desc=""), "missing-description"),
    "desc repeats the name": (replace(GOOD, desc="watch the web"), "vague-description"),
    "desc is short": (replace(GOOD, desc="some stuff"), "vague-description"),
    "long name": (replace(GOOD, name="watch-" + "x" * 60), "long-name"),
    "destructive word": (replace(GOOD, name="purge-web"), "no-hint"),
    "meaning unknown": (replace(GOOD, variables=(Variable("zone"),)), "no-display"),
    "secret": (replace(GOOD, variables=(Variable("sk", required=True),)), "unbound-secret"),
    "hidden script": (replace(GOOD, variables=(Variable("c", value="a; b"),)), "hidden-script"),
    "bad regex": (replace(GOOD, variables=(Variable("x", "d", regex="("),)), "bad-regex"),
    "default is no choice": (
        replace(GOOD, variables=(Variable("x", "c", display="x", enums=("a", "b")),)),
        "bad-default",
    ),
    "default does not match": (
        replace(GOOD, variables=(Variable("x", "1", display="x", regex="^[a-z]$"),)),
        "bad-default",
    ),
    "default of another kind": (
        replace(GOOD, variables=(Variable("zone", "eu/blue", display="zone"),)),
        "undeclared-kind",
    ),
    "example of another kind": (
        replace(GOOD, variables=(Variable("disk", display="disk", examples=("/dev/sda1",)),)),
        "undeclared-kind",
    ),
    "default that is not what is declared": (
        replace(
            GOOD,
            variables=(Variable("racks", "r1 r2", display="racks"),),
            labels={"opsmcp/kind.racks": "list.host.comma"},
        ),
        "bad-default",
    ),
    "default that is neither true nor false": (
        replace(
            GOOD,
            variables=(Variable("loud", "yes", display="loud"),),
            labels={"opsmcp/kind.loud": "flag"},
        ),
        "bad-default",
    ),
    "a label that its steps contradict": (
        replace(
            GOOD,
            labels={"opsmcp/read-only": "true"},
            steps=(Step("do", "systemctl restart web"),),
        ),
        "bad-label",
    ),
    "hostile regex": (replace(GOOD, variables=(Variable("x", regex="^(a+)+$"),)), "hostile-regex"),
    "unquoted": (script("kubectl get pod ${pod}"), "unquoted-variable"),
    "in a substitution": (script('echo "$(get ${pod})"'), "unquoted-variable"),
    "evaluated": (script('eval "${pod}"'), "free-script"),
}


@pytest.mark.parametrize(("bad", "rule"), BAD.values(), ids=BAD)
def test_a_fault_is_found_and_costs_points(bad: Task, rule: str):
    [report] = linted(bad)
    assert rule in [finding.rule for finding in report.findings]
    assert report.score < 100


@pytest.mark.parametrize(
    "good",
    [
        GOOD,
        script('kubectl get pod "${pod}"'),
        script("# ${pod}\ntrue"),
        script("cat <<E\n${pod}\nE"),
        script("echo '${pod}'"),
        replace(script("#!/usr/bin/env python3\nprint('${pod}')"), labels=READING),
        script("echo ${HOME}"),
        replace(script("if ("), labels=READING),
        replace(GOOD, name="purge-web", labels={"opsmcp/destructive": "true"}),
        replace(GOOD, variables=(Variable("pod"), Variable("x", display="zone"))),
    ],
    ids=range(10),
)
def test_what_is_good_has_no_findings(good: Task):
    assert [report.findings for report in linted(good)] == [()]
    assert linted(good)[0].score == 100


@pytest.mark.parametrize(
    ("step", "where", "why", "also_here"),
    [
        (Step("s", when="${n} >= 3"), "when", "it has no '>='", False),
        (Step("s", when="${n} =~ x"), "when", "it has no '=~'", True),
        (Step("s", when="a == b && ${n}"), "when", "it has no '&&'", False),
        (Step("s", when="yes"), "when", "it is neither true nor false", False),
        (Step("s", allow_failure="yes please >= 1"), "allowfailure", "has no '>='", True),
        (Step("s", allow_failure="${n}"), "allowfailure", "no value is filled in there", True),
    ],
)
def test_a_condition_that_cannot_be_read_is_an_error_with_its_place(
    step: Step, where: str, why: str, also_here: bool
):
    bad = replace(GOOD, variables=(Variable("n", "5", display="most"),), steps=(step,))
    [finding] = linted(bad)[0].findings
    assert (finding.rule, str(finding.severity)) == ("unreadable-condition", "error")
    assert finding.spot == Spot("watch-web", "s", 0, where)
    assert f"it cannot read its `{where}` (" in finding.message
    assert why in finding.message
    own = linted(bad, values=ValueRules(pasted=False))[0].findings
    assert [one.rule for one in own] == ["unreadable-condition"] * also_here


@pytest.mark.parametrize(
    ("variable", "why"),
    [
        (Variable("n", "many", display="most"), "its default 'many' is none"),
        (Variable("n", "5", enums=("5", "all")), "its choice 'all' is none"),
        (Variable("n", regex="[a-z]+", display="most"), "its regex '[a-z]+' matches none"),
        (Variable("other", display="other"), "not a number; nothing is called 'n', so that"),
    ],
)
def test_what_a_condition_compares_as_a_number_must_be_one(variable: Variable, why: str):
    bad = replace(GOOD, variables=(variable,), steps=(Step("s", "true", when="${n} > 4"),))
    findings = linted(bad, values=ValueRules(pasted=False))[0].findings
    assert [one.rule for one in findings if why in one.message] == ["unreadable-condition"]


def test_a_condition_that_names_what_nobody_declares_is_told():
    steps = (Step("s", "true", when="${typo} == a && ${steps.s.output} == b"),)
    [finding] = linted(replace(GOOD, steps=steps), values=ValueRules(pasted=False))[0].findings
    assert (finding.rule, str(finding.severity)) == ("unset-name", "warning")
    assert "nothing is called 'typo'" in finding.message


@pytest.mark.parametrize(("pasted", "severity"), [(True, "warning"), (False, "error")])
def test_a_result_that_no_step_of_its_task_could_give_is_told(pasted: bool, severity: str):
    refs = (
        TaskRef("gone", "gone", results={"host": "find"}),
        TaskRef("a", "watch-web", results={"leader": "ask", "seen": GOOD.steps[0].name}),
    )
    found = made(GOOD, pipelines=(Pipeline("go", "ops", "go and do it", tasks=refs),))
    settings = ToolSettings(exposure=Exposure("all", "none"), values=ValueRules(pasted=pasted))
    [report] = lint_source(found, settings)[0]
    [told] = [one for one in report.findings if one.rule == "unset-result"]
    assert told.severity == severity
    assert told.message.startswith(
        "the result 'leader' is the output of step 'ask', which task 'watch-web'"
    )


def test_tasks_of_which_ops_keeps_one_report_are_named():
    refs = (TaskRef("a", "watch-web"), TaskRef("a", "watch-web"), TaskRef("b", "watch-web"))
    found = made(GOOD, pipelines=(Pipeline("go", "ops", "go and do it", tasks=refs),))
    [report] = lint_source(found, ToolSettings(exposure=Exposure("all", "none")))[0]
    assert [finding.rule for finding in report.findings] == ["same-task-name"]
    assert "2 of its tasks are called 'a'" in report.findings[0].message


@pytest.mark.parametrize(
    ("task", "why"),
    [
        (script('rm "${pod}"'), "'rm' in step watch-web/do is not known to read only"),
        (replace(GOOD, steps=(Step("s", "curl -s http://x"),), name="web", desc="one of two pods"),
         "its words do not say it reads"),
        (replace(GOOD, steps=(Step("copy", transfer=Transfer()),)), "a transfer of files in step"),
    ],
    ids=["program", "service", "transfer"],
)  # fmt: skip
def test_an_operation_of_which_nothing_says_what_it_changes_is_named(task: Task, why: str):
    [report] = linted(task)
    [finding] = report.findings
    assert finding.rule == "no-hint"
    assert why in finding.message
    assert 'Label it opsmcp/read-only: "true"' in finding.message
    overrides = {task.name: Override(hints={"read_only": True})}
    assert linted(task, overrides=overrides)[0].findings == ()
    assert linted(replace(task, labels={"opsmcp/destructive": "true"}))[0].findings == ()


@pytest.mark.parametrize("label", ["destructive", "idempotent"])
def test_a_label_that_does_not_say_whether_something_changes_silences_nothing(label: str):
    unclear = replace(script('own "${pod}"'), name="owner-of-web", desc="Owner of one web pod")
    task = replace(unclear, labels={f"opsmcp/{label}": "false"})
    [finding] = linted(task)[0].findings
    assert (finding.rule, finding.label) == ("no-hint", "opsmcp/read-only")
    assert ('opsmcp/destructive: "false"' in finding.message) is (label == "idempotent")


def test_a_label_that_contradicts_the_authors_words_is_named():
    task = replace(GOOD, desc="Deletes the old copies of one web pod", labels=READING)
    [finding] = linted(task)[0].findings
    assert (finding.rule, str(finding.severity)) == ("bad-label", "warning")
    assert "its words say that something is changed" in finding.message


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"opsmcp/read-only": "yes"}, "opsmcp/read-only is 'yes'"),
        ({"opsmcp/read-only": "tr\u200bue"}, r"opsmcp/read-only is 'tr\u{200b}ue'"),
        ({"opsmcp/read-only": "true", "opsmcp/destructive": "true"}, "read-only and destructive"),
    ],
)
def test_labels_that_say_nothing_or_two_things_are_named(labels: dict[str, str], said: str):
    [report] = linted(replace(GOOD, labels=labels))
    [finding] = report.findings
    assert finding.rule == "bad-label"
    assert said in finding.message


def test_siblings_that_say_the_same_are_ambiguous():
    reports = linted(replace(GOOD, name="watch-one"), replace(GOOD, name="watch-two"), GOOD)
    messages = [finding.message for report in reports for finding in report.findings]
    assert len(messages) == 3
    assert "watch-one, watch-two" in "".join(messages)


def test_the_scripts_of_a_pipeline_are_read_too():
    pipeline = Pipeline("go", "ops", "go and do it", tasks=(TaskRef("a", "watch-web"),))
    found = made(script("ls ${pod}"), pipelines=(pipeline,))
    [report] = lint_source(found, ToolSettings(exposure=Exposure("all", "none")))[0]
    assert [finding.variable for finding in report.findings] == ["pod"]


def test_settings_that_help_are_suggested_and_silence_what_they_help():
    bad = replace(GOOD, name="purge-web", desc="purge web", variables=BAD["secret"][0].variables)
    patch = suggest_settings(linted(bad))
    said = patch["tools"]["overrides"]["purge-web"]
    assert said["hints"] == {"destructive": True}
    assert said["description"].startswith("TODO")
    assert patch["bind"] == {"sk": {"env": "SK"}}
    overrides = {"purge-web": Override(description=WORDS, hints={"destructive": True})}
    assert linted(bad, overrides=overrides, bind={"sk": "x"})[0].findings == ()


def test_words_of_settings_are_judged_in_place_of_those_of_the_author():
    alike = [replace(GOOD, name="watch-one"), replace(GOOD, name="watch-two")]
    untold = replace(GOOD, desc="watch one pod", variables=(Variable("pod"), Variable("x")))
    overrides = {
        "watch-one": Override(description=WORDS),
        "watch-web": Override(variables={"x": VariableOverride(description="zone of the pod")}),
    }
    found = linted(*alike, untold, overrides=overrides)
    assert {report.operation.name for report in found if not report.findings} >= {
        "watch-one",
        "watch-web",
    }


def test_all_that_settings_say_of_what_is_changed_is_judged_together():
    task = replace(script('own "${pod}"'), name="owner-of-web", desc="Owner of one web pod")
    hints = {"owner-of-web": {"read_only": True}}
    overrides = {"owner-of-web": Override(hints={"idempotent": True})}
    assert [one.rule for one in linted(task, overrides=overrides)[0].findings] == ["no-hint"]
    assert linted(task, hints=hints, overrides=overrides)[0].findings == ()


def test_overrides_that_match_nothing_are_reported():
    settings = ToolSettings(overrides={"nothing": Override(title="x")})
    assert "matches no operation" in lint_source(made(GOOD), settings)[1][0]
    assert suggest_settings(()) == {}


def test_the_recorded_server_has_faults_and_the_worst_come_first():
    reports, _ = lint_source(catalogue(), ToolSettings(exposure=EVERYTHING))
    assert [report.score for report in reports] == sorted(report.score for report in reports)
    assert {finding.rule for report in reports for finding in report.findings} >= {
        "unbound-secret",
        "ambiguous-siblings",
        "vague-description",
    }


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("zone", "eu/blue", "ref"),
        ("server", "10.0.0.0/8", "cidr"),
        ("match", "role=web", "selector"),
        ("racks", "r1,r2", "list.token.comma"),
        ("targets", "1.1.1.1,fd00::7", "list.ip.comma"),
        ("watched", "nginx.service@x.service", "unit"),
    ],
)
def test_what_worked_before_gets_the_kind_that_takes_it(name: str, value: str, meant: str):
    task = replace(GOOD, variables=(Variable(name, value, display="what"),))
    [report] = linted(task)
    [finding] = [one for one in report.findings if one.rule == "undeclared-kind"]
    assert f"opsmcp/kind.{name}: {meant}" in finding.message
    patch = suggest_settings([report])
    assert patch["tools"]["overrides"]["watch-web"]["variables"][name] == {"kind": meant}
    kind = parse_kind(meant)
    said = Override(variables={name: VariableOverride(kind=kind)})
    [mended] = linted(task, overrides={"watch-web": said})
    assert "undeclared-kind" not in {one.rule for one in mended.findings}
    assert "undeclared-kind" not in {
        one.rule for one in linted(replace(task, labels={f"opsmcp/kind.{name}": meant}))[0].findings
    }


def test_a_value_of_no_kind_gets_a_regex_and_no_setting():
    task = replace(GOOD, variables=(Variable("mark", "a@b@c", display="what"),))
    [report] = linted(task)
    [finding] = [one for one in report.findings if one.rule == "undeclared-kind"]
    assert finding.message.endswith("Give it a regex")
    assert suggest_settings([report]) == {}


EMBEDDED = replace(ValueRules(), pasted=False)


def found(rule: str, *tasks: Task, pasted: bool = False, **settings: Any) -> list[Finding]:
    rules = replace(EMBEDDED, pasted=pasted)
    reports = linted(*tasks, values=rules, **settings)
    return [finding for one in reports for finding in one.findings if finding.rule == rule]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("level", "echo $(( ${level} + 1 ))", "count"),
        ("level", '[ "${level}" -gt 5 ]', "count"),
        ("level", "cut -c${level} /etc/hosts", "count"),
        ("how", "kill -${how} 1", "signal"),
        ("racks", "for r in ${racks}; do :; done", "list.token.blank"),
        ("path", 'psql -c "select ${path}"', "count"),
    ],
)
@pytest.mark.parametrize("pasted", [False, True])
def test_a_guess_that_its_use_narrows_is_named_with_the_label(
    name: str, content: str, kind: str, *, pasted: bool
) -> None:
    task = replace(GOOD, variables=(Variable(name, display="what"),), steps=(Step("s", content),))
    [note] = found("narrowed-guess", task, pasted=pasted)
    assert (str(note.severity), note.variable) == ("note", name)
    assert note.labels == {f"opsmcp/kind.{name}": kind}
    assert note.spot == Spot("watch-web", "s", 1)
    declared = replace(task, labels=dict(note.labels))
    assert found("narrowed-guess", declared, pasted=pasted) == []
    assert found("refused-value", declared, pasted=pasted) == []


def test_text_that_its_use_makes_a_word_is_named_with_the_place() -> None:
    text = replace(GOOD, variables=(Variable("reason", display="why"),))
    task = replace(text, steps=(Step("s", 'echo\nslackcat "${reason}"'),))
    [note] = found("narrowed-guess", task)
    assert note.spot == Spot("watch-web", "s", 2) and note.labels == {}
    assert "an argument of 'slackcat'" in note.message
    assert "opsmcp/text.s: reason" in note.message
    assert note.answer == "opsmcp/kind.reason: token"


def test_no_label_is_certain_that_would_withhold_the_operation() -> None:
    variable = Variable("zone", "eu/blue", display="zone")
    task = replace(GOOD, variables=(variable,), steps=(Step("s", "echo $(( ${zone} ))"),))
    [finding] = found("undeclared-kind", task)
    assert "opsmcp/kind.zone: ref" in finding.message and finding.labels == {}


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ({"opsmcp/kind.gone": "count"}, "no variable or result is called 'gone'"),
        ({"opsmcp/kind.": "count"}, "no variable or result is called ''"),
        ({"opsmcp/kind.level": "ref"}, "its enums are what it may be"),
        ({"opsmcp/kind.fixed": "ref"}, "its value is fixed"),
        ({"opsmcp/text.s": "gone"}, "no variable or result is called 'gone'"),
        ({"opsmcp/text.s": "steps.s.output"}, "no variable or result is called 'steps'"),
        ({"opsmcp/text.gone": "level"}, "no step is called 'gone'"),
        ({"opsmcp/kinds.level": "count"}, "there is no such label"),
        ({"Opsmcp/kind.level": "count"}, "there is no such label"),
    ],
)
def test_a_label_that_does_nothing_is_named(labels: dict[str, str], why: str) -> None:
    variables = (Variable("level", display="l", enums=("a",)), Variable("fixed", value="a"))
    [finding] = found("unused-label", replace(GOOD, variables=variables, labels=labels))
    assert why in finding.message and finding.label == next(iter(labels))


def test_a_label_of_a_task_may_name_what_only_its_pipeline_has() -> None:
    labels = {"opsmcp/kind.leader": "host", "opsmcp/kind.level": "count"}
    refs = (TaskRef("a", "watch-web", results={"leader": "s"}),)
    flow = Pipeline("go", "ops", "go and do it", (Variable("level"),), refs)
    both = made(replace(GOOD, labels=labels), pipelines=(flow,))
    reports, _ = lint_source(both, ToolSettings(exposure=Exposure("none", "all")))
    assert [one.rule for report in reports for one in report.findings] == []
    [alone] = linted(replace(GOOD, labels=labels))
    assert {one.rule for one in alone.findings} == {"unused-label"}


def test_the_time_that_ops_fills_in_is_no_fault_of_a_manifest() -> None:
    copy = Step("s", transfer=Transfer(), more="/tmp/log-${TIME}.tgz")
    assert found("narrowed-value", replace(GOOD, steps=(copy,)), pasted=True) == []


def test_a_label_that_a_task_contradicts_is_named() -> None:
    task = replace(GOOD, variables=(Variable("n", display="n"),), labels={"opsmcp/kind.n": "count"})
    flow = Pipeline(
        "go", "ops", "go and do it", task.variables, (TaskRef("a", "watch-web"),),
        {"opsmcp/kind.n": "token"},
    )  # fmt: skip
    both = made(task, pipelines=(flow,))
    [report] = lint_source(both, ToolSettings(exposure=Exposure("all", "none")))[0]
    [finding] = report.findings
    assert finding.rule == "bad-label"
    assert "says 'token', and its task 'watch-web' 'count'" in finding.message


def test_kinds_of_the_settings_that_are_about_nothing_are_named() -> None:
    task = replace(GOOD, variables=(Variable("level", display="l"),))
    kinds = {"level": "count", "watch-web.level": "count", "levle": "count", "web.level": "count"}
    told = lint_source(made(task), ToolSettings(kinds=kinds))[1]
    assert told == (
        "tools.kinds: there is no variable 'levle'; 'level' is there",
        "tools.kinds: there is no variable 'web.level'; 'watch-web.level' is there",
    )
