"""The registry of built-in tools is complete, and nobody else spells their names."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from opsmcp_server.protocol import builtin_tools
from opsmcp_server.protocol.builtin_tools.registry import BUILT_IN, find
from opsmcp_server.protocol.builtin_tools.row import BuiltIn
from opsmcp_tools.phrases import tool_names

ROOT = Path(__file__).parents[4]
SOURCES = [path for top in ("server", "tools", "pipelines") for path in (ROOT / top).rglob("*.py")]
NAMES = re.compile(rf"\b(?:{'|'.join(row.name for row in BUILT_IN)})\b")


def code_texts(path: Path) -> Iterator[str]:
    """The texts in the code of a module, without its documentation."""
    tree = ast.parse(path.read_text("utf-8"))
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in documentation:
            yield str(node.value)


@pytest.mark.parametrize("row", BUILT_IN, ids=lambda row: row.name)
def test_each_row_is_found_by_its_name_and_stands_in_a_module_of_that_name(row: BuiltIn):
    assert find(row.name) is row
    assert import_module(f"{builtin_tools.__name__}.{row.name}").ROW is row


def test_every_module_with_a_row_is_in_the_registry():
    modules = Path(builtin_tools.__path__[0]).glob("*.py")
    rows = {path.stem for path in modules if "\nROW = " in path.read_text("utf-8")}
    assert rows == {row.name for row in BUILT_IN}


def test_the_names_of_the_registry_are_all_that_texts_can_point_to():
    assert {getattr(tool_names, name) for name in tool_names.__all__} == {
        row.name for row in BUILT_IN
    }


def test_no_other_code_spells_the_name_of_a_built_in_tool():
    spelt = {path for path in SOURCES if any(map(NAMES.search, code_texts(path)))}
    assert spelt == {Path(tool_names.__file__)}


def test_one_that_does_not_respond_takes_a_call_that_is_answered_in_its_place():
    assert all(row.takes_call_of for row in BUILT_IN if row.respond is None)
