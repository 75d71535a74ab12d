"""Whether a model can fill the variables of an operation, and the server its secrets."""

import re
from collections.abc import Iterator

from opsmcp_pipelines.kinds.go_regex import matches, parse_pattern
from opsmcp_pipelines.kinds.guess import kind_of
from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.names import is_secret_name
from opsmcp_pipelines.models import Variable
from opsmcp_tools.safe_text.characters import quote
from opsmcp_tools.toolbox.lint.finding import Finding, Severity
from opsmcp_tools.toolbox.lint.subject import Subject
from opsmcp_tools.toolbox.overrides import TO_DO

__all__ = ["lint_variables"]

_NESTED_REPEAT = re.compile(r"\([^()]*[+*][^()]*\)[+*{]")
_SCRIPT_SIGNS = re.compile(r"[\n;|&`]|\$\(")
_TODO = f"{TO_DO}: what it is"


def lint_variables(subject: Subject) -> Iterator[Finding]:
    """What is wrong with each: all of one sort, then the next."""
    for rule in (_meaning, _secrets, _fixed, _regex, _default):
        yield from rule(subject)


def _meaning(subject: Subject) -> Iterator[Finding]:
    for variable in subject.variables:
        untold = not (variable.display or variable.desc or variable.examples)
        if untold and kind_of(variable).kind is Kind.TOKEN:
            yield Finding(
                "no-display",
                Severity.WARNING,
                "nothing says what its value means: give it a display, desc or examples",
                variable.name,
                {"variables": {variable.name: {"description": _TODO}}},
            )


def _secrets(subject: Subject) -> Iterator[Finding]:
    bind, own = subject.settings.bind, subject.operation.name
    for variable in subject.variables:
        preset = variable.value or variable.default
        words = subject.said.variables.get(variable.name)
        bound = variable.name in bind or f"{own}.{variable.name}" in bind
        bound |= words is not None and words.bound is not None
        if is_secret_name(variable.name) and variable.required and not (preset or bound):
            message = f"it is a secret without a value: set bind.{variable.name}"
            yield Finding("unbound-secret", Severity.ERROR, message, variable.name)


def _fixed(subject: Subject) -> Iterator[Finding]:
    for variable in subject.variables:
        if variable.value and _SCRIPT_SIGNS.search(variable.value):
            message = "its fixed value is a script, which no reader of the steps sees"
            yield Finding("hidden-script", Severity.WARNING, message, variable.name)


def _regex(subject: Subject) -> Iterator[Finding]:
    for variable in subject.variables:
        if not variable.regex:
            continue
        if parse_pattern(variable.regex) is None:
            message = (
                f"its regex {quote(variable.regex)} cannot be used: it is not RE2, as Go has it"
            )
            yield Finding("bad-regex", Severity.ERROR, message, variable.name)
        elif _NESTED_REPEAT.search(variable.regex):
            message = "its regex repeats a repetition: some clients would hang on it"
            yield Finding("hostile-regex", Severity.WARNING, message, variable.name)


def _default(subject: Subject) -> Iterator[Finding]:
    for variable in subject.variables:
        wrong = _why_not_allowed(variable)
        if wrong:
            yield Finding("bad-default", Severity.WARNING, wrong, variable.name)


def _why_not_allowed(variable: Variable) -> str:
    """What keeps a caller from giving the value that leaving it out means; empty if nothing."""
    default = variable.default
    if not default or is_secret_name(variable.name):
        return ""
    if variable.enums and default not in variable.enums:
        return f"its default {quote(default)} is none of its enums"
    pattern = parse_pattern(variable.regex) if variable.regex else None
    if pattern and not matches(pattern.whole, default):
        return f"its default {quote(default)} does not match its regex"
    return ""
