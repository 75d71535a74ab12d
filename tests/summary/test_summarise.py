import pytest

from opsmcp_pipelines.run import NodeResult, StepResult, TaskResult, Verdict
from opsmcp_tools.runs import RunRecord
from tests.summary.records import BAD, GOOD, record, step, summarise, task

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
    assert "lines left out" in text
    assert "last\n---" in text
    assert text.endswith("All output: get_run_output run=r-abcdefghij")


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


def test_foreseen_failures_are_not_shown_as_failures() -> None:
    allowed = StepResult("may", BAD, "tried\n", 6, allowed=True)
    text = summarise(record(GOOD, task("t", allowed, step("s", "fine\n"))))
    assert "failed" not in text


def test_our_words_are_in_the_language_of_the_settings_and_outputs_as_they_are() -> None:
    log = "\n".join(["ok"] * 900 + ["ERROR no space left"] + ["ok"] * 900)
    bad = record(BAD, task("t", step("df", log, BAD), verdict=BAD), reason="web-1 failed")
    lines = summarise(bad, language="zh").split("\n")
    assert lines[:3] == [
        "failed: disk-usage,位于 web-1,用时 3.2 秒(run r-abcdefghij)",
        "原因:web-1 failed",
        "任务 t,步骤 df,位于 web-1:failed",
    ]
    assert any(line.startswith("[… 省略 8") for line in lines)
    assert "ERROR no space left" in lines
    assert lines[-1].startswith("下一步:查看全部输出:get_run_output run=r-abcdefghij")
