"""The text of a manifest file: on which line its parts stand, and what a change makes of it. Pure.

Changes are few and small, so that a person can read them: a label that is added or replaced, and
quotes around a variable of a script. The rest of the text stays as its author wrote it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from opsmcp_pipelines.manifest import documents_of, parse_manifest
from opsmcp_pipelines.models import Operation, OperationKey, Task
from opsmcp_pipelines.shell.quoting import put_quotes
from opsmcp_pipelines.yaml_nodes import ListNode, MapNode, Node, TextNode

__all__ = ["Change", "ManifestText"]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one operation: its new labels, and per step the variables to quote."""

    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    quoted: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    def on(self, operation: Operation) -> Operation:
        """The operation with the change."""
        changed = replace(operation, labels={**operation.labels, **self.labels})
        if not isinstance(changed, Task):
            return changed
        steps = [
            replace(step, content=put_quotes(step.content, self.quoted.get(step.name, ())))
            for step in changed.steps
        ]
        return replace(changed, steps=tuple(steps))


@dataclass(frozen=True, slots=True, order=True)
class _Edit:
    """What stands from `start` to `end` of a line becomes `text`; lines count from 0."""

    line: int
    start: int
    end: int
    text: str


class ManifestText:
    """One file. Lines are counted from 1, and 0 stands for what is not there."""

    def __init__(self, text: str) -> None:
        """Read it once more. Operations that name no namespace are found with any."""
        self._text = text
        self._lines = text.split("\n")
        self._documents = documents_of(text, "")

    def _find(self, key: OperationKey) -> MapNode | None:
        return self._documents.get(key) or self._documents.get(replace(key, namespace=""))

    def line_of(self, key: OperationKey) -> int:
        """Where the metadata of an operation begins."""
        return _line(_at(self._find(key), "metadata"))

    def label_line(self, key: OperationKey, label: str = "") -> int:
        """Where a label stands, or would stand with the others."""
        document = self._find(key)
        found = _at(document, "metadata", "labels", label) or _at(document, "metadata", "labels")
        return _line(found) or self.line_of(key)

    def variable_line(self, key: OperationKey, name: str) -> int:
        """Where a variable is declared."""
        return _line(_at(self._find(key), "spec", "variables", name))

    def step_line(self, key: OperationKey, step: str, line: int) -> int:
        """Where a line of the script of a step stands, counted from 1 within it."""
        content = self._content(key, step)
        if content is None:
            return 0
        return content.line + (line if content.style in ("|", ">") else line - 1)

    def field_line(self, key: OperationKey, step: str, field: str) -> int:
        """Where a field of a step stands, such as its `when`."""
        return _line(_at(self._step(key, step), field))

    def changed(self, changes: Mapping[OperationKey, Change]) -> str:
        """The text with the changes that can be made without touching anything else."""
        before = _operations(self._text)
        given = {**{replace(key, namespace=""): one for key, one in changes.items()}, **changes}
        good = {key: change for key, change in given.items() if key in before}
        while good:
            text = self._edited(good)
            after = _operations(text)
            wanted = {key: good[key].on(op) if key in good else op for key, op in before.items()}
            bad = {key for key in good if after.get(key) != wanted[key]}
            if not bad and after == wanted:
                return text
            # A script may be written as no line of it stands in the file; labels can still be set.
            less = {key: Change(good[key].labels) for key in bad if good[key].quoted}
            good = {key: change for key, change in good.items() if bad and key not in bad} | less
        return self._text

    def _edited(self, changes: Mapping[OperationKey, Change]) -> str:
        lines = list(self._lines)
        edits = [edit for key, change in changes.items() for edit in self._edits(key, change)]
        for edit in sorted(edits, reverse=True):
            line = lines[edit.line]
            lines[edit.line] = line[: edit.start] + edit.text + line[edit.end :]
        return "\n".join(lines)

    def _edits(self, key: OperationKey, change: Change) -> Iterator[_Edit]:
        metadata = _at(self._find(key), "metadata")
        if change.labels and isinstance(metadata, MapNode):
            yield from self._label_edits(metadata, change.labels)
        for step, names in change.quoted.items():
            content = self._content(key, step)
            if content is not None:
                yield from self._quote_edits(content, put_quotes(content.text, names))

    def _label_edits(self, metadata: MapNode, labels: Mapping[str, str]) -> Iterator[_Edit]:
        there = metadata.fields.get("labels")
        if not isinstance(there, MapNode):
            yield self._insert(metadata, labels, under="labels")
            return
        for key, value in labels.items():
            old = there.fields.get(key)
            if isinstance(old, TextNode):
                quotes = 2 if old.style else 0
                end = old.column + len(old.text) + quotes
                yield _Edit(old.line - 1, old.column, end, value)
        new = {key: value for key, value in labels.items() if key not in there.fields}
        if new:
            yield self._insert(there, new)

    def _insert(self, where: MapNode, labels: Mapping[str, str], under: str = "") -> _Edit:
        """New fields of a mapping: within its braces, or as lines before its first one."""
        pairs = [f"{key}: {value}" for key, value in labels.items()]
        if where.end is not None:
            line, column = where.end
            inner = ", ".join(pairs)
            text = f"{under}: {{{inner}}}" if under else inner
            return _Edit(line - 1, column - 1, column - 1, f"{', ' if where.fields else ''}{text}")
        indent, line = " " * where.column, where.line - 1
        end = "\r\n" if self._lines[line].endswith("\r") else "\n"
        rows = [f"{indent}{under}:", *(f"{indent}  {pair}" for pair in pairs)] if under else []
        rows = rows or [f"{indent}{pair}" for pair in pairs]
        return _Edit(line, 0, 0, "".join(f"{row}{end}" for row in rows))

    def _quote_edits(self, content: TextNode, wanted: str) -> Iterator[_Edit]:
        first = content.line if content.style == "|" else content.line - 1
        pairs = zip(content.text.split("\n"), wanted.split("\n"), strict=True)
        for number, (old, new) in enumerate(pairs, first):
            if old == new:
                continue
            line = self._lines[number]
            start = line.find(old, content.column if content.style != "|" else 0)
            if start >= 0:
                text = new.replace('"', '\\"') if content.style == '"' else new
                if not content.style and text.startswith('"'):
                    text = f"'{text}'"
                yield _Edit(number, start, start + len(old), text)

    def _content(self, key: OperationKey, step: str) -> TextNode | None:
        content = _at(self._step(key, step), "content")
        return content if isinstance(content, TextNode) else None

    def _step(self, key: OperationKey, step: str) -> Node | None:
        steps = _at(self._find(key), "spec", "steps")
        for number, node in enumerate(steps.items if isinstance(steps, ListNode) else (), 1):
            name = _at(node, "name")
            called = name.text if isinstance(name, TextNode) else f"step-{number}"
            if called == step:
                return node
        return None


def _operations(text: str) -> Mapping[OperationKey, Operation]:
    return {operation.key: operation for operation in parse_manifest(text, "", "").operations}


def _at(node: Node | None, *keys: str) -> Node | None:
    for key in keys:
        node = node.fields.get(key) if isinstance(node, MapNode) else None
    return node


def _line(node: Node | None) -> int:
    return node.line if node else 0
