"""`opsmcp lint`: what would make the operations of the source better tools."""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.session import run_with_services
from opsmcp_server.cli.terminal import Cell, show_json, show_table, tell
from opsmcp_server.protocol.services import Services
from opsmcp_tools.model.tool import JsonObject, Withheld
from opsmcp_tools.safe_text.characters import show_hidden
from opsmcp_tools.toolbox.lint.finding import Finding, Severity
from opsmcp_tools.toolbox.lint.manifest_mend import ManifestMend, difference
from opsmcp_tools.toolbox.lint.source import Report, lint_source, suggest_settings

__all__ = ["command"]

_PLACED = re.compile(r"(.+?:\d+): (.+)", re.DOTALL)
_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


@click.command("lint")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON.")
@click.option("--patch", is_flag=True, help="Only the settings that would help, as YAML.")
@click.option("--diff", is_flag=True, help="Only what can be mended for certain, for `git apply`.")
@shared_options
def command(shared: Shared, as_json: bool, patch: bool, diff: bool) -> int:
    """Show what would make the operations better tools, the worst first.

    Every operation has a score up to 100; what cannot be a tool at all has 0. Exit status 1 when
    there are errors. `opsmcp lint --diff | git apply` mends the manifests below this directory
    where that is certain: kinds that a default or a script shows, and quotes.
    """

    async def work(services: Services) -> int:
        toolbox = await services.calls.tools.current()
        reports, settings = lint_source(toolbox.catalogue, services.clients.tool_settings)
        broken = toolbox.broken
        contents = toolbox.catalogue.contents
        files = contents.files
        mend = ManifestMend(files, dict(_texts(files, reports)))
        if as_json:
            data = _data(reports, settings, broken, mend)
            show_json({**data, "manifests": list(contents.warnings)})
        elif patch:
            _show_patch(reports)
        elif diff:
            _show_diff(mend, reports)
        else:
            _show(reports, settings, broken, mend, contents.warnings)
        return int(bool(broken) or any(_has_error(report) for report in reports))

    return run_with_services(shared, work, follows_runs=False)


def _texts(
    files: Mapping[OperationKey, str], reports: tuple[Report, ...]
) -> Iterator[tuple[str, str]]:
    """What the files with findings hold; they were read before, so that they are small."""
    with_findings = {report.operation.namespace for report in reports if report.findings}
    for file in sorted({file for key, file in files.items() if key.namespace in with_findings}):
        try:
            yield file, Path(file).read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            continue  # It changed meanwhile; its findings have no line then.


def _key(item: Withheld) -> OperationKey:
    return OperationKey(item.kind, item.namespace, item.operation)


def _scores(
    reports: tuple[Report, ...], broken: tuple[Withheld, ...]
) -> Mapping[OperationKey, int]:
    """The points of each operation: none for one that is no tool."""
    lost = {_key(item) for item in broken}
    keys = {report.operation.key: report for report in reports}
    return {key: 0 if key in lost else report.score for key, report in keys.items()}


def _untold(broken: tuple[Withheld, ...], reports: tuple[Report, ...]) -> Iterator[Withheld]:
    """What is withheld for a reason that no finding tells with its line, each reason once."""
    told = {report.operation.key for report in reports if _has_error(report)}
    of_pipelines = [item.reason for item in broken if item.kind is OperationKind.PIPELINE]
    for item in broken:
        through_pipeline = any(reason.endswith(f": {item.reason}") for reason in of_pipelines)
        if _key(item) not in told and not through_pipeline:
            yield item


def _has_error(report: Report) -> bool:
    return any(finding.severity is Severity.ERROR for finding in report.findings)


def _data(
    reports: tuple[Report, ...],
    settings: tuple[str, ...],
    broken: tuple[Withheld, ...],
    mend: ManifestMend,
) -> JsonObject:
    scores = _scores(reports, broken)
    return {
        "broken": [
            {
                "operation": item.operation,
                "kind": str(item.kind),
                "file": mend.files.get(_key(item), ""),
                "reason": item.reason,
            }
            for item in broken
        ],
        "operations": [_row(report, scores[report.operation.key], mend) for report in reports],
        "settings": list(settings),
        "patch": suggest_settings(reports),
    }


def _row(report: Report, score: int, mend: ManifestMend) -> JsonObject:
    key = report.operation.key
    return {
        "operation": key.name,
        "kind": str(key.kind),
        "namespace": key.namespace,
        "file": mend.files.get(key, ""),
        "score": score,
        "findings": [
            {
                "rule": finding.rule,
                "severity": str(finding.severity),
                "variable": finding.variable,
                "message": finding.message,
                "place": mend.place(report.operation, finding),
                "labels": dict(finding.labels),
                "answer": mend.answer(report.operation, finding),
            }
            for finding in report.findings
        ],
    }


def _show_patch(reports: tuple[Report, ...]) -> None:
    import yaml

    patch = suggest_settings(reports)
    if patch:
        click.echo("# for opsmcp.yaml: fill in what says TODO, and leave out what is wrong")
        click.echo(yaml.safe_dump(patch, allow_unicode=True, sort_keys=False), nl=False)


def _show_diff(mend: ManifestMend, reports: tuple[Report, ...]) -> None:
    changed = {Path(file).absolute(): (file, new) for file, new in mend.changed(reports).items()}
    folder = Path.cwd()
    if not all(path.is_relative_to(folder) for path in changed):
        folder = Path(folder.anchor)
        click.echo("opsmcp: apply it with `git -C / apply`: not all is in this directory", err=True)
    for path, (file, after) in changed.items():
        for line in difference(mend.texts[file], after, str(path.relative_to(folder))):
            # A pipe gets each byte; nothing that an author wrote steers a terminal.
            shown = f"{show_hidden(line.rstrip())}\n" if sys.stdout.isatty() else line
            click.echo(shown, nl=False)


def _show(
    reports: tuple[Report, ...],
    settings: tuple[str, ...],
    broken: tuple[Withheld, ...],
    mend: ManifestMend,
    warnings: tuple[str, ...],
) -> None:
    scores = _scores(reports, broken)
    rows = [_no_tool(item, mend) for item in _untold(broken, reports)]
    rows += [_doubtful(text) for text in warnings]
    rows += [
        (
            Cell(report.operation.name, "bold"),
            Cell(str(scores[report.operation.key])),
            Cell(finding.rule, _STYLES[finding.severity]),
            Cell(_told(report, finding, mend)),
            Cell(mend.place(report.operation, finding), "dim"),
        )
        for report in reports
        for finding in report.findings
    ]
    rows += [
        (Cell("(settings)"), Cell(""), Cell("overrides"), Cell(text), Cell("")) for text in settings
    ]
    show_table(("operation", "score", "rule", "what could be better", "file"), rows)
    clean = sum(not report.findings and scores[report.operation.key] > 0 for report in reports)
    tell(f"{clean} of {len(reports)} operations have no findings.")


def _no_tool(item: Withheld, mend: ManifestMend) -> tuple[Cell, ...]:
    """A row of what no finding tells; a reason may begin with the place."""
    place, reason = mend.files.get(_key(item), ""), item.reason
    if not place and (found := _PLACED.fullmatch(reason)):
        place, reason = found.groups()
    name = "" if item.operation == place.rpartition(":")[0] else item.operation
    points = Cell("0")
    return Cell(name, "bold"), points, Cell("no-tool", "red"), Cell(reason), Cell(place, "dim")


def _doubtful(text: str) -> tuple[Cell, ...]:
    found = _PLACED.fullmatch(text)
    place, message = found.groups() if found else ("", text)
    rule = Cell("doubtful", "yellow")
    return Cell("(manifest)"), Cell(""), rule, Cell(message), Cell(place, "dim")


def _told(report: Report, finding: Finding, mend: ManifestMend) -> str:
    """What could be better, and the line that its author can write for it."""
    message = f"{finding.variable}: {finding.message}" if finding.variable else finding.message
    answer = mend.answer(report.operation, finding)
    return f"{message}. To paste at {answer}" if answer else message
