"""Whatever the checker takes arrives as exactly one word with exactly that value, both ways.

On the embedded engine a value travels in the environment. Ops pastes it into the script as text,
twice over; here that is done as Ops does it, and a real shell reads the result.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.shell.render import render_step
from opsmcp_tools.arguments.check import check_arguments
from opsmcp_tools.model.errors import InvalidArguments
from opsmcp_tools.model.tool import Principal
from tests.safety.hostile import texts
from tests.tools.corpus import ORDINARY, TOOL, VARIABLES

ANNA = Principal("anna")
NAMES = {VARIABLES[kind].name: kind for kind in VARIABLES}
WORD = st.text("abzAZ019._:/@%+=,-?&#[]~*!' \"$`\\{}\u78c1\n", max_size=12)
ANYTHING = st.one_of(
    WORD,
    st.text(max_size=20),
    st.sampled_from(texts()),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def _joined(first: object, second: str) -> str:
    return f"{first}{second}"


def _of_kind(kind: Kind) -> st.SearchStrategy[Any]:
    """Values of which some are good: ordinary ones, and such with something added."""
    ordinary = st.sampled_from(ORDINARY[kind])
    return st.one_of(ordinary, st.builds(_joined, ordinary, WORD), ANYTHING)


ARGUMENTS = st.fixed_dictionaries({}, optional={name: _of_kind(NAMES[name]) for name in NAMES})


def _pasted(content: str, values: dict[str, str]) -> str:
    """The script as Ops makes it: every value put in as text, and once more."""
    for _ in range(2):
        for name, value in values.items():
            content = content.replace(f"${{{name}}}", value)
    return content


_QUOTED = (Kind.TEXT, Kind.CHOICE, Kind.TIME, Kind.SCHEDULE, Kind.UNIT)


def _show(name: str) -> str:
    """One argument of a command; phrases and text are in double quotes, as they must be on Ops."""
    quote = '"' if NAMES[name] in _QUOTED else ""
    return f"show {quote}${{{name}}}{quote}\n"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("empty")


@settings(max_examples=150)
@given(arguments=ARGUMENTS)
def test_what_is_taken_arrives_as_it_is(arguments: dict[str, Any], empty: Path) -> None:
    try:
        taken = dict(check_arguments(TOOL, arguments, ANNA).arguments)
    except InvalidArguments as error:
        wrong = {problem.argument for problem in error.problems}
        assert wrong <= set(arguments)
        arguments = {name: value for name, value in arguments.items() if name not in wrong}
        taken = dict(check_arguments(TOOL, arguments, ANNA).arguments)
    content = 'show() { printf \'%s\\0\' "$#" "$@"; }\n' + "".join(map(_show, taken))
    script = render_step(content, taken)
    pasted: tuple[str, Mapping[str, str]] = (_pasted(content, taken), {})
    for text, environ in ((script.text, script.environ), pasted):
        shell = subprocess.run(
            ["/bin/sh"],
            input=text.encode(),
            cwd=empty,
            env={"PATH": "/usr/bin:/bin", **environ},
            capture_output=True,
            check=True,
        )
        words = [part for value in taken.values() for part in ("1", value)]
        assert shell.stdout.decode().split("\0")[:-1] == words
    assert list(empty.iterdir()) == []


@given(st.dictionaries(st.sampled_from(sorted(NAMES)) | st.text(max_size=12), ANYTHING, max_size=9))
def test_nothing_but_its_own_error_is_raised(arguments: dict[str, Any]) -> None:
    try:
        check_arguments(TOOL, arguments, ANNA)
    except InvalidArguments as error:
        assert error.problems and str(error)
