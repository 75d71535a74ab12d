"""Whether the right tool is among the first five, for queries worded as models word them."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path

import pytest

from opsmcp_pipelines.catalogue import Catalogue
from opsmcp_pipelines.manifest import parse_manifest
from opsmcp_pipelines.models import Pipeline, Task
from opsmcp_tools.search.index import SearchIndex
from opsmcp_tools.toolbox.build import build_toolbox
from opsmcp_tools.toolbox.tool_settings import Exposure, ToolSettings
from opsmcp_tools.toolbox.toolbox import Toolbox
from tests.tools.recorded import BIND, catalogue
from tests.tools.search.operations import documents

Question = tuple[str, frozenset[str]]

_FOLDER = Path(__file__).parent
_SECRETS = dict.fromkeys(("secret_password", "keycontent", "passwd"), "bound-1")


def read_questions(name: str) -> list[Question]:
    lines = (_FOLDER / name).read_text("utf-8").splitlines()
    parts = (line.partition(" | ") for line in lines)
    return [(asked, frozenset(tools.split(", "))) for tools, bar, asked in parts if bar]


def _toolbox(exposure: Exposure) -> Toolbox:
    """The recorded operations, with the bundled ones beside them."""
    contents = catalogue().contents
    exposed = contents.pipelines if exposure.tasks == "none" else contents.tasks
    known = {operation.name for operation in (*contents.pipelines, *exposed)}
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
    return build_toolbox(made, ToolSettings(exposure=exposure, bind=BIND | _SECRETS))


@cache
def pipelines() -> SearchIndex:
    return _toolbox(Exposure(tasks="none")).search_index


@cache
def pipelines_and_tasks() -> SearchIndex:
    return _toolbox(Exposure(pipelines="all", tasks="all")).search_index


@cache
def other_domains() -> SearchIndex:
    return SearchIndex(documents())


ASKED = {
    "pipelines.txt": pipelines,
    "tasks.txt": pipelines_and_tasks,
    "domains.txt": other_domains,
}


def missed_among(most: int, asked: list[Question], index: SearchIndex) -> list[str]:
    """The questions of which no tool is among the first `most`."""
    return [text for text, good in asked if good.isdisjoint(index.search(text, most=most))]


@pytest.mark.parametrize(("file", "index"), ASKED.items())
def test_the_right_tool_is_among_the_first_five_and_mostly_the_first(
    file: str, index: Callable[[], SearchIndex]
) -> None:
    asked = read_questions(file)
    assert len(asked) >= 50
    assert all(good <= index().names for _, good in asked)
    not_found, not_first = missed_among(5, asked, index()), missed_among(1, asked, index())
    assert len(not_found) <= 0.02 * len(asked), not_found
    assert len(not_first) <= 0.15 * len(asked), not_first
