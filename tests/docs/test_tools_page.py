"""The example of docs/tools.md is what the program makes of it."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsmcp_pipelines.catalogue import Catalogue, Contents
from opsmcp_pipelines.embedded.library import Library
from opsmcp_pipelines.embedded.source import EMBEDDED_TRAITS
from opsmcp_server.app import _tool_settings
from opsmcp_server.config.load import load
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.toolbox.build import build_toolbox
from opsmcp_tools.toolbox.lint.source import Report, lint_source
from opsmcp_tools.toolbox.tool_settings import ToolSettings
from tests.docs.settings_reference import ROOT

PAGE = (ROOT / "docs" / "tools.md").read_text("utf-8")
BLOCKS = re.findall(r"```\w+\n(.*?)```", PAGE.partition("### Before and after")[2], re.DOTALL)
BEFORE, SENT_BEFORE, FINDINGS, AFTER, SENT_AFTER, SETTINGS = BLOCKS


def made(manifest: str, folder: Path, settings: ToolSettings) -> tuple[Tool, Report]:
    (folder / "clear-logs.yaml").write_text(manifest, "utf-8")
    loaded = Library([folder], "ops-system").read()
    contents = Contents(pipelines=loaded.pipelines, tasks=loaded.tasks, problems=loaded.problems)
    catalogue = Catalogue(1, contents, datetime(2026, 1, 1, tzinfo=UTC))
    [tool] = build_toolbox(catalogue, settings).tools
    [report] = lint_source(catalogue, settings)[0]
    return tool, report


def sent(tool: Tool) -> dict[str, object]:
    return {
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.input_schema,
    }


@pytest.mark.parametrize(
    ("manifest", "shown"), [(BEFORE, SENT_BEFORE), (AFTER, SENT_AFTER)], ids=["before", "after"]
)
def test_what_a_model_is_sent_is_what_the_page_shows(
    manifest: str, shown: str, tmp_path: Path
) -> None:
    assert sent(made(manifest, tmp_path, ToolSettings())[0]) == json.loads(shown)


def test_what_lint_finds_is_what_the_page_shows(tmp_path: Path) -> None:
    before = made(BEFORE, tmp_path, ToolSettings())[1]
    lines = [
        f"{found.rule}: {f'{found.variable}: ' if found.variable else ''}{found.message}"
        for found in before.findings
    ]
    assert FINDINGS.splitlines() == lines
    assert f"gives it {before.score} points" in PAGE
    assert made(AFTER, tmp_path, ToolSettings())[1].findings == ()


def test_settings_help_as_much_as_words_in_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "opsmcp.yaml").write_text(SETTINGS, "utf-8")
    config = load({"HOME": str(tmp_path)}, cwd=tmp_path, file=tmp_path / "opsmcp.yaml")
    folder = tmp_path / "manifests"
    folder.mkdir()
    tool, report = made(BEFORE, folder, _tool_settings(config, EMBEDDED_TRAITS))
    assert json.loads(SENT_AFTER)["description"].startswith(tool.description)
    assert {found.rule for found in report.findings} == {"unquoted-variable"}
