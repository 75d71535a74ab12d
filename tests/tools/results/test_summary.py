from dataclasses import replace

import pytest

from opsmcp_pipelines.run import NodeResult, StepResult, TaskResult, Verdict
from opsmcp_pipelines.verdict.expected import ExpectedHost, ExpectedPlace, ExpectedTask
from opsmcp_tools.model.run_record import Repeat, RunRecord
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.results.next_step_syntax import CommandSyntax
from opsmcp_tools.results.unique_names import with_unique_names
from tests.tools.results.records import BAD, GOOD, record, step, structured, summarise, task

_DISK = record(GOOD, task("disk", step("df", "/ 40%\n/var 97%\n")))


def test_the_first_line_is_what_where_and_how_long() -> None:
    line = summarise(_DISK).split("\n")[0]
    assert line == "succeeded: disk-usage on web-1 after 3.2 s (run r-abcdefghij)"


def test_a_good_run_shows_its_output_whole_when_it_fits() -> None:
    text = summarise(_DISK)
    assert "\n/ 40%\n/var 97%\n---" in text
    assert "get_run_output" not in text


def test_a_long_output_is_shown_from_both_ends_with_the_way_to_all_of_it() -> None:
    text = summarise(record(GOOD, task("disk", step("df", "first\n" + "x\n" * 9_000 + "last\n"))))
    assert "first\n" in text
    assert "x  [×9,000]" in text
    assert "last\n---" in text
    assert text.endswith(
        "Step df is not shown whole (9,002 lines, 18.0 kB): get_run_output run=r-abcdefghij"
    )


def test_a_failure_comes_first_with_the_end_of_its_output() -> None:
    bad = task("bad", step("ok", "fine\n"), step("do", "x\n" * 5_000 + "boom\n", BAD), verdict=BAD)
    text = summarise(record(BAD, task("good", step("s", "hello\n")), bad, reason="task 'bad': no"))
    assert text.index("Reason: task 'bad': no") < text.index("boom") < text.index("hello")
    assert text.split("\n")[-1] == (
        "Next: Read all output: get_run_output run=r-abcdefghij task=bad node=web-1 step=do"
    )


def test_a_failure_without_output_says_so() -> None:
    text = summarise(record(BAD, task("bad", step("do", "", BAD), verdict=BAD)))
    assert "step do on web-1: failed (no output)" in text


def test_when_nothing_ran_the_likely_reasons_are_named() -> None:
    text = summarise(record(Verdict.NOTHING_RAN, task("disk", verdict=Verdict.NOTHING_RAN)))
    for part in ("'web-9' does not exist", "host=web-9", "refused the login", "list_inventory"):
        assert part in text


def test_hosts_that_are_known_are_not_guessed_to_be_missing() -> None:
    place = ExpectedPlace("role=db", (ExpectedHost("db-1"),), exact=True)
    idle = record(Verdict.NOTHING_RAN, task("disk", verdict=Verdict.NOTHING_RAN))
    expected = (ExpectedTask("disk", "do-disk", place=place),)
    text = summarise(replace(idle, arguments={}, expected=expected))
    assert "- the hosts were away" in text
    assert "no host fits" not in text


def test_where_it_is_known_why_nothing_ran_nothing_is_guessed() -> None:
    idle = task("disk", verdict=Verdict.NOTHING_RAN, reason="no host matches 'role=db'")
    text = summarise(record(Verdict.NOTHING_RAN, replace(idle, explained=True)))
    assert "Likely reasons" not in text


def test_what_is_to_be_known_of_a_good_run_is_no_reason() -> None:
    text = summarise(record(GOOD, task("disk", step("df", "x")), reason="it may have run twice"))
    assert "Note: it may have run twice" in text
    assert "Reason:" not in text


def test_a_running_run_says_how_to_wait() -> None:
    text = summarise(record(Verdict.RUNNING))
    assert text.startswith("running: disk-usage for 2.0 s")
    assert "get_run run=r-abcdefghij wait_seconds=30" in text


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_text_and_bad_ones_an_advice(verdict: Verdict) -> None:
    text = summarise(record(verdict, task("disk", step("df", "x", verdict), verdict=verdict)))
    assert text.startswith(f"{verdict}: disk-usage")
    assert ("Next:" in text) is (verdict not in (Verdict.SUCCEEDED, Verdict.CANCELLED))


_HUGE = "\x1b[31m" + "y" * 50_000 + "\r\n"
_LARGE = {
    "one huge output": record(GOOD, task("t", step("s", _HUGE))),
    "many tasks": record(GOOD, *(task(f"t{n}", step("s", _HUGE)) for n in range(300))),
    "many failures": record(
        BAD, *(task(f"t{n}", step("s", _HUGE, BAD), verdict=BAD) for n in range(300))
    ),
    "long names": record(
        BAD,
        task("t" * 9_000, step("s" * 9_000, _HUGE, BAD), node="n" * 9_000, reason="r" * 9_000),
        reason="r" * 9_000,
    ),
    "many hosts": record(
        GOOD,
        TaskResult(
            "t",
            "t",
            GOOD,
            tuple(NodeResult(f"h{n}" * 30, GOOD, (step("s", "x"),)) for n in range(500)),
        ),
    ),
    "many small steps": record(GOOD, task("t", *(step(f"s{n}", "z" * 900) for n in range(100)))),
}


@pytest.mark.parametrize("large", _LARGE.values(), ids=_LARGE)
def test_a_summary_is_never_long(large: RunRecord) -> None:
    text = summarise(large)
    assert len(text) <= 6_000
    assert "\x1b" not in text
    assert text.count("--- end ") * 2 == text.count("---\n") + text.endswith("---") or "---" in text


_ALLOWED = StepResult("may", BAD, "tried\nno cache\n", 15, allowed=True, note="exit status 3")


def test_a_foreseen_failure_of_a_good_run_is_told_before_what_worked() -> None:
    text = summarise(record(GOOD, task("t", _ALLOWED, step("s", "fine\n"))))
    told = "Task t, step may on web-1: failed, as its author allowed (exit status 3)"
    assert f"{told}\n--- output" in text
    assert text.index("no cache") < text.index("fine")


def test_a_foreseen_failure_comes_after_the_others() -> None:
    bad = task("t", _ALLOWED, step("do", "boom\n", BAD), verdict=BAD)
    text = summarise(record(BAD, bad))
    assert text.index("boom") < text.index("as its author allowed") < text.index("no cache")


def test_what_a_foreseen_failure_says_is_pointed_at_where_it_is_too_long_to_show() -> None:
    long = replace(_ALLOWED, output="tried\n" + "x\n" * 9_000 + "no cache\n")
    text = summarise(record(GOOD, task("t", long, step("s", "fine\n"))))
    assert "fine" in text
    assert text.endswith("18.0 kB): get_run_output run=r-abcdefghij step=may")


def test_a_failure_leaves_the_room_that_it_does_not_need_to_what_worked() -> None:
    report = "".join(f"part {n} of the report\n" for n in range(60))
    steps = [step(f"s{n}", report) for n in range(2)]
    text = summarise(record(BAD, task("t", *steps, step("do", "boom\n", BAD), verdict=BAD)))
    assert text.index("boom") < text.index(report)


def test_the_headings_of_all_steps_are_shown_beside_a_long_failure() -> None:
    long = step("do", "".join(f"ERROR {n:x} {n % 97} broke {n}\n" * 2 for n in range(900)), BAD)
    steps = [step(f"part-{n}", "waits " * 300) for n in range(9)]
    text = summarise(record(BAD, task("t", *steps, long, verdict=BAD)))
    assert [n for n in range(9) if f"step part-{n} on web-1: succeeded" not in text] == []
    assert "; nor are 9 other steps): get_run_output run=r-abcdefghij step=do" in text


def test_a_step_whose_name_is_not_the_only_one_is_pointed_at_with_its_task() -> None:
    tasks = [task(name, step("s", "x\n" * 9_000)) for name in ("a", "b")]
    assert "get_run_output run=r-abcdefghij step=s task=a" in summarise(record(GOOD, *tasks))


def test_every_step_of_a_task_that_may_fail_is_a_foreseen_failure() -> None:
    may = replace(task("t", step("do", "boom\n", BAD), verdict=BAD), allowed=True)
    text = summarise(record(GOOD, may, task("u", step("s", "fine\n"))))
    assert "Task t, step do on web-1: failed, as its author allowed\n--- output" in text


def test_a_host_that_failed_although_its_step_was_foreseen_is_named() -> None:
    text = summarise(record(BAD, task("t", _ALLOWED, step("s", "fine\n"), verdict=BAD)))
    assert "Task t on web-1: failed (no output)" in text


def test_our_words_are_in_the_language_of_the_settings_and_outputs_as_they_are() -> None:
    log = "\n".join(["ok"] * 900 + ["ERROR no space left"] + ["ok"] * 900)
    bad = record(BAD, task("t", step("df", log, BAD), verdict=BAD), reason="web-1 failed")
    lines = summarise(bad, language="zh").split("\n")
    assert lines[:3] == [
        "failed: disk-usage,位于 web-1,用时 3.2 秒(run r-abcdefghij)",
        "原因:web-1 failed",
        "任务 t,步骤 df,位于 web-1:failed",
    ]
    assert "问题:" in lines
    assert "ERROR no space left" in lines
    assert lines[-1].startswith("下一步:查看全部输出:get_run_output run=r-abcdefghij")


def test_a_repeated_call_is_told_right_behind_the_verdict() -> None:
    text = summarise(replace(_DISK, repeated=Repeat.CALL))
    assert text.split("\n")[1].startswith("Nothing new was started: this is the run of the same")
    assert text.count("Nothing new was started") == 1


def test_a_known_reason_stands_alone() -> None:
    idle = replace(task("t", verdict=Verdict.NOTHING_RAN), skipped=True)
    why = "task 't': every step was skipped by its condition"
    text = summarise(record(Verdict.NOTHING_RAN, idle, reason=why))
    assert text.split("\n")[1:] == [f"Reason: {why}"]


def test_what_was_not_kept_of_an_output_is_told() -> None:
    text = summarise(record(GOOD, task("t", step("s", "x\n", lost=4_440_323))))
    assert "Task t, step s on web-1: succeeded (4.4 MB of its output were not kept)" in text
    assert text.endswith("All output that was kept: get_run_output run=r-abcdefghij")


def test_what_was_not_kept_of_a_failed_step_is_told() -> None:
    step_ = replace(step("s", "x\n", BAD, lost=980), note="exit status 9")
    text = summarise(record(BAD, task("t", step_, verdict=BAD)))
    assert "failed (exit status 9, 980 bytes of its output were not kept)" in text
    assert "Next: Read all output that was kept: " in text


def test_no_output_is_offered_where_nothing_was_printed() -> None:
    text = summarise(record(BAD, task("t", step("s", "", BAD), verdict=BAD)))
    assert "get_run_output" not in text


_TOLD_IN_A_TERMINAL = {
    "a failure": record(BAD, task("t", step("s", "no\n", BAD), verdict=BAD)),
    "a long output": record(GOOD, task("t", step("s", "x\n" * 9_000))),
    "many failures": record(
        BAD, *(task(f"t{n}", step("s", "no\n", BAD), verdict=BAD) for n in range(30))
    ),
    "a running run": record(Verdict.RUNNING),
    "an idle run": record(Verdict.NOTHING_RAN, task("t", verdict=Verdict.NOTHING_RAN)),
    "a repeated call": replace(_DISK, repeated=Repeat.CALL),
    "a repeated key": replace(_DISK, repeated=Repeat.KEY),
}


@pytest.mark.parametrize("run", _TOLD_IN_A_TERMINAL.values(), ids=_TOLD_IN_A_TERMINAL)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_advice_in_a_terminal_names_commands_only(run: RunRecord, language: Language) -> None:
    text = summarise(run, language=language, syntax=CommandSyntax())
    told = f"{text} {structured(run, language=language, syntax=CommandSyntax())['advice']}"
    assert "opsmcp runs r-abcdefghij" in told or "opsmcp call" in told or "--new" in told
    for of_clients in ("get_run", "idempotency-key in _meta", "run="):
        assert of_clients not in told


def test_a_note_that_only_repeats_the_verdict_is_left_out() -> None:
    stopped = replace(step("s", "x\n", Verdict.CANCELLED), note="cancelled")
    text = summarise(record(Verdict.CANCELLED, task("t", stopped, verdict=Verdict.CANCELLED)))
    assert "step s on web-1: cancelled\n" in text


def test_tasks_and_steps_without_a_name_of_their_own_are_told_apart() -> None:
    run = record(
        BAD,
        task("", verdict=Verdict.NOTHING_RAN),
        task("check", step("x", "fine"), step("x", "broken", BAD), verdict=BAD),
        task("check", step("y", "fine")),
    )
    text = summarise(run)
    assert "- (a task without a name: do-): nothing_ran" in text
    assert "Task check, step x (2nd) on web-1: failed" in text
    assert "- check (2nd): succeeded" in text
    data = structured(run)
    assert [one["name"] for one in data["tasks"]][1:] == ["check", "check (2nd)"]
    steps = data["tasks"][1]["nodes"][0]["steps"]
    assert [one["name"] for one in steps] == ["x", "x (2nd)"]


@pytest.mark.parametrize(
    ("number", "named"), [(2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd")]
)
def test_the_number_of_a_name_is_said_as_people_do(number: int, named: str) -> None:
    run = record(GOOD, task("t", *[step("x", "") for _ in range(number)]))
    assert with_unique_names(run).result.tasks[0].nodes[0].steps[-1].name == f"x ({named})"
