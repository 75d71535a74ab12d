"""When the script itself is a variable."""

import pytest

from opsmcp_pipelines.models import Step, Task
from opsmcp_tools.scripts import free_script_variable

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
    ["ls ${content}", "echo ${content}; id", "${other}", "", "x" * 5000, "${content}\nid"],
)
def test_a_script_with_words_of_its_own_is_not(content: str):
    assert found(content) == ""


def test_names_decide_where_the_script_cannot_be_read():
    assert found("(left out)", "script") == "content"
    assert found("(left out)", "run-command") == "content"
    assert free_script_variable("script", [], ["path"]) == ""
