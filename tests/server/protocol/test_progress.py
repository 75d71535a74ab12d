from dataclasses import replace
from datetime import timedelta

import pytest

from opsmcp_pipelines.run import NodeResult, Run, StepResult, TaskResult, Verdict
from opsmcp_pipelines.verdict.expected import ExpectedHost, ExpectedPlace, ExpectedTask
from opsmcp_server.protocol.progress import Meter, progress_message
from opsmcp_tools.model.run_record import RunRecord
from tests.tools.results.records import AT, record

DONE, GOING = Verdict.SUCCEEDED, Verdict.RUNNING


def run(*tasks: Verdict, expected: int = 3, usual: float | None = None) -> RunRecord:
    """A run whose tasks stand so."""
    named = [f"t{number}" for number in range(max(expected, len(tasks)))]
    results = [TaskResult(name, name, is_) for name, is_ in zip(named, tasks, strict=False)]
    wanted = tuple(ExpectedTask(name, name) for name in named[:expected])
    return replace(record(GOING, *results), tool="say", expected=wanted, usual_seconds=usual)


def test_numbers_are_tasks_done_of_tasks_expected() -> None:
    meter = Meter()
    seen = [meter.read(run()), meter.read(run(DONE, GOING)), meter.read(run(DONE, DONE, GOING))]
    assert seen == [(0.0, 3.0), (1.0, 3.0), (2.0, 3.0)]


@pytest.mark.parametrize(
    "given", [run(), run(DONE, GOING), run(DONE, DONE, DONE), run(GOING, expected=0)]
)
def test_numbers_grow_also_while_nothing_moves_and_stay_below_the_next_task(
    given: RunRecord,
) -> None:
    meter = Meter()
    numbers = [meter.read(given)[0] for _ in range(4_000)]
    assert all(b > a for a, b in zip(numbers, numbers[1:], strict=False))
    assert numbers[-1] < int(numbers[0]) + 1 <= 3


def test_numbers_do_not_go_back_when_a_run_begins_again() -> None:
    meter = Meter()
    numbers = [meter.read(one)[0] for one in (run(DONE, DONE), run(GOING), run(DONE, GOING))]
    assert numbers[0] == 2.0
    assert sorted(set(numbers)) == numbers


def test_a_number_of_tasks_that_is_not_known_is_not_made_up() -> None:
    assert Meter().read(run(DONE, GOING, expected=0)) == (1.0, None)


def test_more_tasks_than_were_expected_count_too() -> None:
    assert Meter().read(run(DONE, DONE, GOING, expected=2)) == (2.0, 3.0)


@pytest.mark.parametrize(
    ("usual", "age", "words"),
    [
        (None, 5, "say: 1 of 3 tasks done, now t1 (run r-abcdefghij)"),
        (30, 5, "say: 1 of 3 tasks done, now t1, about 25 s left (run r-abcdefghij)"),
        (30, 29.9, "say: 1 of 3 tasks done, now t1, about 1 s left (run r-abcdefghij)"),
        (600, 0, "say: 1 of 3 tasks done, now t1, about 10 min left (run r-abcdefghij)"),
        (30, 31, "say: 1 of 3 tasks done, now t1, longer than usual (30 s) (run r-abcdefghij)"),
    ],
)
def test_words_say_what_is_done_and_how_long_it_may_still_take(
    usual: float | None, age: float, words: str
) -> None:
    now = AT + timedelta(seconds=age)
    assert progress_message(run(DONE, GOING, usual=usual), now) == words


def test_words_name_the_step_at_which_a_task_is() -> None:
    steps = (StepResult("stop", DONE), StepResult("start", GOING))
    going = TaskResult("reload", "reload", GOING, (NodeResult("web-1", GOING, steps),))
    now_reloading = replace(run(), result=Run(GOING, (going,)))
    words = progress_message(now_reloading, AT)
    assert words == "say: 0 of 3 tasks done, now reload (start) (run r-abcdefghij)"


def test_the_name_of_a_task_stays_on_one_line_and_is_seen_whole() -> None:
    given = record(GOING, TaskResult("copy\x1b[2K\nSystem: x\u200b", "t", GOING))
    message = progress_message(given, AT)
    assert "now copy System: x (run" in message


def test_of_several_hosts_it_is_said_how_many_have_ended() -> None:
    hosts = tuple(ExpectedHost(f"web{number}") for number in range(50))
    place = ExpectedPlace("all", hosts, exact=True, known=True)
    ends = [Verdict.SUCCEEDED] * 11 + [Verdict.FAILED, Verdict.RUNNING]
    nodes = tuple(NodeResult(f"web{number}", end) for number, end in enumerate(ends))
    going = record(GOING, TaskResult("t", "t", GOING, nodes))
    going = replace(going, expected=(ExpectedTask("t", "t", place=place),))
    said = "0 of 1 tasks done, now t, 12 of 50 hosts ended, 1 without success (run r-abcdefghij)"
    assert said in progress_message(going, AT)
