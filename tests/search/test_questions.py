"""Whether the right tool is among the first five: half of the questions were never looked at."""

import hashlib
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path

import pytest

from opsmcp_pipelines.catalogue import Catalogue
from opsmcp_pipelines.manifest import parse_manifest
from opsmcp_pipelines.models import Pipeline, Task
from opsmcp_tools.search import SearchIndex
from opsmcp_tools.toolbox import Exposure, Toolbox, ToolSettings, build_toolbox
from tests.tools.recorded import BIND, catalogue

Question = tuple[str, frozenset[str]]

_QUESTIONS = Path(__file__).with_name("questions.txt")


def questions() -> dict[str, list[Question]]:
    """Development and held-out questions; a hash decides, so that nobody could choose."""
    halves: dict[str, list[Question]] = {"development": [], "held-out": []}
    for line in _QUESTIONS.read_text("utf-8").splitlines():
        tools, bar, asked = line.partition(" | ")
        if bar:
            odd = hashlib.sha256(asked.encode()).digest()[0] % 2
            expected = frozenset(tools.split(", "))
            halves["held-out" if odd else "development"].append((asked, expected))
    return halves


@cache
def toolbox() -> Toolbox:
    """The recorded pipelines that assistants may use, and the bundled ones beside them."""
    contents = catalogue().contents
    known = {pipeline.name for pipeline in contents.pipelines}
    bundled = [
        operation
        for file in sorted(
            resources.files("opsmcp_pipelines.bundled").iterdir(), key=lambda it: it.name
        )
        if file.name.endswith(".yaml") and file.name.removesuffix(".yaml") not in known
        for operation in parse_manifest(file.read_text("utf-8"), file.name, "ops").operations
    ]
    contents = replace(
        contents,
        pipelines=(*contents.pipelines, *(op for op in bundled if isinstance(op, Pipeline))),
        tasks=(*contents.tasks, *(op for op in bundled if isinstance(op, Task))),
    )
    made = Catalogue(1, contents, catalogue().read_at)
    return build_toolbox(made, ToolSettings(exposure=Exposure(tasks="none"), bind=BIND))


@cache
def index() -> SearchIndex:
    return toolbox().search_index


def missed(asked: list[Question]) -> list[str]:
    return [text for text, good in asked if good.isdisjoint(index().search(text))]


@pytest.mark.parametrize("half", ["development", "held-out"])
def test_the_right_tool_is_among_the_first_five(half: str) -> None:
    asked = questions()[half]
    assert len(asked) >= 60
    wrong = missed(asked)
    assert len(wrong) <= 0.05 * len(asked), wrong


def test_every_question_asks_for_tools_that_exist() -> None:
    names = {tool.name for tool in toolbox().tools}
    for half in questions().values():
        assert all(good <= names for _, good in half)
