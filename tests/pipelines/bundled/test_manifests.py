"""What every bundled manifest must be, whatever it does."""

import re
from importlib import resources
from pathlib import Path

import pytest

from opsmcp_pipelines.manifest import parse_manifest
from opsmcp_pipelines.models import COPILOT_LABEL, Pipeline, Task

HINTS = ("opsmcp/read-only", "opsmcp/destructive", "opsmcp/idempotent")
DESTRUCTIVE = {"clear-disk", "restart-pod", "force-restart-pod"}
KUBERNETES = {
    "describe-pod",
    "force-restart-pod",
    "get-cluster-ip",
    "get-pod-logs",
    "list-nodes",
    "list-pods",
    "restart-pod",
}
HOST = {
    "check-certificate",
    "check-dns",
    "check-http",
    "clear-disk",
    "disk-usage",
    "host-overview",
    "listening-ports",
    "log-files",
    "open-files",
    "process-details",
    "scheduled-jobs",
    "service-logs",
    "service-status",
    "top-processes",
}
NAMES = sorted(KUBERNETES | HOST)

ROOT = Path(__file__).parents[3]


def read(name: str) -> tuple[Pipeline, Task]:
    text = (resources.files("opsmcp_pipelines.bundled") / f"{name}.yaml").read_text("utf-8")
    manifest = parse_manifest(text, f"{name}.yaml", "elsewhere")
    assert not manifest.problems
    pipeline, task = manifest.operations
    assert isinstance(pipeline, Pipeline)
    assert isinstance(task, Task)
    return pipeline, task


def test_the_bundled_operations_are_the_promised_ones() -> None:
    files = resources.files("opsmcp_pipelines.bundled").iterdir()
    assert sorted(f.name for f in files if f.name.endswith(".yaml")) == [f"{n}.yaml" for n in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_pipeline_and_task_carry_the_name_of_the_file(name: str) -> None:
    pipeline, task = read(name)
    assert (pipeline.name, pipeline.namespace) == (name, "ops-system")
    assert (task.name, task.namespace, task.host) == (name, "ops-system", "localhost")
    assert [ref.task for ref in pipeline.tasks] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_the_pipeline_is_for_assistants_and_its_task_is_not_a_second_tool(name: str) -> None:
    pipeline, task = read(name)
    assert pipeline.labels[COPILOT_LABEL] == "enabled"
    assert COPILOT_LABEL not in task.labels


@pytest.mark.parametrize("name", NAMES)
def test_every_hint_is_stated(name: str) -> None:
    pipeline, _ = read(name)
    destructive = name in DESTRUCTIVE
    assert [pipeline.labels[hint] for hint in HINTS[:2]] == [
        str(not destructive).lower(),
        str(destructive).lower(),
    ]
    assert pipeline.labels[HINTS[2]] in ("true", "false")


@pytest.mark.parametrize("name", NAMES)
def test_only_kubernetes_operations_say_that_they_need_kubectl(name: str) -> None:
    needs = "kubectl" if name in KUBERNETES else None
    assert [operation.labels.get("opsmcp/needs") for operation in read(name)] == [needs, needs]


@pytest.mark.parametrize("name", NAMES)
def test_descriptions_are_there_and_short(name: str) -> None:
    pipeline, task = read(name)
    assert 10 <= len(pipeline.desc.split()) <= 40
    assert task.desc
    assert all(variable.desc for variable in task.variables)


@pytest.mark.parametrize("name", NAMES)
def test_every_step_has_a_deadline(name: str) -> None:
    _, task = read(name)
    assert all(0 < step.timeout_seconds <= 300 for step in task.steps)


@pytest.mark.parametrize("name", NAMES)
def test_values_stand_in_double_quotes_and_nothing_else_has_braces(name: str) -> None:
    """Ops puts values in as text, and empties every other `${x}`: also the shell's own."""
    _, task = read(name)
    declared = {variable.name for variable in task.variables}
    text = "\n".join(step.content for step in task.steps)
    quoted = re.findall(r'"\$\{([a-z_]+)\}"', text)
    assert set(quoted) == declared
    assert len(quoted) == text.count("${")


def test_the_page_about_them_has_a_row_for_each_with_its_arguments() -> None:
    page = (ROOT / "docs" / "bundled-operations.md").read_text(encoding="utf-8")
    rows = {row.split("`")[1]: row for row in page.splitlines() if row.startswith("| `")}
    assert sorted(rows) == NAMES
    for name, row in rows.items():
        assert all(f"`{one.name}`" in row for one in read(name)[1].variables)
        assert ("destructive" in row) == (name in DESTRUCTIVE)
