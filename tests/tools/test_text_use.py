"""Text is allowed only where every use that can be seen keeps it data."""

from dataclasses import replace

import pytest

from opsmcp_pipelines.models import Step, Task, Variable
from opsmcp_tools.toolbox.text_use import find_unsafe_use

TASK = Task("send", "ops-system", variables=(Variable("message"),))


def fault(task: Task) -> str:
    return find_unsafe_use("message", task, (task,))


def script(content: str, **more: object) -> Task:
    return replace(TASK, steps=(replace(Step("s", content), **more),))


@pytest.mark.parametrize(
    "content",
    [
        'echo "${message}"',
        'echo "said: ${message}."',
        "cat <<'E'\nsaid: ${message}\nE",
        # Text holds no `$`, backtick or backslash, so nothing of it is expanded here.
        "cat <<E\nsaid: ${message}\nE",
        "echo hello",
        "echo ${messages}",
    ],
)
def test_a_use_inside_double_quotes_or_a_here_document_is_safe(content: str) -> None:
    assert fault(script(content)) == ""


@pytest.mark.parametrize(
    "content",
    [
        "echo ${message}",
        "echo '${message}'",
        'echo "$(echo ${message})"',
        "cat <<'E'\n${message}\nE",
        'eval "${message}"',
        'sh -c "${message}"',
        "python3 -c \"print('${message}')\"",
        "#!/usr/bin/env python3\nprint('${message}')",
        'echo "unfinished ${message}',
    ],
)
def test_every_other_use_names_the_step(content: str) -> None:
    assert "in step 's' of task 'send'" in fault(script(content))


@pytest.mark.parametrize(
    "task",
    [
        script("echo", when="${message} == 1"),
        script("echo", allow_failure="${message}"),
        script("", more='{"localfile": "/tmp/${message}"}'),
        replace(TASK, more='{"runtimeImage": "${message}"}'),
        replace(TASK, variables=(Variable("other", default="${message}"),)),
    ],
    ids=["condition", "what may fail", "file", "image", "variable"],
)
def test_a_use_outside_of_scripts_is_none_that_text_may_have(task: Task) -> None:
    assert fault(task)
