"""Approvals: which definitions a person has looked at, and what is different since. Pure.

With `policy.pin` an operation is a tool only while its definition is the approved one. Where
approvals are kept, `approval_file` knows.
"""

import difflib
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from opsmcp_pipelines.models import OperationKey
from opsmcp_tools.model.definition import definition_lines
from opsmcp_tools.model.tool import Tool

__all__ = ["Approval", "Approvals", "Change", "find_changes"]

_NONE: Mapping[OperationKey, "Approval"] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Approval:
    """One definition that was approved: its hash, and its lines if there was room for them.

    `at` is a time in ISO 8601, `by` the name of whoever approved it.
    """

    definition: str
    lines: tuple[str, ...] = ()
    at: str = ""
    by: str = ""


@dataclass(frozen=True)
class Approvals:
    """What is approved of one source; nothing when a `fault` says why that is not known.

    `options` are those that the command which approves needs, to mean the same source.
    """

    known: Mapping[OperationKey, Approval] = field(default_factory=lambda: _NONE)
    fault: str = ""
    options: Sequence[str] = ()

    def covers(self, tool: Tool) -> bool:
        """Whether the tool's definition, as it is now, is approved."""
        approved = self.known.get(tool.operation.key)
        return approved is not None and approved.definition == tool.definition

    def refusal(self, tool: Tool) -> str:
        """Why a tool must not be offered; empty when its definition is approved."""
        if self.fault:
            return self.fault
        if self.covers(tool):
            return ""
        command = shlex.join(["opsmcp", "approve-catalogue", *self.options])
        if tool.operation.key in self.known:
            return f"its definition changed since it was approved: {command} shows how, and asks"
        return f"its definition is not approved (policy.pin): {command} shows it, and asks"


@dataclass(frozen=True)
class Change:
    """A definition that is not the approved one; `before` is None when none ever was."""

    tool: Tool
    before: Approval | None
    lines: tuple[str, ...]

    def difference(self) -> Iterator[str]:
        """A unified diff; of a definition whose approved lines were not kept, all lines as new."""
        old, since = (), "nothing"
        if self.before is not None:
            old, since = self.before.lines, f"approved {self.before.at} by {self.before.by}"
        return difflib.unified_diff(old, self.lines, since, "now", lineterm="")


def find_changes(tools: Iterable[Tool], approvals: Approvals) -> tuple[Change, ...]:
    """What would have to be approved, in the order of the tools."""
    return tuple(
        Change(
            tool,
            approvals.known.get(tool.operation.key),
            definition_lines(tool.operation, tool.tasks),
        )
        for tool in tools
        if not approvals.covers(tool)
    )
