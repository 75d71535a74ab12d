"""A live line: for how long something goes on, and how far it is."""

import pytest

from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.terminal.live_line import Status


class Watch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def status(watch: Watch) -> Status:
    made = Status(Words(), watch)
    made.begin("disk-usage: called")
    return made


def test_what_goes_on_stands_there_with_its_time(watch: Watch, status: Status) -> None:
    watch.now += 12.4
    assert status.text == "12 s  disk-usage: called"


def test_the_words_change_with_what_the_server_says(watch: Watch, status: Status) -> None:
    status.change("disk-usage: 1 of 2 tasks done")
    status.change("")
    watch.now += 7
    assert status.text == "7 s  disk-usage: 1 of 2 tasks done"


def test_the_time_in_which_a_person_thinks_does_not_count(watch: Watch, status: Status) -> None:
    watch.now += 60
    status.restart()
    watch.now += 2
    assert status.text == "2 s  disk-usage: called"


def test_nothing_is_shown_when_nothing_goes_on(status: Status) -> None:
    status.hide()
    assert (status.text, status.shown()) == ("", [])
