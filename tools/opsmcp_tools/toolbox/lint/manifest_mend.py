"""Manifest files of findings: the line of each, and one diff of what is certain. Pure.

Certain is what a finding says of itself: a label with which the operation is as good a tool as
without, and quotes around a variable. What only its author can decide is a line to paste.
"""

import difflib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from opsmcp_pipelines.manifest_text import Change, ManifestText
from opsmcp_pipelines.models import Operation, OperationKey, OperationKind, Pipeline
from opsmcp_tools.toolbox.lint.finding import Finding
from opsmcp_tools.toolbox.lint.source import Report

__all__ = ["ManifestMend", "difference"]


class ManifestMend:
    """The files that the operations of a source stand in."""

    def __init__(self, files: Mapping[OperationKey, str], texts: Mapping[str, str]) -> None:
        """Read each once; `files` names that of an operation, `texts` is what they hold."""
        self.files, self.texts = files, texts
        self._read = {file: ManifestText(text) for file, text in texts.items()}

    def place(self, operation: Operation, finding: Finding) -> str:
        """File and line of what a finding is about, so far as they are known."""
        spot = finding.spot
        if finding.label:
            key = operation.key
            return self._line(key, lambda text: text.label_line(key, finding.label))
        if spot is None:
            return self._variable(operation, finding.variable) or self._line(
                operation.key, lambda text: text.line_of(operation.key)
            )
        task = OperationKey(OperationKind.TASK, operation.namespace, spot.task)
        if spot.field:
            return self._line(task, lambda text: text.field_line(task, spot.step, spot.field))
        return self._line(task, lambda text: text.step_line(task, spot.step, spot.line))

    def answer(self, operation: Operation, finding: Finding) -> str:
        """Where the answer to a finding goes, and the answer; empty where it has none."""
        label, _, _ = finding.answer.partition(":")
        if label.startswith("opsmcp/"):
            place = self._line(operation.key, lambda text: text.label_line(operation.key, label))
        else:
            place = self._variable(operation, finding.variable)
        return f"{place}: {finding.answer}" if finding.answer and place else finding.answer

    def changed(self, reports: Iterable[Report]) -> Mapping[str, str]:
        """The files that what is certain changes, each with what it would hold."""
        changes = _changes(reports)
        found: dict[str, str] = {}
        for file, text in self._read.items():
            own = {key: one for key, one in changes.items() if self.files.get(key) == file}
            after = text.changed(own) if own else self.texts[file]
            if after != self.texts[file]:
                found[file] = after
        return found

    def _variable(self, operation: Operation, name: str) -> str:
        """Where a variable is declared: by the operation, or by one of its tasks."""
        tasks = operation.task_keys if isinstance(operation, Pipeline) else ()
        for key in (operation.key, *tasks) if name else ():
            text = self._read.get(self.files.get(key, ""))
            if text is not None and (line := text.variable_line(key, name)):
                return f"{self.files[key]}:{line}"
        return ""

    def _line(self, key: OperationKey, find: Callable[[ManifestText], int]) -> str:
        file = self.files.get(key, "")
        text = self._read.get(file)
        line = find(text) if text is not None else 0
        return f"{file}:{line}" if line else file


def _changes(reports: Iterable[Report]) -> Mapping[OperationKey, Change]:
    labels = defaultdict[OperationKey, dict[str, str]](dict)
    quoted = defaultdict[OperationKey, dict[str, frozenset[str]]](dict)
    for report in reports:
        operation = report.operation
        for finding in report.findings:
            labels[operation.key].update(finding.labels)
            if finding.quotes and finding.spot is not None:
                task = OperationKey(OperationKind.TASK, operation.namespace, finding.spot.task)
                step = finding.spot.step
                names = quoted[task].get(step, frozenset())
                quoted[task][step] = names | {finding.variable}
    return {key: Change(labels[key], quoted[key]) for key in {**labels, **quoted}}


def difference(before: str, after: str, name: str) -> Iterator[str]:
    """A unified diff of a file as `git apply` takes it: lines, each with its end."""
    # What git reads of a name ends at a tab, where it holds a blank.
    tail = "\t" if " " in name else ""
    old, new = (text.splitlines(keepends=True) for text in (before, after))
    if len(old) != before.count("\n") + (not before.endswith("\n")):
        return  # It holds ends of lines that git does not know.
    for line in difflib.unified_diff(old, new, f"a/{name}{tail}", f"b/{name}{tail}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
