"""The live line: how long something goes on, and how long it may still take."""

import pytest

from opsmcp_server.copilot.status import Status
from opsmcp_server.copilot.words import Words


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


def test_how_long_it_takes_is_estimated_from_how_it_goes(watch: Watch, status: Status) -> None:
    watch.now += 5  # until the run begins
    status.change("one", 1, 61)
    assert status.text == "5 s  one"
    watch.now += 10
    status.change("two", 21, 61)
    assert status.text == "15 s, about 20 s left  two"
    watch.now += 5
    assert status.text == "20 s, about 15 s left  two"


def test_an_estimate_that_has_passed_is_not_shown(watch: Watch, status: Status) -> None:
    status.change("one", 0, 20)
    watch.now += 10
    status.change("two", 10, 20)
    watch.now += 11
    assert status.text == "21 s  two"


@pytest.mark.parametrize(
    ("progress", "total"), [(10, None), (10, 10), (12, 10), (0, 20), (-3, 20), (5, 0)]
)
def test_without_a_rate_nothing_is_estimated(
    watch: Watch, status: Status, progress: float, total: float | None
) -> None:
    status.change("one", 0, total)
    watch.now += 10
    status.change("two", progress, total)
    assert status.text == "10 s  two"


def test_the_time_in_which_a_person_thinks_does_not_count(watch: Watch, status: Status) -> None:
    watch.now += 60
    status.restart()
    watch.now += 2
    assert status.text == "2 s  disk-usage: called"


def test_nothing_is_shown_when_nothing_goes_on(status: Status) -> None:
    status.hide()
    assert (status.text, status.shown()) == ("", [])
