"""CONTRIBUTING.md and docs/architecture.md name what is there, and all of it."""

import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.docs.settings_reference import ROOT

_CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
_ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
_PACKAGES = ("server/opsmcp_server", "tools/opsmcp_tools", "pipelines/opsmcp_pipelines")


def test_every_file_of_a_recipe_exists() -> None:
    named = set(re.findall(r"`([a-z_-]+/[\w./-]*)`", _CONTRIBUTING))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("package", _PACKAGES)
def test_every_package_has_its_sentence_and_no_other(package: str) -> None:
    section = _ARCHITECTURE.split(f"### {package}\n")[1].split("\n#")[0]
    told = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) - {"app"}
    folders = {item.name for item in (ROOT / package).iterdir() if (item / "__init__.py").exists()}
    assert told == folders


def test_every_place_where_output_is_cut_exists() -> None:
    section = _ARCHITECTURE.split("## Where output is cut")[1]
    named = re.findall(r"^\| `([\w/.]+)` \|", section, re.MULTILINE)
    found = [any((ROOT / package / name).exists() for package in _PACKAGES) for name in named]
    assert len(found) == 6
    assert all(found), named


def test_the_picture_says_what_it_shows_and_has_colours_for_the_dark() -> None:
    text = (ROOT / "docs" / "architecture.svg").read_text("utf-8")
    root = ElementTree.fromstring(text)
    children = {child.tag.rpartition("}")[2] for child in root}
    assert {"title", "desc"} <= children
    assert "prefers-color-scheme: dark" in text


def test_no_folder_has_more_modules_than_one_can_look_over() -> None:
    for package in _PACKAGES:
        for folder in {path.parent for path in (ROOT / package).rglob("*.py")}:
            assert len(list(folder.glob("*.py"))) <= 22, folder


def test_every_contract_that_keeps_others_from_the_sources_names_them_all() -> None:
    sources = {
        f"opsmcp_pipelines.{path.parent.name}"
        for path in (ROOT / "pipelines" / "opsmcp_pipelines").glob("*/source.py")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    kept = [
        set(contract["forbidden_modules"])
        for contract in project["tool"]["importlinter"]["contracts"]
        if sources & set(contract.get("forbidden_modules", ()))
    ]
    assert len(sources) > 1 and len(kept) > 3
    assert [sources - named for named in kept] == [set()] * len(kept)


@pytest.mark.parametrize("package", _PACKAGES)
def test_every_folder_of_tests_is_named_for_a_package(package: str) -> None:
    tests = ROOT / "tests" / package.split("/")[0]
    folders = [path.parent.relative_to(tests) for path in tests.rglob("__init__.py")]
    assert len(folders) > 5
    assert [name for name in folders if not (ROOT / package / name).is_dir()] == []


def test_the_way_of_the_readme_leads_here() -> None:
    assert "CONTRIBUTING.md" in (ROOT / "README.md").read_text("utf-8")
    assert Path(ROOT / "docs" / "architecture.md").exists()
