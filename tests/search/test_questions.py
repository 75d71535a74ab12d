"""Whether the right tool is among the first five.

Most files hold what was reached: their misses were looked at while search was developed. Of
`held_out.txt` they were not. It was written from the tools alone; when it was first asked, 148 of
its 150 questions found one of theirs. Once anything is changed for it, another one is needed.
"""

from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path

import pytest

from opsmcp_pipelines.catalogue import Catalogue
from opsmcp_pipelines.manifest import parse_manifest
from opsmcp_pipelines.models import Pipeline, Task
from opsmcp_tools.search.index import SearchIndex
from opsmcp_tools.toolbox.build import Exposure, Toolbox, ToolSettings, build_toolbox
from tests.tools.recorded import BIND, catalogue

Question = tuple[str, frozenset[str]]

_FOLDER = Path(__file__).parent


def read_questions(name: str) -> list[Question]:
    lines = (_FOLDER / name).read_text("utf-8").splitlines()
    parts = (line.partition(" | ") for line in lines)
    return [(asked, frozenset(tools.split(", "))) for tools, bar, asked in parts if bar]


@cache
def questions() -> dict[str, list[Question]]:
    """All questions, by the file that they are written in."""
    return {file.name: read_questions(file.name) for file in sorted(_FOLDER.glob("*.txt"))}


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


@pytest.mark.parametrize("file", sorted(file.name for file in _FOLDER.glob("*.txt")))
def test_the_right_tool_is_among_the_first_five(file: str) -> None:
    asked = questions()[file]
    assert len(asked) >= 60
    wrong = missed(asked)
    assert len(wrong) <= 0.05 * len(asked), wrong


def test_the_right_tool_is_mostly_the_first() -> None:
    every = [one for part in questions().values() for one in part]
    first = [good for asked, good in every if good.issuperset(index().search(asked, most=1))]
    assert len(first) >= 0.8 * len(every)


def test_every_question_asks_for_tools_that_exist() -> None:
    names = {tool.name for tool in toolbox().tools}
    for part in questions().values():
        assert all(good <= names for _, good in part)
