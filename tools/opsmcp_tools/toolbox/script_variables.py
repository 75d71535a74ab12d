"""What can be seen in the scripts of an operation: is the script itself a variable?

Pure. A script that consists of one `${variable}` runs whatever a caller sends; Ops ships such a
pipeline (`script`). One that runs a value as a command, or hands it to a shell, does the same.
"""

import re
from collections.abc import Container, Iterable, Iterator

import re2

from opsmcp_pipelines.kinds.names import words_of
from opsmcp_pipelines.models import Task

__all__ = ["free_script_variable"]

_NOISE = re.compile(r"^\s*(#.*|set\s+[-+][a-z]+.*)?$")
_ONLY_VARIABLE = re.compile(
    r"(?:(?:exec|eval|command|sudo|(?:/bin/|/usr/bin/)?(?:env|sh|bash|dash|zsh|python3?))\s+"
    r"|-[a-z]+\s+)*[\"']?\$\{([^${}]+)\}[\"']?;?"
)
_SCRIPT_NAMES = frozenset({"script", "shell", "exec", "command", "cmd"})
_SCRIPT_VARIABLES = frozenset({"content", "script", "command", "cmd", "code", "shell"})
_LONGEST = 4096
_LONGEST_PARSED = 64 * 1024
"""Characters of a script; of a longer one the worst is assumed."""

_MAY_RUN = (
    r"(?m:(?:^|[;&|(`]|\b(?:then|do|else|sudo|exec|nohup|time|env|eval)|\s-[a-z]*c)"
    r"[ \t]*[\"']?\$\{([^${}]{1,64})\})"
)
"""A variable that could stand where a command stands; quick, and often wrong."""
_ANY_MAY_RUN = re2.compile(_MAY_RUN.encode())


def free_script_variable(name: str, tasks: Iterable[Task], inputs: Iterable[str]) -> str:
    """The input that is a whole script, of an operation called `name`; empty when none is.

    Where a script cannot be read, the names of operation and input decide.
    """
    given = tuple(inputs)
    for task in tasks:
        for step in task.steps:
            found = _only_variable(step.content)
            if found in given:
                return found
            found = next(_run_variables(step.content, given), "")
            if found:
                return found
    if _SCRIPT_NAMES.isdisjoint(words_of(name)):
        return ""
    return next((item for item in given if item.lower() in _SCRIPT_VARIABLES), "")


def _run_variables(content: str, given: Container[str]) -> Iterator[str]:
    """The inputs that a script runs, as its parser sees it."""
    joined = content.replace("\\\n", " ")
    if _ANY_MAY_RUN.search(joined.encode("utf-8", "replace")) is None:
        return
    for name in dict.fromkeys(found for found in re.findall(_MAY_RUN, joined) if found in given):
        # Imported late: it needs the shell parser, and few scripts come so far.
        from opsmcp_pipelines.shell.pasted_values import is_run

        if len(content) > _LONGEST_PARSED or is_run(content, name):
            yield name


def _only_variable(content: str) -> str:
    """The variable that is the whole script, comments aside; empty when there is more to it."""
    if len(content) > _LONGEST:
        return ""
    lines = [line.strip() for line in content.splitlines() if not _NOISE.match(line)]
    whole = _ONLY_VARIABLE.fullmatch(lines[0]) if len(lines) == 1 else None
    return whole.group(1).strip() if whole else ""
