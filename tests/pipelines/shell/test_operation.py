"""What the scripts of a whole operation make of it, on both sources."""

from dataclasses import replace

import pytest

from opsmcp_pipelines.kinds.kind import Kind, VariableKind, parse_kind
from opsmcp_pipelines.models import Pipeline, Step, Task, TaskRef, Transfer, Variable
from opsmcp_pipelines.shell.operation import OperationVerdict, check_operation

TOKEN = VariableKind(Kind.TOKEN, guessed=True)
TASK = Task("find", "n", variables=(Variable("x"),))


def one(
    content: str, kind: VariableKind = TOKEN, *, pasted: bool = False, **more: object
) -> OperationVerdict:
    task = replace(TASK, steps=(Step("s", content),), **more)
    return check_operation(task, (task,), {"x": kind}, pasted=pasted)


def test_a_value_that_is_run_withholds_where_it_travels_and_is_free_where_it_is_pasted() -> None:
    assert [str(p.finding.rule) for p in one("${x}").refused] == ["Rule.COMMAND"]
    pasted = one("${x}", pasted=True)
    assert (pasted.refused, [p.finding.name for p in pasted.runs]) == ((), ["x"])


def test_where_values_are_pasted_a_kind_is_narrowed_even_if_it_was_declared() -> None:
    kind = parse_kind("path")
    assert kind
    pasted = one("echo $(( ${x} ))", kind, pasted=True)
    assert pasted.refused == () and pasted.narrowed
    assert pasted.kinds["x"].also is Kind.COUNT
    assert one("echo $(( ${x} ))", kind).refused


def test_a_name_that_only_sounds_like_text_is_a_word_where_no_text_may_stand() -> None:
    guess = VariableKind(Kind.TEXT, guessed=True)
    assert one('echo "${x}"', guess).kinds["x"] == guess
    assert one('slackcat "${x}"', guess).kinds["x"] == TOKEN
    assert one('slackcat "${x}"', VariableKind(Kind.TEXT)).refused


def test_a_label_vouches_for_text_in_its_step_only() -> None:
    text = VariableKind(Kind.TEXT)
    good = one('slackcat "${x}"', text, labels={"opsmcp/text.s": "a.x"})
    assert good.refused == () and ("s", "x") in good.vouched
    assert one('slackcat "${x}"', text, labels={"opsmcp/text.other": "x"}).refused


def test_a_result_is_text_unless_a_label_declares_it() -> None:
    use = Task("use", "n", steps=(Step("u", 'ssh "${leader}" uptime'),))
    flow = Pipeline("p", "n", tasks=(TaskRef("find", "find", results={"leader": "s"}),))
    both = (replace(TASK, steps=(Step("s", "echo a"),)), use)
    host = parse_kind("host")
    assert host
    assert check_operation(flow, both, {}, pasted=False).refused
    declared = {"leader": host}
    assert check_operation(flow, both, {}, pasted=False, declared=declared).refused == ()
    pasted = check_operation(flow, both, {}, pasted=True)
    assert pasted.refused == () and "task use, step u, line 1" in str(pasted.printed[0])


@pytest.mark.parametrize("field", ["when", "allow_failure", "more"])
def test_text_in_a_condition_or_a_file_name_withholds_where_it_is_pasted(field: str) -> None:
    task = replace(TASK, steps=(replace(Step("s", "echo"), **{field: "${x} == 1"}),))
    text = {"x": VariableKind(Kind.TEXT)}
    assert check_operation(task, (task,), text, pasted=True).refused
    assert check_operation(task, (task,), text, pasted=False).refused == ()


@pytest.mark.parametrize("file", [Transfer("${x}", "/b"), Transfer("a", "/b/${x}")])
def test_text_in_the_name_of_a_file_that_is_moved_withholds_and_a_name_does_not(
    file: Transfer,
) -> None:
    task = replace(TASK, steps=(Step("s", transfer=file),))
    found = check_operation(task, (task,), {"x": VariableKind(Kind.TEXT)}, pasted=False)
    assert "where only a name may stand" in str(found.refused[0])
    assert check_operation(task, (task,), {"x": TOKEN}, pasted=False).refused == ()
    output = Transfer(file.local_file.replace("x", "output"), file.remote_file)
    printed = replace(task, steps=(Step("s", transfer=output),))
    assert bool(check_operation(printed, (printed,), {}, pasted=False).refused) is (
        "output" in output.local_file
    )


def test_the_script_of_a_fixed_variable_is_looked_at() -> None:
    fixed = (Variable("x"), Variable("script", value="eval ${x}"))
    assert one("${script}", variables=fixed).refused


def test_a_predefined_name_that_the_script_assigns_is_its_own() -> None:
    assert one('output=$(id); slackcat "${output}" ${x}').refused == ()
    assert one("output=eval; ${output} ls").refused == ()


ANSWERED = {"opsmcp/text.s": "x"}
CODE = {
    "within quotes of a text that a shell reads": """sh -c "echo '${x}'" """,
    "on another machine": """ssh h 'echo "${x}"'""",
    "evaluated": """eval "echo '${x}'" """,
    "in what feeds a shell": "bash <<EOF\necho '${x}'\nEOF",
    "through a variable": """v="echo '${x}'"; sh -c "$v" """,
    "in awk": """awk 'BEGIN { print "'"${x}"'" }'""",
    "in perl": """perl -e "print '${x}'" """,
    "in Python on the command line": """python3 -c "print('${x}')" """,
    "in os.system": '#!/usr/bin/python3\nimport os\nos.system("echo ${x}")',
    "in a shell of Python": (
        '#!/usr/bin/python3\nimport subprocess\nsubprocess.run("echo ${x}", shell=True)'
    ),
    "as code of Python": '#!/usr/bin/python3\neval("${x}")',
    "bare in Python": "#!/usr/bin/python3\ny = ${x}",
}


@pytest.mark.parametrize("content", CODE.values(), ids=CODE)
def test_no_label_answers_for_text_that_is_read_as_code(content: str) -> None:
    refused = one(content, VariableKind(Kind.TEXT), labels=ANSWERED).refused
    assert "x" in [place.finding.name for place in refused]


ARGUMENTS = {
    "an argument": 'slackcat "${x}"',
    "a query": """psql -c "select '${x}'" """,
    "a file": 'echo "${x}" > /etc/motd',
    "a word of a command line in Python": (
        '#!/usr/bin/python3\nimport subprocess\nsubprocess.run(["slackcat", "${x}"])'
    ),
}


@pytest.mark.parametrize("content", ARGUMENTS.values(), ids=ARGUMENTS)
def test_a_label_answers_for_text_that_stays_an_argument(content: str) -> None:
    assert one(content, VariableKind(Kind.TEXT)).refused
    assert one(content, VariableKind(Kind.TEXT), labels=ANSWERED).refused == ()


@pytest.mark.parametrize(
    "content",
    [
        "slackcat ${x}",
        "slackcat '${x}'",
        "v=${x}",
        "cat <<EOF\n${x}\nEOF",
        "case ${x} in a) ;; esac",
    ],
)
def test_no_label_lets_text_be_pasted_outside_of_double_quotes(content: str) -> None:
    refused = one(content, VariableKind(Kind.TEXT), pasted=True, labels=ANSWERED).refused
    assert [place.finding.name for place in refused] == ["x"]
    quoted = one('slackcat "${x}"', VariableKind(Kind.TEXT), pasted=True, labels=ANSWERED)
    assert quoted.refused == () and quoted.vouched == (("s", "x"),)


def test_a_label_of_a_task_answers_for_no_step_of_another_task() -> None:
    text, answers = VariableKind(Kind.TEXT), Task("other", "n", steps=(Step("s", "true"),))
    uses = replace(TASK, steps=(Step("s", 'slackcat "${x}"'),))
    flow = Pipeline("p", "n", tasks=(TaskRef("find", "find"), TaskRef("other", "other")))
    both = (uses, replace(answers, labels=ANSWERED))
    assert check_operation(flow, both, {"x": text}, pasted=False).refused
    own = (replace(uses, labels=ANSWERED), answers)
    assert check_operation(flow, own, {"x": text}, pasted=False).refused == ()
    of_all = replace(flow, labels=ANSWERED)
    assert check_operation(of_all, (uses, answers), {"x": text}, pasted=False).refused == ()


def test_a_label_that_answers_for_nothing_makes_nothing_destructive() -> None:
    labels = {"opsmcp/text.gone": "x", "opsmcp/text.s": "other"}
    assert one('echo "${x}"', VariableKind(Kind.TEXT), labels=labels).vouched == ()
    assert one('echo "${x}"', labels=ANSWERED).vouched == ()


def test_a_path_below_a_root_of_the_settings_may_be_run() -> None:
    path = VariableKind(Kind.PATH)
    task = replace(TASK, steps=(Step("s", 'bash "${x}"'),))
    assert check_operation(task, (task,), {"x": path}, pasted=False).refused
    roots = ("/opt/jobs",)
    assert not check_operation(task, (task,), {"x": path}, pasted=False, roots=roots).refused
    location = VariableKind(Kind.LOCATION)
    assert check_operation(task, (task,), {"x": location}, pasted=False, roots=roots).refused


@pytest.mark.parametrize("pasted", [False, True])
def test_what_a_step_printed_is_text_though_the_server_would_fill_the_variable(
    *, pasted: bool
) -> None:
    use = Task("use", "n", variables=(Variable("token"),), steps=(Step("u", 'sh -c "${token}"'),))
    flow = Pipeline("p", "n", tasks=(TaskRef("find", "find", results={"token": "s"}),))
    both = (replace(TASK, steps=(Step("s", "echo a"),)), use)
    bound = {"token": VariableKind(Kind.BOUND)}
    found = check_operation(flow, both, bound, pasted=pasted)
    places = found.printed if pasted else found.refused
    assert {(place.task, place.finding.name) for place in places} == {("use", "token")}
    fixed = replace(use, variables=(Variable("token", value="ls"),))
    assert not check_operation(flow, (both[0], fixed), bound, pasted=pasted).refused


def test_no_variable_stands_for_the_output_of_a_step() -> None:
    name = "steps.s.output"
    task = replace(TASK, steps=(Step("s", "id"), Step("b", f'sh -c "echo ${{{name}}}"')))
    task = replace(task, variables=(Variable(name),))
    assert check_operation(task, (task,), {name: TOKEN}, pasted=False).refused
