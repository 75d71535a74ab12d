"""Runs a bundled operation for real, on the embedded engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio

from opsmcp_pipelines.catalogue import Contents
from opsmcp_pipelines.embedded.source import EmbeddedSettings, open_embedded_source
from opsmcp_pipelines.models import Pipeline
from opsmcp_pipelines.run import Run, RunReport, Verdict
from opsmcp_pipelines.source import RunRef, Source, StartRequest
from opsmcp_pipelines.verdict.expected import expected_tasks
from opsmcp_pipelines.verdict.judge import judge

__all__ = ["SYSTEM_PATH", "Bench", "Outcome"]

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: its verdict, and what each step said."""

    verdict: Verdict
    steps: Mapping[str, str]

    @property
    def text(self) -> str:
        return "\n".join(self.steps.values())


@dataclass(frozen=True, slots=True)
class Bench:
    """The engine on a state directory and an environment of its own."""

    folder: Path
    environ: Mapping[str, str]

    async def run(self, name: str, **given: str) -> Outcome:
        settings = EmbeddedSettings(self.environ)
        with anyio.fail_after(60):
            async with open_embedded_source(settings) as source:
                return _outcome(await _run(source, name, given))


async def _run(source: Source, name: str, given: Mapping[str, str]) -> Run:
    contents = await source.read()
    pipeline = _find(contents, name)
    own = {one.name: one.value or one.default or "" for one in pipeline.variables}
    definition = contents.definition(pipeline.key)
    assert definition is not None
    ref = await source.start(StartRequest(definition, "r-test", {**own, **given}))
    return judge(await _ended(source, ref), expected_tasks(definition))


def _find(contents: Contents, name: str) -> Pipeline:
    return next(pipeline for pipeline in contents.pipelines if pipeline.name == name)


async def _ended(source: Source, ref: RunRef) -> RunReport:
    for _ in range(10_000):
        report = await source.read_run(ref)
        if report.status.ended:
            return report
        await anyio.sleep(0.02)  # a run is polled: it has no event to wait for
    raise AssertionError("the run does not end")


def _outcome(run: Run) -> Outcome:
    steps = [step for task in run.tasks for node in task.nodes for step in node.steps]
    return Outcome(run.verdict, {step.name: step.output for step in steps})
