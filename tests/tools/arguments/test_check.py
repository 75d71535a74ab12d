"""Arguments -> complete variables, or every problem at once."""

import dataclasses
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_tools.arguments.check import CheckedCall, check_arguments
from opsmcp_tools.model.errors import InvalidArguments, NotAllowed
from opsmcp_tools.model.tool import Input, Principal, Tool
from tests.tools.corpus import INPUTS, ORDINARY, TOOL
from tests.tools.recorded import tool

ALICE = Principal("alice")
VALIDATOR: Any = jsonschema.Draft202012Validator(TOOL.input_schema)


def check(arguments: dict[str, Any], of: Tool = TOOL) -> CheckedCall:
    return check_arguments(of, arguments, ALICE)


def problems(arguments: dict[str, Any], of: Tool = TOOL) -> dict[str, str]:
    with pytest.raises(InvalidArguments) as caught:
        check(arguments, of)
    return {problem.argument: problem.message for problem in caught.value.problems}


def test_variables_of_a_pipeline_are_complete():
    call = check({"namespace": "kube-system", "pod": "web-0"}, tool("inspect-pod-error"))
    assert call.arguments == {"namespace": "kube-system", "pod": "web-0"}
    assert call.variables == {
        "namespace": "kube-system",
        "pod": "web-0",
        "topk": "50",
        "host": "anymaster",
    }


def test_the_caller_beats_defaults_and_the_server_beats_the_caller():
    call = check({"host": "ssh2"}, tool("restart-kubelet"))
    assert call.variables == {"host": "ssh2", "white": "alice", "whitelist": "alice,bob"}
    forged = problems({"host": "ssh2", "white": "root"}, tool("restart-kubelet"))
    assert forged == {"white": "it is filled by the server; leave it out"}


def test_secrets_are_sent_named_and_never_shown():
    given_ = {"host": "local"}
    call = check(given_, tool("collect-gpu-log"))
    assert call.secrets >= {"access-1", "secret-1"}
    assert call.variables["sk"] == "secret-1"
    assert "secret-1" not in repr(call)
    assert "hunter2" not in str(problems({**given_, "sk": "hunter2"}, tool("collect-gpu-log")))


def test_where_a_file_is_sent_is_never_a_callers_to_choose():
    found = problems({"host": "local", "bucket": "mine"}, tool("collect-gpu-log"))
    assert found == {"bucket": "it is filled by the server; leave it out"}


def test_every_problem_is_reported_at_once():
    found = problems({"pdo": "x", "namespace": "A B", "topk": 0}, tool("inspect-pod-error"))
    assert set(found) == {"pdo", "namespace", "pod", "topk"}
    assert "did you mean 'pod'" in found["pdo"]
    assert found["namespace"].startswith("'A B' was given; it must be a Kubernetes name")
    assert found["pod"] == "it is required (Kubernetes name)"
    assert found["topk"] == "0 was given; it must be a whole number from 1 to 100000"


def test_an_unknown_cluster_or_host_is_answered_with_the_nearest():
    assert "did you mean 'ssh2'" in problems({"host": "SSH_2"}, tool("restart-kubelet"))["host"]
    found = problems({"host": "ssh2", "cluster": "far-away"}, tool("restart-kubelet"))
    assert "did you mean 'faraway'" in found["cluster"]
    assert "one of local, ssh2, ssh3" in problems({}, tool("restart-kubelet"))["host"]


@pytest.mark.parametrize("blank", ["", None])
def test_a_blank_is_not_given(blank: str | None):
    call = check(
        {"namespace": "a", "pod": "b", "topk": blank, "cluster": blank}, tool("inspect-pod-error")
    )
    assert call.variables["topk"] == "50"
    assert "cluster" not in call.variables
    assert "required" in problems({"namespace": "a", "pod": blank}, tool("get-pod"))["pod"]


def test_an_undeclared_value_is_not_repeated():
    assert "hunter2" not in str(problems({"pasword": "hunter2"}))


def test_names_of_arguments_are_shown_safely():
    [shown] = problems({"a\n\u202eb" + "x" * 500: 1})
    assert shown.startswith(r"a\u{a}\u{202e}bxxx")
    assert len(shown) < 100


@pytest.mark.parametrize(
    "arguments",
    [{f"a{n}": "x" for n in range(65)}, {"keyword": "x" * 70_000}, {"x" * 70_000: "a"}],
    ids=["too many", "long value", "long name"],
)
def test_the_size_of_a_call_is_bounded(arguments: dict[str, Any]):
    assert set(problems(arguments)) == {"arguments"}


def test_a_caller_whose_name_is_no_word_is_not_told_to_a_script():
    with pytest.raises(NotAllowed):
        check_arguments(TOOL, {}, Principal("x; id"))


def test_a_tool_without_arguments_says_so():
    bare = dataclasses.replace(TOOL, inputs=(), bound=())
    assert problems({"x": 1}, bare)["x"] == "there is no such argument (there are: none)"


def typed(item: Input, text: str) -> str | int | bool:
    if item.kind is Kind.COUNT:
        return int(text)
    return text == "true" if item.kind is Kind.FLAG else text


@pytest.mark.parametrize("kind", ORDINARY)
def test_what_is_accepted_fits_the_schema_that_was_shown(kind: Kind):
    for value in ORDINARY[kind]:
        call = check({INPUTS[kind].name: value})
        VALIDATOR.validate(
            {name: typed(INPUTS[kind], text) for name, text in call.arguments.items()}
        )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(sorted(TOOL.input_names)) | st.text(max_size=12)


@given(st.dictionaries(NAMES, JSON, max_size=6))
def test_nothing_but_invalid_arguments_is_ever_raised(arguments: dict[str, Any]):
    try:
        call = check(arguments)
    except InvalidArguments as error:
        assert error.problems
    else:
        kinds = {item.name: item for item in TOOL.inputs}
        VALIDATOR.validate({n: typed(kinds[n], text) for n, text in call.arguments.items()})


def test_errors_are_in_the_language_of_the_tool():
    chinese = dataclasses.replace(TOOL, language="zh")
    with pytest.raises(InvalidArguments) as caught:
        check({"hosst": "x", "port": "many", "host": "WEB_1"}, chinese)
    lines = str(caught.value).split("\n")
    assert lines[0] == f"{TOOL.name} 没有启动。请修改以下参数:"
    assert lines[1].startswith("- hosst: 没有这个参数;是否指 'host'?(可用的有:")
    assert "- port: 给出的是 'many';必须是整数,从 1 到 65535" in lines
    assert any(line.startswith("- host: 给出的是 'WEB_1';必须是以下之一:") for line in lines)
