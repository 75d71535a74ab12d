"""Finding: one thing that could be better in an operation, and what would mend it. Frozen words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from opsmcp_tools.model.tool import JsonObject

__all__ = ["Finding", "Severity", "Spot"]


class Severity(StrEnum):
    """How much it matters: errors keep a tool away or make it dangerous."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Spot:
    """A line in the script of a step, counted from 1 within it, or another `field` of the step."""

    task: str
    step: str
    line: int
    field: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that could be better.

    Attributes:
        rule: Its name, for people and programs.
        severity: How much it matters.
        message: What is wrong, and what to do.
        variable: The variable that it is about, if it is about one.
        override: What in `tools.overrides` would help.
        label: The key of the label that it is about, if it is about one.
        spot: Where in a script it stands, if it stands in one.
        labels: Labels of the operation with which it is not found any more, and nothing is refused.
        quotes: Whether double quotes around the variable, in the step of `spot`, mend it.
        answer: A line of YAML with which its author can answer it, a label or a field of the
            variable: only the author knows whether it is right.
    """

    rule: str
    severity: Severity
    message: str
    variable: str = ""
    override: JsonObject = field(default_factory=dict[str, object])
    label: str = ""
    spot: Spot | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    quotes: bool = False
    answer: str = ""
