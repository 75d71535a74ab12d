"""Changes of a manifest touch what they are about, and nothing else of its text."""

import difflib

import pytest

from opsmcp_pipelines.manifest_text import Change, ManifestText
from opsmcp_pipelines.models import OperationKey, OperationKind

HEAD = "apiVersion: crd.chenshaowen.com/v1\nkind: Task\n"
KEY = OperationKey(OperationKind.TASK, "ops", "a")
LABEL = Change({"opsmcp/kind.x": "count"})
X = frozenset({"x"})


def changed(metadata: str, content: str = "content: ls", change: Change = LABEL) -> list[str]:
    """The lines that a change takes away and adds."""
    before = f"{HEAD}{metadata}spec:\n  steps:\n    - name: s\n      {content}\n"
    after = ManifestText(before).changed({KEY: change})
    rows = difflib.ndiff(before.split("\n"), after.split("\n"))
    return [row for row in rows if row[0] in "+-"]


@pytest.mark.parametrize(
    ("metadata", "lines"),
    [
        ("metadata:\n  name: a\n", ["+   labels:", "+     opsmcp/kind.x: count"]),
        (
            "metadata:\n    name: a\n    labels:\n        b: c # d\n",
            ["+         opsmcp/kind.x: count"],
        ),
        (
            "metadata: {name: a}\n",
            ["- metadata: {name: a}", "+ metadata: {name: a, labels: {opsmcp/kind.x: count}}"],
        ),
        (
            "metadata:\n  name: a\n  labels: {b: c}\n",
            ["-   labels: {b: c}", "+   labels: {b: c, opsmcp/kind.x: count}"],
        ),
        (
            "metadata:\n  name: a\n  labels: {}\n",
            ["-   labels: {}", "+   labels: {opsmcp/kind.x: count}"],
        ),
        (
            'metadata:\n  name: a\n  labels:\n    opsmcp/kind.x: "ref" # why\n',
            ['-     opsmcp/kind.x: "ref" # why', "+     opsmcp/kind.x: count # why"],
        ),
        ("metadata:\r\n  name: a\r\n", ["+   labels:\r", "+     opsmcp/kind.x: count\r"]),
    ],
)
def test_a_label_stands_with_the_others(metadata: str, lines: list[str]) -> None:
    assert changed(metadata) == lines


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("content: |\n        ls\n        ls ${x}", ["-         ls ${x}", '+         ls "${x}"']),
        ("content: ls ${x}", ["-       content: ls ${x}", '+       content: ls "${x}"']),
        ("content: ${x} -l", ["-       content: ${x} -l", "+       content: '\"${x}\" -l'"]),
        (
            'content: "ls ${x}"',
            ['-       content: "ls ${x}"', '+       content: "ls \\"${x}\\""'],
        ),
        ("content: |\n        ls '${x}' # ${x}", []),
        ("content: >\n        ls\n        ${x}", []),
    ],
)
def test_quotes_are_put_where_the_script_lacks_them(content: str, lines: list[str]) -> None:
    assert changed("metadata:\n  name: a\n", content, Change(quoted={"s": X})) == lines


def test_what_cannot_be_changed_costs_the_others_nothing() -> None:
    metadata = "metadata:\n  name: a\n"
    both = changed(metadata, "content: >\n        ls\n        ${x}", Change(LABEL.labels, {"s": X}))
    assert both == ["+   labels:", "+     opsmcp/kind.x: count"]
    assert changed("metadata:\n  name: a\n  labels:\n") == []
    other = OperationKey(OperationKind.TASK, "ops", "b")
    assert ManifestText(f"{HEAD}{metadata}").changed({other: LABEL}) == f"{HEAD}{metadata}"


def test_lines_are_those_of_the_file() -> None:
    text = ManifestText(
        f"# first\n---\n{HEAD}metadata:\n  name: a\n  labels:\n    opsmcp/kind.x: ref\nspec:\n"
        "  variables:\n    x: {default: y}\n  steps:\n    - content: |\n"
        "        ls\n        ls ${x}\n"
    )
    assert text.line_of(KEY) == 6
    assert text.label_line(KEY, "opsmcp/kind.x") == text.label_line(KEY) == 8
    assert text.variable_line(KEY, "x") == 11
    assert text.step_line(KEY, "step-1", 2) == 15
    assert text.step_line(KEY, "gone", 2) == text.variable_line(KEY, "gone") == 0
