"""Runbooks that nobody wrote for opsmcp: what is taken as it is, and what its author is told."""

import re
from dataclasses import replace

import pytest

from opsmcp_pipelines.catalogue import Catalogue, Contents
from opsmcp_pipelines.models import Step, Task, Variable
from opsmcp_tools.arguments.value_checks import Refused, check_value
from opsmcp_tools.model.value_rules import ValueRules
from opsmcp_tools.toolbox.build import build_toolbox
from opsmcp_tools.toolbox.lint.source import lint_source
from opsmcp_tools.toolbox.tool_settings import Exposure, ToolSettings
from opsmcp_tools.toolbox.toolbox import Toolbox
from tests.safety.lines_by_name import LINES, REFUSED, Row
from tests.tools.recorded import catalogue

SETTINGS = ToolSettings(
    values=ValueRules(pasted=False, loopback=True), exposure=Exposure("none", "all")
)
UNTOLD = frozenset({"dataset", "nginx_signal"})
"""What is refused as what it is called, and could be a value of that kind when it is corrected."""


def _task(script: str, kinds: dict[str, str] | None = None) -> Task:
    declared = kinds or {}
    names = dict.fromkeys(re.findall(r"\$\{(\w+)\}", script))
    variables = tuple(
        Variable(name, display="what", regex=".+" if declared.get(name) == "regex" else "")
        for name in names
    )
    labels = {f"opsmcp/kind.{name}": kind for name, kind in declared.items() if kind != "regex"}
    desc = "Does some ordinary work on one thing"
    return Task("t", "ops", desc, "", variables, (Step("run", script),), labels)


def _catalogue(task: Task) -> Catalogue:
    return replace(catalogue(), contents=Contents(tasks=(task,)))


def _built(task: Task) -> Toolbox:
    return build_toolbox(_catalogue(task), SETTINGS)


@pytest.mark.parametrize("row", LINES, ids=[row[0][:50] for row in LINES])
def test_an_ordinary_value_is_taken_by_the_name_or_by_what_its_author_is_told(row: Row) -> None:
    script, values, kinds = row
    [tool] = _built(_task(script, dict(kinds))).tools
    for item in tool.inputs:
        assert check_value(item, values[item.name]) == values[item.name]


@pytest.mark.parametrize("row", [row for row in LINES if row[2]], ids=lambda row: row[0][:50])
def test_the_refusal_names_what_the_author_has_to_declare(row: Row) -> None:
    script, values, kinds = row
    [tool] = _built(_task(script)).tools
    for item in (one for one in tool.inputs if one.name in kinds.keys() - UNTOLD):
        with pytest.raises(Refused) as caught:
            check_value(item, values[item.name])
        kind = kinds[item.name]
        told = "by a regex" if kind == "regex" else f"opsmcp/kind.{item.name}: {kind}"
        assert told in str(caught.value)


@pytest.mark.parametrize(("script", "reason", "instead"), REFUSED)
def test_what_is_refused_is_told_so_that_it_can_be_written_otherwise(
    script: str, reason: str, instead: str
) -> None:
    [report] = lint_source(_catalogue(_task(script)), SETTINGS)[0]
    assert reason in "".join(finding.message for finding in report.findings)
    [tool] = _built(_task(instead)).tools
    assert tool.inputs


def test_nearly_all_ordinary_lines_are_taken() -> None:
    assert len(LINES) >= 60
    assert len(REFUSED) / (len(LINES) + len(REFUSED)) < 0.05
    by_name = sum(not kinds for _, _, kinds in LINES)
    assert by_name / (len(LINES) + len(REFUSED)) > 0.8
