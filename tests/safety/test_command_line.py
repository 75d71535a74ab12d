"""No hostile value gets from the command line to the Ops server."""

import shlex
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from anyio import to_thread

from tests.safety.conftest import GOOD, NAME, Target, shown
from tests.safety.hostile import calls, texts
from tests.safety.test_entries import foreign
from tests.server.cli.inside import run_inside, settled


def _given(arguments: dict[str, Any]) -> list[str]:
    return [f"{name}={value}" for name, value in arguments.items() if isinstance(value, str)]


def _attacks() -> Iterator[tuple[list[str], list[str]]]:
    """Command lines, each with the arguments that it must complain of; every value is in one."""
    ways = (["call", NAME], ["call", NAME, "--plan"], ["policy", "explain", NAME])
    for number, arguments in enumerate(calls()):
        given = _given(arguments)
        if not given:
            continue  # A list, which a line says otherwise.
        yield [*ways[number % 3], "--", *given], [item.partition("=")[0] for item in given]


@pytest.fixture
def environment(target: Target) -> Generator[Target]:
    with settled(target.environ, target.root):
        yield target


async def test_hostile_values(environment: Target) -> None:
    for line, names in _attacks():
        status, text = await to_thread.run_sync(run_inside, line)
        assert status in (1, 2), shlex.join(line)
        assert [name for name in names if f"- {name}: " not in text] == [], shlex.join(line)
        assert foreign(text) == [], shlex.join(line)
    assert environment.ops.posts == []


LINES = (
    ["call", "--", "{}"],
    ["call", NAME, "--plan-hash={}", "--", "port=80"],
    ["call", "plan_operation", "--", "name={}"],
    ["call", "get_run", "--", "run={}"],
    ["call", NAME, "--", "{}"],
    ["call", NAME, "--", "{}=a"],
    ["policy", "explain", "--", "{}"],
    ["policy", "explain", NAME, "--at={}"],
    ["runs", "--", "{}"],
)


@pytest.mark.parametrize("line", LINES, ids=shlex.join)
async def test_hostile_words_of_a_command_line(line: list[str], environment: Target) -> None:
    for text in texts()[LINES.index(line) :: 150]:
        status, said = await to_thread.run_sync(
            run_inside, [word.replace("{}", text) for word in line]
        )
        assert status in (1, 2), shown(text)
        assert foreign(said.replace(text, "")) == [], shown(text)
    assert environment.ops.posts == []


async def test_a_good_call_goes_the_same_way(environment: Target) -> None:
    good = {**GOOD, "force": "true"}
    given = [f"{name}={value}" for name, value in good.items()]
    status, text = await to_thread.run_sync(run_inside, ["call", NAME, "--", *given])
    assert status == 0, text
    assert len(environment.ops.posts) == 1
