from dataclasses import replace
from datetime import timedelta

import pytest

from opsmcp_pipelines.run import NodeResult, StepResult, TaskResult, Verdict
from opsmcp_pipelines.verdict.expected import ExpectedHost, ExpectedPlace, ExpectedTask
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.results import comparison
from opsmcp_tools.safe_text.token_estimate import estimate_tokens
from tests.tools.results.records import AT, BAD, GOOD, record, step, summarise

_FAILURES = {
    "no space": (17, "cp: error writing '/data/{n}': No space left on device\nexit status 1\n"),
    "refused": (23, "ssh: connect to host {host} port 22: Connection refused\n"),
    "trace": (5, 'Traceback (most recent call last):\n  File "x.py", line {n}\nKeyError: {n}\n'),
}


def _nodes() -> list[NodeResult]:
    outputs = [text for count, text in _FAILURES.values() for _ in range(count)]
    bad = [_node(number, text, BAD) for number, text in enumerate(outputs)]
    return [*bad, *(_node(number, "done\n", GOOD) for number in range(len(bad), 200))]


def _node(number: int, text: str, verdict: Verdict) -> NodeResult:
    host = f"web-{number:03}"
    noise = "".join(f"INFO copied {part * number} of {host}\n" for part in range(200))
    output = noise + text.format(n=number, host=host)
    return NodeResult(host, verdict, (step("sync", output, verdict),))


_RUN = record(BAD, TaskResult("copy", "copy", BAD, tuple(_nodes())), reason="45 hosts failed")


def test_hosts_with_the_same_cause_are_one_group_with_their_count() -> None:
    text = summarise(_RUN)
    headings = [line for line in text.split("\n") if " of 200 hosts: " in line]
    assert [line.split(" of ")[0] for line in headings[:3]] == ["23", "17", "5"]
    assert "Connection refused': web-017, web-018" in headings[0]
    assert 'No space left on device": web-000, web-001' in headings[1]
    assert headings[1].endswith("and 7 more (task copy, step sync: failed)")
    assert "KeyError" in headings[2]
    assert estimate_tokens(text) <= 1_500


@pytest.mark.parametrize("tokens", [300, 600, 6_000])
def test_the_text_takes_no_more_than_it_may(tokens: int) -> None:
    assert estimate_tokens(summarise(_RUN, tokens=tokens)) <= tokens


def test_many_kinds_of_failure_are_counted_where_they_are_not_shown() -> None:
    things = "abcdefghijkl"
    nodes = tuple(
        NodeResult(name, BAD, (step("s", f"error: {name * 5} broke\n", BAD),)) for name in things
    )
    text = summarise(record(BAD, TaskResult("t", "t", BAD, nodes)))
    assert "4 more kinds of failure on 4 hosts: get_run_output run=r-abcdefghij" in text


def test_hosts_on_which_nothing_was_done_are_a_group() -> None:
    idle = tuple(NodeResult(f"h{n}", Verdict.NOTHING_RAN) for n in range(3))
    good = NodeResult("h9", GOOD, (step("s", "fine\n"),))
    text = summarise(record(BAD, TaskResult("t", "t", BAD, (*idle, good))))
    assert "3 of 4 hosts: h0, h1, h2 (task t: nothing_ran) (no output)" in text


def test_hosts_with_the_same_good_output_are_shown_once() -> None:
    nodes = tuple(NodeResult(f"h{n}", GOOD, (step("s", "up\n"),)) for n in range(20))
    text = summarise(record(GOOD, TaskResult("t", "t", GOOD, nodes)))
    assert text.count("\nup\n") == 1
    assert "20 of 20 hosts: h0, h1" in text


def test_short_outputs_leave_their_room_to_long_ones() -> None:
    long = "".join(f"part {n} of the report\n" for n in range(100))
    steps = (step("a", long), step("b", "short\n"), step("c", "short, too\n"))
    nodes = (NodeResult("h", GOOD, steps),)
    assert long in summarise(record(GOOD, TaskResult("t", "t", GOOD, nodes)))


def _before(*nodes: NodeResult, seconds: float = 1.0):
    run = record(GOOD, TaskResult("t", "t", GOOD, nodes))
    start = AT - timedelta(days=1)
    end = start + timedelta(seconds=seconds)
    return replace(run, run="r-before", created_at=start, ended_at=end)


def _good(host: str, output: str, name: str = "s") -> NodeResult:
    return NodeResult(host, GOOD, (step(name, output),))


def changes(now: RunRecord, before: RunRecord) -> list[str]:
    return [said.to("en") for said in comparison.changes(now, before)]


def test_what_changed_since_the_last_good_run_is_said() -> None:
    before = _before(_good("a", "disk 40%\n"), _good("b", "same\n"), _good("gone", "x"))
    failed = NodeResult("b", BAD, (step("s", "error", BAD),))
    now = record(BAD, TaskResult("t", "t", BAD, (_good("a", "disk 97%\n"), failed, _good("c", ""))))
    assert changes(replace(now, ended_at=AT + timedelta(seconds=60)), before) == [
        "Since the last good run of this call (r-before, 2026-11-22 09:00 UTC):",
        "- new hosts: c",
        "- hosts that are gone: gone",
        "- task t, step s: now failed on b",
        "- it took 60 s, then 1 s",
    ]


@pytest.mark.parametrize("task", [(), (TaskResult("t", "t", Verdict.CANCELLED),)])
def test_a_host_that_a_run_did_not_come_to_is_not_called_gone(task: tuple[TaskResult, ...]) -> None:
    now = record(Verdict.CANCELLED, *task)
    assert not any("gone" in line for line in changes(now, _before(_good("localhost", "x"))))


def test_a_host_that_was_expected_is_not_called_gone() -> None:
    both = ExpectedPlace("all", (ExpectedHost("a"), ExpectedHost("b")), exact=True, known=True)
    now = record(Verdict.CANCELLED, TaskResult("t", "t", Verdict.CANCELLED, (_good("a", "x"),)))
    now = replace(now, expected=(ExpectedTask("t", "t", place=both),))
    before = _before(_good("a", "x"), _good("b", "x"), _good("c", "x"))
    assert [line for line in changes(now, before) if "gone" in line] == ["- hosts that are gone: c"]


def test_between_two_good_runs_the_outputs_that_differ_are_quoted() -> None:
    before = _before(*(_good(host, "disk 40%\nsame\n") for host in "abcde"))
    now = record(
        GOOD,
        TaskResult("t", "t", GOOD, tuple(_good(host, "disk 97%\nsame\n") for host in "abcde")),
    )
    found = changes(now, before)
    assert found[1] == "- output of s on a: now 'disk 97%', then 'disk 40%'"
    assert found[-1] == "- 2 more outputs differ"


def test_two_long_logs_are_compared_without_their_numbers() -> None:
    then = "".join(f"INFO request {n}\n" for n in range(500))
    now = "".join(f"INFO request {n + 7}\n" for n in range(500)) + "WARN slow disk 3\n"
    found = changes(
        record(GOOD, TaskResult("t", "t", GOOD, (_good("a", now),))), _before(_good("a", then))
    )
    assert found[1:] == ["- output of s on a: now 'WARN slow disk 3'"]


def test_a_step_that_did_not_run_this_time_is_named() -> None:
    before = _before(NodeResult("a", GOOD, (step("one", "x"), step("two", "x"))))
    now = record(GOOD, TaskResult("t", "t", GOOD, (_good("a", "x", "one"),)))
    assert changes(now, before)[1:] == ["- steps that did not run: t/two"]


def test_no_step_is_missed_that_an_older_definition_had() -> None:
    before = _before(NodeResult("a", GOOD, (step("one", "x"), step("two", "x"))))
    now = record(GOOD, TaskResult("t", "t", GOOD, (_good("a", "x", "one"),)))
    assert changes(replace(now, definition="d2"), replace(before, definition="d1"))[1:] == [
        "- the definition of the operation changed since then"
    ]


def test_when_nothing_changed_one_line_says_so() -> None:
    now = record(GOOD, TaskResult("t", "t", GOOD, (_good("a", "x"),)))
    text = summarise(now, before=_before(_good("a", "x")))
    assert "No change that matters since the last good run of this call (r-before" in text


def test_good_outputs_of_many_hosts_that_differ_in_numbers_are_shown_once() -> None:
    nodes = tuple(_good(f"web-{n:03}", f"copied {n} files to web-{n:03}\n") for n in range(60))
    text = summarise(record(GOOD, TaskResult("t", "t", GOOD, nodes)))
    assert text.count("copied ") == 1
    assert "60 of 60 hosts: web-000, web-001" in text
    assert "; alike but for numbers and names, shown is web-000)" in text
    assert "All output: get_run_output" in text


def test_after_a_failure_the_hosts_on_which_nothing_went_wrong_are_counted() -> None:
    lines = summarise(_RUN).split("\n")
    assert lines[0].startswith("failed: disk-usage on 45 of 200 hosts after")
    assert "Nothing went wrong on 155 of 200 hosts." in lines


def test_an_output_of_one_line_is_its_own_heading() -> None:
    said = (NodeResult(f"h{n}", BAD, (step("s", "login refused\n", BAD),)) for n in range(3))
    text = summarise(record(BAD, TaskResult("t", "t", BAD, tuple(said))))
    assert text.count("login refused") == 1
    assert "3 of 3 hosts: 'login refused': h0, h1, h2" in text


def test_what_few_hosts_said_stands_before_what_most_said() -> None:
    nodes = [
        NodeResult(f"web-{number:03}", GOOD, (step("a", said), step("b", "same\n")))
        for number, said in enumerate(["80 %\n"] * 197 + ["97 %\n", "97 %\n", "odd\n"])
    ]
    text = summarise(record(GOOD, TaskResult("t", "t", GOOD, tuple(nodes))))
    headings = [line.partition(" of ")[0] for line in text.split("\n") if " of 200 hosts" in line]
    assert headings == ["1", "2", "197", "200"]


def test_where_nothing_ran_stands_after_what_failed_and_the_skipped_last() -> None:
    def node(number: int, verdict: Verdict, note: str) -> NodeResult:
        bad = StepResult("s", verdict, note=note.format(f"web-{number}"))
        return NodeResult(f"web-{number}", verdict, (bad,))

    idle = Verdict.NOTHING_RAN
    nodes = [node(n, idle, "skipped: 1 before it did not succeed") for n in range(150)]
    nodes += [node(n, idle, "nothing ran: not reached (ssh {} true)") for n in range(150, 190)]
    nodes += [node(n, Verdict.UNKNOWN, "the connection was lost") for n in range(190, 192)]
    nodes += [node(192, BAD, "exit status 3")]
    text = summarise(record(BAD, TaskResult("t", "t", BAD, tuple(nodes))))
    headings = [line.partition(" of ")[0] for line in text.split("\n") if " of 193 hosts: " in line]
    assert headings == ["2", "1", "40", "150"]
    assert estimate_tokens(text) <= 1_500


def test_the_answers_of_200_hosts_take_no_more_than_allowed_and_say_where_the_rest_is() -> None:
    words = [
        "disk",
        "memory",
        "swap",
        "inode",
        "cache",
        "queue",
        "lock",
        "socket",
        "thread",
        "mount",
    ]
    nodes = tuple(
        NodeResult(
            f"web-{number:03}",
            GOOD,
            (step("s", f"{words[number % 9]} {words[number // 23]}\n" * 80),),
        )
        for number in range(200)
    )
    text = summarise(record(GOOD, TaskResult("t", "t", GOOD, nodes)))
    assert estimate_tokens(text) <= 1_500
    assert "get_run_output run=r-abcdefghij" in text
