"""Live lines: for how long something goes on, and how far it is."""

import pytest
from rich.console import Console

from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.terminal.screen import LiveLines


class Watch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def lines(watch: Watch) -> LiveLines:
    made = LiveLines(Words(), watch)
    made.begin("disk-usage", "disk-usage: called")
    return made


def drawn(lines: LiveLines, columns: int = 80) -> list[str]:
    """Each line without its spinner."""
    console = Console(width=columns)
    with console.capture() as captured:
        console.print(lines)
    return [line[2:].rstrip() for line in captured.get().splitlines()]


def test_what_goes_on_stands_there_with_its_time(watch: Watch, lines: LiveLines) -> None:
    watch.now += 12.4
    assert drawn(lines) == ["12 s disk-usage: called"]


def test_the_words_change_with_what_the_server_says(watch: Watch, lines: LiveLines) -> None:
    lines.change("disk-usage", "disk-usage: 1 of 2 tasks done")
    lines.change("another", "nobody called it")
    watch.now += 7
    assert drawn(lines) == ["7 s disk-usage: 1 of 2 tasks done"]


def test_the_time_in_which_a_person_thinks_does_not_count(watch: Watch, lines: LiveLines) -> None:
    watch.now += 60
    lines.restart()
    watch.now += 2
    assert drawn(lines) == ["2 s disk-usage: called"]


def test_a_line_is_cut_at_the_edge_and_is_never_two(lines: LiveLines) -> None:
    lines.change("disk-usage", "運行" * 100)
    lines.begin("other", "[bold]other[/bold] " + "x" * 100)
    assert [line[-1] for line in drawn(lines, 40)] == ["…", "…"]
    assert "[bold]other[/bold]" in drawn(lines, 40)[1]


def test_of_very_many_the_first_are_shown(lines: LiveLines) -> None:
    for number in range(20):
        lines.begin(f"call {number}", f"call {number}")
    assert len(drawn(lines)) == 5


def test_nothing_is_shown_when_nothing_goes_on(lines: LiveLines) -> None:
    lines.end("disk-usage")
    assert not lines
    assert drawn(lines) == []
