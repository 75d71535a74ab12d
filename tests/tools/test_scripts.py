"""When the script itself is a variable."""

import pytest

from opsmcp_pipelines.models import Step, Task
from opsmcp_tools.toolbox.script_variables import free_script_variable

FREE = {
    "bare": "${content}",
    "quoted": '"${content}"',
    "with shebang": "#!/bin/bash\nset -e\n\n${content}\n",
    "eval": 'eval "${content}"',
    "bash -c": 'bash -c "${content}"',
    "sudo sh -c": "sudo sh -c '${content}'",
}


def found(content: str, name: str = "x") -> str:
    return free_script_variable(name, [Task("t", "n", steps=(Step("s", content),))], ["content"])


@pytest.mark.parametrize("content", FREE.values(), ids=FREE)
def test_a_script_that_is_one_variable_is_free(content: str):
    assert found(content) == "content"


@pytest.mark.parametrize(
    "content",
    [
        "ls ${content}",
        "echo ${content}; id",
        "${other}",
        "\ud800 ${content}",
        "",
        "x" * 5000,
        "kubectl get pod \\\n  ${content}",
        'echo "first\n${content} second"',
        "cat <<E\n${content}\nE",
        "names=(\n  ${content}\n)",
        'if [ -n "${content}" ]; then echo; fi',
        'case "${content}" in a) id;; esac',
        "grep -c ${content} /x",
        "#!/usr/bin/env python3\nprint('''\n${content}\n''')",
    ],
)
def test_a_script_with_words_of_its_own_is_not(content: str):
    assert found(content) == ""


@pytest.mark.parametrize(
    "content",
    [
        "${content}\nid",
        "cd /tmp\n${content} --now",
        "cd /tmp && sudo ${content}",
        'set -e; cd /tmp; eval "${content}"',
        "cd /tmp; bash -c '${content}'",
        "if true; then ${content}; fi",
        "x=$(${content})",
        "${content}/bin/tool --all",
    ],
)
def test_a_script_that_runs_a_value_is_free_too(content: str):
    assert found(content) == "content"


def test_names_decide_where_the_script_cannot_be_read():
    assert found("(left out)", "script") == "content"
    assert found("(left out)", "run-command") == "content"
    assert free_script_variable("script", [], ["path"]) == ""
