import re
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from opsmcp_server.cli import COMMANDS, root
from opsmcp_server.config.effective import Config, setting_names
from opsmcp_server.config.environment import environment_name
from opsmcp_server.config.load import load
from opsmcp_server.protocol.builtin_tools import registry
from opsmcp_server.protocol.builtin_tools.row import BuiltIn
from opsmcp_tools.audit.line import EVENTS
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.policy.decision import Action, Policy
from tests.docs import metrics_reference
from tests.docs.settings_reference import PAGE, ROOT, reference
from tests.tools.recorded import tool

PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
OTHER_VARIABLES = {"OPSMCP_CONFIG", "OPSMCP_BIND_AK"}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def command_named(name: str) -> click.Command:
    found = root.get_command(click.Context(root), name)
    assert found is not None, name
    return found


def options_of(name: str) -> set[str]:
    """The options of a command; of one that has commands of its own, those of all of them."""
    named = command_named(name)
    every = named.commands.values() if isinstance(named, click.Group) else [named]
    found = (long for one in every for item in one.params for long in item.opts)
    return {long for long in found if long.startswith("--")}


def table_row(command: str) -> str:
    return next(line for line in README.splitlines() if line.startswith(f"| `opsmcp {command}"))


def test_the_reference_of_settings_is_the_one_of_the_code() -> None:
    assert reference() in text_of(PAGE), "run: python -m tests.docs.settings_reference"


def test_the_table_of_metrics_is_the_one_of_the_code() -> None:
    said = "run: python -m tests.docs.metrics_reference"
    assert metrics_reference.reference() in text_of(metrics_reference.PAGE), said


def test_every_setting_has_a_meaning() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) == len(setting_names())
    assert all(row.split(" | ")[-1].strip(" |") for row in rows)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    groups = "|".join(one.name for one in fields(Config))
    named = set(
        re.findall(rf"`((?:{groups})\.(?!(?:py|db|json|key|yaml)\b)[a-z_]+)\b", text_of(page))
    )
    assert named - set(EVENTS) <= set(setting_names())


def test_every_event_of_the_audit_trail_is_documented_and_nothing_else_is_written() -> None:
    table = text_of(ROOT / "docs" / "audit.md").partition("## Names of the fields")[0]
    assert set(EVENTS) <= set(re.findall(r"`([a-z_.]+)`", table))
    sources = "".join(text_of(path) for path in (ROOT / "server").rglob("*.py"))
    noted = set(re.findall(r'(?<!_)(?:note|record)\(\s*"([a-z]+\.?[a-z]*)"', sources))
    assert noted <= set(EVENTS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"\bOPSMCP_[A-Z_]*[A-Z]", text_of(page)))
    assert named <= {environment_name(name) for name in setting_names()} | OTHER_VARIABLES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"[`\"-] ?opsmcp ([a-z]+(?:-[a-z]+)*)\b", text_of(page)))
    blocks = "".join(re.findall(r"```sh\n(.*?)```", text_of(page), flags=re.DOTALL))
    named |= set(re.findall(r"^opsmcp ([a-z]+(?:-[a-z]+)*)\b", blocks, flags=re.MULTILINE))
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", text_of(page)):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_built_in_tool_that_is_named_exists(page: Path) -> None:
    names = {row.name for row in registry.BUILT_IN}
    named = set(re.findall(r"`((?:get|list|cancel|plan|search|run)_[a-z_]+)`", text_of(page)))
    assert named <= names


@pytest.mark.parametrize("row", registry.BUILT_IN, ids=lambda row: row.name)
def test_a_page_says_what_each_built_in_tool_is_for(row: BuiltIn) -> None:
    assert any(f"`{row.name}`" in text_of(page) for page in PAGES)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_names_every_command_with_its_own_options(command: str) -> None:
    own = set(re.findall(r"--[a-z-]+", table_row(command)))
    assert own == options_of(command) - options_of("config")


def test_the_readme_names_the_shared_options() -> None:
    paragraph = README.partition("All but `demo` and `trust` also take")[2].partition(
        "Exit status"
    )[0]
    assert set(re.findall(r"--[a-z-]+", paragraph)) == options_of("config")


def test_the_configuration_page_names_the_shared_options() -> None:
    paragraph = text_of(PAGE).partition("**Command line**")[2].partition("An empty")[0]
    assert set(re.findall(r"--[a-z-]+", paragraph)) == options_of("config")


@pytest.mark.parametrize("target", ["demo", "test", "check", "bench"])
def test_the_readme_and_the_makefile_agree(target: str) -> None:
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", text_of(ROOT / "Makefile"), flags=re.MULTILINE)


def test_the_bundled_operations_of_the_changelog_are_there() -> None:
    bundled = {path.stem for path in (ROOT / "pipelines").glob("*/bundled/*.yaml")}
    listed = text_of(ROOT / "CHANGELOG.md").partition("Bundled operations")[2]
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", listed.partition("- Discovery")[0]))
    assert named == bundled


NIGHT, DAY = (datetime(2026, 11, 23, hour, tzinfo=UTC) for hour in (1, 12))
_POLICIES = re.findall(r"```yaml\n(.*?)```", text_of(ROOT / "docs" / "security.md"), re.DOTALL)


@pytest.mark.parametrize(
    ("number", "who", "call", "at", "effect"),
    [
        (0, "me", "get-pod", DAY, "allow"),
        (0, "me", "restart-kubelet cluster=kind-a", DAY, "allow"),
        (0, "me", "restart-kubelet cluster=prod", DAY, "confirm"),
        (0, "me", "restart-kubelet", DAY, "confirm"),
        (0, "me", "delete-pod cluster=kind-a", DAY, "confirm"),
        (0, "me", "script", DAY, "deny"),
        (1, "anna", "delete-pod namespace=kube-system", NIGHT, "deny"),
        (1, "anna", "restart-kubelet", NIGHT, "allow"),
        (1, "anna", "restart-kubelet", DAY, "confirm"),
        (1, "anna", "delete-pod namespace=shop", NIGHT, "confirm"),
        (1, "anna", "delete-pod", DAY, "deny"),
        (1, "eve", "restart-kubelet", NIGHT, "deny"),
        (1, "eve", "get-pod namespace=kube-system", DAY, "allow"),
        (2, "me", "get-pod", DAY, "allow"),
        (2, "me", "delete-pod", DAY, "deny"),
    ],
)
def test_the_policies_of_the_documentation_do_what_it_says(
    tmp_path: Path, number: int, who: str, call: str, at: datetime, effect: str
) -> None:
    assert len(_POLICIES) == 3
    file = tmp_path / "opsmcp.yaml"
    file.write_text(_POLICIES[number], "utf-8")
    given = load({"HOME": str(tmp_path)}, cwd=tmp_path, file=file).policy
    policy = Policy(given.read_only, given.rules, given.groups)
    name, *pairs = call.split()
    arguments = dict(pair.split("=") for pair in pairs)
    subject = tool(name)
    assert policy.decide(Principal(who), Action.RUN, subject, arguments, at=at).effect == effect
