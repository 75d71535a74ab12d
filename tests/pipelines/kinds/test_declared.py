"""The author of an operation declares kinds by labels, and nothing that the name alone decides."""

import pytest

from opsmcp_pipelines.kinds.declared import BadKind, labelled_kinds
from opsmcp_pipelines.kinds.kind import Kind, Separator, VariableKind
from opsmcp_pipelines.models import Pipeline, Task


def look(labels: dict[str, str], *of_tasks: dict[str, str]) -> dict[str, VariableKind]:
    tasks = [Task(f"t{n}", "ops", labels=labels) for n, labels in enumerate(of_tasks)]
    return dict(labelled_kinds(Pipeline("p", "ops", labels=labels), tasks))


def test_a_label_of_the_pipeline_beats_that_of_a_task():
    found = look(
        {"opsmcp/kind.zone": "ref", "ops/copilot": "enabled"},
        {"opsmcp/kind.zone": "path", "opsmcp/kind.racks": "list.host.blank"},
    )
    assert found == {
        "zone": VariableKind(Kind.REF),
        "racks": VariableKind(Kind.HOST, Separator.BLANK),
    }


def test_tasks_that_disagree_need_a_word_of_the_pipeline():
    with pytest.raises(BadKind, match="declare 'x' as path and as ref"):
        look({}, {"opsmcp/kind.x": "path"}, {"opsmcp/kind.x": "ref"})
    assert look({}, {"opsmcp/kind.x": "ref"}, {"opsmcp/kind.x": "ref"}) == {
        "x": VariableKind(Kind.REF)
    }


@pytest.mark.parametrize("text", ["", "hosts", "bound", "choice", "list.text.comma", "\x1b[0m"])
def test_a_label_that_names_no_kind_is_said(text: str):
    with pytest.raises(BadKind, match=r"the label opsmcp/kind\.x names no kind") as caught:
        look({"opsmcp/kind.x": text})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["cluster", "host", "white", "whitelist", "sk", "db_password"])
def test_where_a_run_takes_place_and_what_is_secret_no_label_changes(name: str):
    with pytest.raises(BadKind, match="cannot change what that name means"):
        look({f"opsmcp/kind.{name}": "token"})


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("list.time.comma", "list.duration.comma"),
        ("list.schedule.line", "one for each call"),
        ("list.selector.comma", "'selector' is the kind"),
        ("list.pattern.blank", "let the regex of the variable match the whole list"),
        ("list.text.line", "one for each call"),
        ("list.choice", "its `enums` are what each item may be"),
        ("list.host.semicolon", "list.host.comma, .blank or .line"),
        ("list", "list.host.comma, .blank or .line"),
        ("Count", "'count' is one"),
        ("kubernetes", "'kubernetes_name' is one"),
        ("zzz", "see docs/tools.md, Kinds"),
    ],
)
def test_what_is_no_kind_is_said_with_what_to_declare_instead(text: str, instead: str) -> None:
    with pytest.raises(BadKind) as caught:
        look({"opsmcp/kind.x": text})
    assert instead in str(caught.value)
