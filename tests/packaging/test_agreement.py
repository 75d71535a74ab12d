"""What is shipped in several forms says the same in all of them."""

import base64
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from packaging.requirements import Requirement

from deploy.chart_of_release import VALUES, with_image
from deploy.chart_values import PAGE, with_table
from deploy.package import bundle, server_entry
from deploy.ready import NAMES_OWNER, obstacles
from deploy.shell_files import COMPLETIONS, HERE, completion
from opsmcp_server.cli import COMMANDS

ROOT = Path(__file__).parents[2]
BASES = " ".join([f"base@sha256:{'0' * 64}"] * 4)
HASH = f"sha256:{'a' * 64}"


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def json_of(name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(text_of(name)))


def yaml_of(name: str) -> dict[Any, Any]:
    return cast("dict[Any, Any]", yaml.safe_load(text_of(name)))


PROJECT = tomllib.loads(text_of("pyproject.toml"))["project"]
VERSION: str = PROJECT["version"]
ENTRY = json_of("server.json")
BUNDLE = json_of("deploy/mcpb/manifest.json")
PLUGIN = json_of("plugin/.claude-plugin/plugin.json")
CONTAINERFILE = text_of("deploy/image/Containerfile")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_everything_that_is_shipped_has_one_version() -> None:
    chart = yaml_of("deploy/chart/opsmcp/Chart.yaml")
    bundled = tomllib.loads(text_of("deploy/mcpb/pyproject.toml"))["project"]
    started = json_of("plugin/.mcp.json")["mcpServers"]["opsmcp"]
    said = [ENTRY["version"], *(one["version"] for one in ENTRY["packages"])]
    said += [PLUGIN["version"], BUNDLE["version"], chart["version"], chart["appVersion"]]
    said += [json_of(".claude-plugin/marketplace.json")["plugins"][0]["version"]]
    said += [bundled["version"], bundled["dependencies"][0].removeprefix("opsmcp==")]
    said += [started["args"][1].removeprefix("opsmcp==")]
    said += [ENTRY["packages"][1]["identifier"].partition("/download/v")[2].partition("/")[0]]
    newest = re.search(r"^## \[(.+?)\]", text_of("CHANGELOG.md"), flags=re.MULTILINE)
    assert newest is not None
    assert {VERSION} == {*said, newest[1]}


def test_no_other_file_repeats_the_version_of_a_package() -> None:
    files = [*(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*.py"), *WORKFLOWS]
    assert [file.name for file in files if f"opsmcp=={VERSION}" in file.read_text("utf-8")] == []
    assert f"opsmcp=={VERSION}" in text_of("plugin/README.md")


def test_everything_that_is_shipped_has_one_name_and_one_owner() -> None:
    owner = ENTRY["name"].removeprefix("io.github.").removesuffix("/opsmcp")
    source = f"https://github.com/{owner}/opsmcp"
    assert {ENTRY["repository"]["url"], BUNDLE["repository"]["url"], PLUGIN["repository"]} == {
        source
    }
    assert PROJECT["urls"]["Source"] == source
    assert f"<!-- mcp-name: {ENTRY['name']} -->" in text_of("README.md")
    assert CONTAINERFILE.count(f'io.modelcontextprotocol.server.name="{ENTRY["name"]}"') == 2
    assert CONTAINERFILE.count(f'org.opencontainers.image.source="{source}"') == 2
    assert yaml_of("deploy/chart/opsmcp/Chart.yaml")["sources"] == [source]


def test_the_user_of_the_image_that_has_ssh_has_a_name_and_a_home() -> None:
    engine = CONTAINERFILE.partition(" AS engine\n")[2]
    user = re.search(r"^USER ([0-9]+):([0-9]+)$", engine, re.MULTILINE)
    assert user and "openssh-client" in engine
    made = f"useradd --uid {user[1]} --gid {user[2]} --home-dir /var/lib/opsmcp "
    assert made in engine
    assert f"groupadd --gid {user[2]} " in engine


def test_who_owns_it_is_said_in_no_file_that_a_release_does_not_look_at() -> None:
    shipped = [*ROOT.glob("*.*"), *(ROOT / "docs").glob("*.md")]
    for folder in ("deploy", "plugin", ".claude-plugin"):
        shipped += (ROOT / folder).rglob("*.*")
    names = {
        str(file.relative_to(ROOT))
        for file in shipped
        if file.suffix in {".md", ".json", ".yaml", ".toml"}
        if re.search(r"(github\.com/|github\.|add )OWNER\b", file.read_text("utf-8"))
    }
    assert names <= set(NAMES_OWNER)


def test_a_release_is_refused_with_every_reason(tmp_path: Path) -> None:
    found = " ".join(obstacles("v9.9.9", "debian:12-slim"))
    for why in ("the tag is v9.9.9", "CHANGELOG.md", "server.json still names OWNER", "0 of the 4"):
        assert why in found
    for name in (*NAMES_OWNER, "CHANGELOG.md"):
        released = text_of(name).replace("OWNER", "us").replace("- unreleased", "- 2026-12-01")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(released, "utf-8")
    assert list(obstacles(f"v{VERSION}", BASES, tmp_path)) == []


def test_the_description_fits_into_the_registry() -> None:
    assert 0 < len(ENTRY["description"]) <= 100
    assert {ENTRY["description"]} == {
        PLUGIN["description"],
        json_of(".claude-plugin/marketplace.json")["plugins"][0]["description"],
    }


def test_every_form_asks_for_the_same_settings() -> None:
    variables = [one["name"] for one in ENTRY["packages"][0]["environmentVariables"]]
    assert variables == [*BUNDLE["server"]["mcp_config"]["env"]]
    assert variables == [*json_of("plugin/.mcp.json")["mcpServers"]["opsmcp"]["env"]]
    assert [name.upper() for name in BUNDLE["user_config"]] == variables
    assert [name.upper() for name in PLUGIN["userConfig"]] == variables
    for asked in (BUNDLE["user_config"], PLUGIN["userConfig"]):
        assert [name for name, row in asked.items() if row.get("sensitive")] == ["ops_token"]


def test_the_entry_that_is_published_has_the_sum_of_the_bundle_and_the_image(
    tmp_path: Path,
) -> None:
    first, second = bundle(tmp_path / "first.mcpb"), bundle(tmp_path / "second.mcpb")
    assert first.read_bytes() == second.read_bytes()
    packages = server_entry(first, "registry.example.com/us/opsmcp:1")["packages"]
    assert [one["registryType"] for one in packages] == ["pypi", "mcpb", "oci"]
    assert re.fullmatch(r"[0-9a-f]{64}", packages[1]["fileSha256"])
    assert packages[2]["packageArguments"] == packages[0]["packageArguments"]
    assert len(server_entry(first)["packages"]) == 2


def links(page: str, host: str) -> list[Mapping[str, list[str]]]:
    found: list[str] = re.findall(rf"https://{re.escape(host)}[^\s)\"]*", text_of(page))
    return [parse_qs(urlsplit(link).query) for link in found]


@pytest.mark.parametrize("page", ["README.md", "docs/clients.md"])
def test_the_links_that_install_say_what_the_blocks_say(page: str) -> None:
    [vs_code] = links(page, "insiders.vscode.dev/redirect/mcp/install")
    [cursor] = links(page, "cursor.com/en/install-mcp")
    block = {"command": "uvx", "args": ["opsmcp", "stdio"]}
    assert vs_code["name"] == cursor["name"] == ["opsmcp"]
    assert json.loads(vs_code["config"][0]) == block
    assert json.loads(base64.b64decode(cursor["config"][0])) == block
    assert json.dumps(block) in text_of("docs/clients.md")


def test_completions_are_those_that_click_makes() -> None:
    for shell, name in COMPLETIONS.items():
        assert (HERE / "shell" / name).read_text("utf-8") == completion(shell), "make shell-files"


def test_every_man_page_is_one_of_a_command_that_is_there() -> None:
    pages = [page.stem for page in (HERE / "man").glob("*.1")]
    assert "opsmcp" in pages
    known = tuple(f"opsmcp-{name}" for name in COMMANDS)
    assert [page for page in pages if page != "opsmcp" and not page.startswith(known)] == []


def test_the_images_run_as_nobody_and_start_without_a_shell() -> None:
    targets = CONTAINERFILE.split("\nFROM ")[3:]
    assert len(targets) == 2
    for target in targets:
        assert "\nUSER 65532:65532\n" in target
        assert '\nENTRYPOINT ["/usr/bin/python3", "-m", "opsmcp_server"]\n' in target
        assert '\nCMD ["serve", "--host", "0.0.0.0"]\n' in target
    assert not re.search(r"^(VOLUME|HEALTHCHECK|ADD)\b|:latest", CONTAINERFILE, flags=re.MULTILINE)


def test_every_argument_of_the_images_is_used_and_given_by_the_release() -> None:
    declared = set(re.findall(r"^ARG (\w+)", CONTAINERFILE, flags=re.MULTILINE))
    used = set(re.findall(r"\$\{(\w+)\}", CONTAINERFILE)) | {"SOURCE_DATE_EPOCH"}
    assert declared == used
    release = text_of(".github/workflows/release.yml")
    assert all(release.count(f" {name}=") == 2 or f"{name}:" in release for name in declared)


def test_the_images_install_every_dependency_in_a_version_that_fits() -> None:
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", text_of("deploy/image/requirements.txt"), re.M))
    [extras] = re.findall(r"^EXTRAS_OF_IMAGE := (.+)$", text_of("Makefile"), flags=re.MULTILINE)
    assert set(extras.split()) <= set(PROJECT["optional-dependencies"]) - {"copilot"}
    wanted = list(PROJECT["dependencies"])
    for extra in extras.split():
        wanted += PROJECT["optional-dependencies"][extra]
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(locked[requirement.name]), "make requirements"


def test_a_chart_of_a_release_names_the_image_that_was_built() -> None:
    values = yaml.safe_load(with_image(VALUES.read_text("utf-8"), "registry.example.com/us", HASH))
    assert values["image"]["registry"] == "registry.example.com/us"
    assert values["image"]["digest"] == HASH
    with pytest.raises(ValueError, match="no digest"):
        with_image("", "registry.example.com", "latest")
    with pytest.raises(ValueError, match="0 places"):
        with_image("image: {}", "registry.example.com", HASH)


def test_every_rendering_of_the_chart_has_a_golden_file() -> None:
    cases = {file.name for file in (ROOT / "deploy/chart/opsmcp/ci").iterdir()}
    assert cases == {file.name for file in (ROOT / "tests/golden/chart").iterdir()}


def test_the_chart_brings_the_dashboard_and_the_alerts_that_are_tested() -> None:
    chart = "deploy/chart/opsmcp/files"
    assert text_of(f"{chart}/dashboard.json") == text_of("deploy/grafana/opsmcp.json")
    assert text_of(f"{chart}/alerts.yaml") == text_of("deploy/prometheus/alerts.yaml")


def test_every_value_of_the_chart_is_known_to_its_schema() -> None:
    known = json_of("deploy/chart/opsmcp/values.schema.json")["properties"]
    for name, value in yaml_of("deploy/chart/opsmcp/values.yaml").items():
        if isinstance(value, dict) and "properties" in known[name]:
            assert set(cast("dict[str, Any]", value)) == set(known[name]["properties"]), name


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_trusts_nobody(workflow: Path) -> None:
    text = workflow.read_text("utf-8")
    described: dict[Any, Any] = yaml.safe_load(text)
    assert described["permissions"] == {}
    assert "pull_request_target" not in text
    assert "actions/cache" not in text
    for used in re.findall(r"uses: (\S+.*)", text):
        assert re.fullmatch(r"\./\S+|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used
    for job in described["jobs"].values():
        assert "permissions" in job
        for step in job.get("steps", []):
            assert "${{" not in step.get("run", ""), step


def test_the_workflows_call_targets_that_are_there() -> None:
    called = {
        name for file in WORKFLOWS for name in re.findall(r"make ([a-z-]+)", file.read_text())
    }
    assert called == {"check", "test", "conformance", "package", "package-check"}
    targets = re.findall(r"^([a-z-]+):", text_of("Makefile"), flags=re.MULTILINE)
    assert called <= set(targets)


def test_the_workflows_test_every_python_that_is_promised() -> None:
    promised = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    tested = yaml_of(".github/workflows/check.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert tested == promised


def test_no_job_publishes_what_another_one_did_not_build() -> None:
    jobs = yaml_of(".github/workflows/release.yml")["jobs"]
    built = [name for name, job in jobs.items() if "make package" in json.dumps(job)]
    assert built == ["build"]
    needed = {"pypi": "build", "image": "build", "chart": "image", "registry": "pypi"}
    for job, before in needed.items():
        assert before in jobs[job]["needs"]
    writing = {name for name, job in jobs.items() if "id-token" in json.dumps(job["permissions"])}
    assert writing == {"pypi", "image", "chart", "registry"}


def test_the_page_has_the_values_of_the_chart() -> None:
    page = PAGE.read_text("utf-8")
    assert with_table(page) == page, "run: python -m deploy.chart_values"
    assert "`auth.existingTokensSecret`" in page
