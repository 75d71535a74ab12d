"""How Ops reads the conditions of steps, `when` and `allowfailure`, as far as it can.

Mirrors pkg/utils/logic.go of Ops with its faults, because a condition that Ops cannot read ends the
task there without a word. `when` is read with the values filled in as text; `allowfailure` is read
as it is written (pkg/task/task.go). The embedded engine has a reader of its own. Pure.
"""

import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from opsmcp_pipelines.models import Step

__all__ = [
    "Truth",
    "condition_fault",
    "is_number",
    "may_fail",
    "missing_numbers",
    "would_run",
]


class Truth(Enum):
    """What Ops makes of a condition.

    OPEN: that depends on what is known only in the run. ON_NUMBER: as well, and Ops can read it
    only if the step before prints a number.
    """

    TRUE = "true"
    FALSE = "false"
    OPEN = "open"
    ON_NUMBER = "on number"
    UNREADABLE = "unreadable"


_NO_VALUES: Mapping[str, str | None] = MappingProxyType({})
_REFERENCE = re.compile(r"\$\{[^}]*\}")
_BOUND_BY_OPS = frozenset(
    {"EVENT_CLUSTER", "HOSTNAME", "NAMESPACE", "OPSSERVER_ENDPOINT", "TASK", "TASKRUN", "TIME"}
    | {"output", "result", "status"}
)
"""Names whose values come from Ops, whatever was given for them."""

_OUTPUT_BEFORE = re.compile(r"\$\{(?:output|result)\}")

_TRUTHS: Mapping[str, Truth] = MappingProxyType(
    {
        **dict.fromkeys(("1", "true", "!false"), Truth.TRUE),
        **dict.fromkeys(("0", "false", "!true"), Truth.FALSE),
    }
)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_JOINED = re.compile(r"&&|\|\|")
_TEXT_TEST = re.compile(r"(not )?(startwith|endwith)(.*)", re.DOTALL)
_NO_FLOAT = re.compile(r"_|^0[xX]|[^\x00-\x7f]|\s")


def would_run(
    when: str, values: Mapping[str, str | None] = _NO_VALUES, *, complete: bool = False
) -> Truth:
    """Whether Ops runs a step of that `when`; an empty one says always.

    Args:
        when: The condition as it is written.
        values: What is filled in; a name of None is open.
        complete: Whether nothing is filled in for any other name; else those are open, too.
    """
    if _joined(when):
        return Truth.UNREADABLE
    filled = _REFERENCE.sub(lambda found: _value(found[0], values, complete), when)
    truth = _read(filled, if_empty=Truth.TRUE)
    if truth is Truth.OPEN and _is_unreadable_after_text(filled):
        return Truth.ON_NUMBER
    return truth


def is_number(text: str) -> bool:
    """Whether Ops could read that as a number."""
    return isinstance(_number(text.strip()), float)


def missing_numbers(when: str, values: Mapping[str, str | None]) -> tuple[str, ...]:
    """The names that a condition compares as numbers and that have none, where that is its fault.

    Args:
        when: The condition as it is written.
        values: What is known when the run begins.
    """
    known = {name: value or "" for name, value in values.items()}
    if would_run(when, known, complete=True) is not Truth.UNREADABLE:
        return ()
    names = (found[2:-1] for found in _REFERENCE.findall(when))
    return tuple(dict.fromkeys(name for name in names if not is_number(known.get(name, ""))))


def _is_unreadable_after_text(filled: str) -> bool:
    said = _OUTPUT_BEFORE.sub("text", filled)
    return said != filled and _read(said, if_empty=Truth.TRUE) is Truth.UNREADABLE


def may_fail(allow_failure: str) -> Truth:
    """Whether Ops goes on after the step failed. Nothing is filled in here, so nothing is open."""
    if _joined(allow_failure):
        return Truth.UNREADABLE
    return _read(allow_failure.replace("${", "{"), if_empty=Truth.FALSE)


def condition_fault(step: Step) -> tuple[str, str] | None:
    """The field at which Ops stops a task without a word, and why; None where it reads both."""
    if would_run(step.when) is Truth.UNREADABLE:
        return "when", _why(step.when)
    if may_fail(step.allow_failure) is not Truth.UNREADABLE:
        return None
    filled = "${" in step.allow_failure and not _joined(step.allow_failure)
    why = "no value is filled in there" if filled else _why(step.allow_failure)
    return "allowfailure", why


def _why(condition: str) -> str:
    if joined := _joined(condition):
        return f"it has no {joined!r}"
    if found := re.search(r">=|=>|<=|=<|=~", condition):
        return f"it has no {found[0]!r}"
    if condition.count("==") > 1 or condition.count("!=") > 1:
        return "it compares once only"
    if re.search(r"[<>]", condition):
        return "it compares something that is not a number"
    return "it is neither true nor false, and compares nothing"


def _joined(condition: str) -> str:
    """The operator by which it joins two conditions, of which Ops has none; it may misread both."""
    found = _JOINED.search(_QUOTED.sub("", condition))
    return found[0] if found else ""


def _value(reference: str, values: Mapping[str, str | None], complete: bool) -> str:
    name = reference[2:-1]
    if name in _BOUND_BY_OPS or "." in name:
        return reference
    # The environment of the controller is filled in, too.
    value = values.get(name, "" if complete and not name.isupper() else None)
    # A value that holds a template is filled in again, by what nobody knows here.
    return reference if value is None or "${" in value else value


def _read(text: str, *, if_empty: Truth) -> Truth:
    text = text.strip()
    if not text:
        return if_empty
    if text.lower() in _TRUTHS:
        return _TRUTHS[text.lower()]
    for read in (_read_equality, _read_order, _read_text_test):
        if (truth := read(text)) is not None:
            return truth
    alone = _REFERENCE.sub("", text).strip() in ("", "!")
    return Truth.OPEN if alone and "${" in text else Truth.UNREADABLE


def _read_equality(text: str) -> Truth | None:
    for operator in ("==", "!="):
        if operator not in text:
            continue
        left, *others = text.split(operator)
        if len(others) != 1:
            return Truth.UNREADABLE
        if "${" in text:
            return Truth.OPEN
        same = _unquoted(left).lower() == _unquoted(others[0]).lower()
        return _truth(same is (operator == "=="))
    return None


def _read_order(text: str) -> Truth | None:
    for operator in (">", "<"):
        if operator not in text:
            continue
        left, right = (_number(side) for side in text.split(operator)[:2])
        if Truth.UNREADABLE in (left, right):
            return Truth.UNREADABLE
        if isinstance(left, Truth) or isinstance(right, Truth):
            return Truth.OPEN
        return _truth(left > right if operator == ">" else left < right)
    return None


def _read_text_test(text: str) -> Truth | None:
    found = _TEXT_TEST.match(text)
    if found is None:
        return None
    parts = found[3].removeprefix("(").removesuffix(")").split(",")
    if len(parts) != 2:
        return Truth.OPEN if "${" in text else Truth.UNREADABLE
    if "${" in text:
        return Truth.OPEN
    test = str.startswith if found[2] == "startwith" else str.endswith
    return _truth(test(parts[0].strip(), parts[1].strip()) is not bool(found[1]))


def _number(side: str) -> float | Truth:
    """The number as Go reads it; UNREADABLE if it is none, OPEN if it is not known yet."""
    text = _unquoted(side)
    if "${" in text:
        # Whatever is filled in, what stands beside it stays: `= ${n}` is never a number.
        return (
            Truth.UNREADABLE if re.search(r"[^\d.eE+-]", _REFERENCE.sub("", text)) else Truth.OPEN
        )
    try:
        return Truth.UNREADABLE if _NO_FLOAT.search(text) else float(text)
    except ValueError:
        return Truth.UNREADABLE


def _unquoted(text: str) -> str:
    for mark in (" ", "'", '"'):
        text = text.strip(mark)
    return text


def _truth(holds: bool) -> Truth:
    return Truth.TRUE if holds else Truth.FALSE
