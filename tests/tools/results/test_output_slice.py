from collections.abc import Mapping
from typing import Any

import pytest

from opsmcp_pipelines.run import NodeResult, TaskResult
from opsmcp_tools.model.errors import ToolError
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.results.output_search import View, Wanted
from opsmcp_tools.results.output_slice import output_slice, slice_text
from tests.tools.results.records import GOOD, record, step, task

_RUN = record(
    GOOD,
    task("one", step("a", "alpha\r\n"), step("b", "beta")),
    task("two", step("a", "gamma\n"), node="web-2"),
)
_LINES = record(GOOD, task("t", step("s", "".join(f"line {n}\n" for n in range(1, 201)))))


def on_hosts(*outputs: tuple[str, str]) -> TaskResult:
    """One step on several hosts, and what each of them printed."""
    nodes = (NodeResult(node, GOOD, (step("s", output),)) for node, output in outputs)
    return TaskResult("t", "do-t", GOOD, tuple(nodes))


def test_without_a_selection_all_steps_follow_each_other_under_their_names() -> None:
    assert output_slice(_RUN)["output"] == (
        "== task one, node web-1, step a: succeeded\nalpha\n"
        "== task one, node web-1, step b: succeeded\nbeta\n"
        "== task two, node web-2, step a: succeeded\ngamma\n"
    )


def test_what_many_hosts_printed_alike_stands_there_once_with_all_their_names() -> None:
    hosts = (("web-1", "full\n"), ("web-2", "so\n"), ("web-3", "so\n"), ("db-1", "so\n"))
    found = output_slice(record(GOOD, on_hosts(*hosts)))
    assert found["output"] == (
        "== task t, node web-1, step s: succeeded\nfull\n"
        "== task t, 3 nodes web-2, web-3, db-1, step s: succeeded\nso\n"
    )


def test_several_hosts_are_read_and_searched_in_one_call() -> None:
    hosts = record(GOOD, on_hosts(("web-1", "a\n"), ("web-2", "b\n"), ("db-1", "b\nerr\n")))
    found = output_slice(hosts, node="db-1, web-2", wanted=Wanted(search="b", context=0))
    assert found["matches"] == 2
    assert "web-1" not in found["output"]
    with pytest.raises(ToolError, match="no output of node 'db-9'; there is: web-1, web-2, db-1"):
        output_slice(hosts, node="web-1,db-9")


def test_one_step_is_its_output_alone() -> None:
    assert output_slice(_RUN, task="one", step="a") == {
        "run": "r-abcdefghij",
        "offset": 0,
        "total_chars": 6,
        "output": "alpha\n",
        "next_offset": None,
    }


def test_pages_joined_are_the_whole() -> None:
    pages, offset = list[str](), 0
    while offset is not None:
        page = output_slice(_LINES, offset=offset, limit=100)
        pages.append(page["output"])
        offset = page["next_offset"]
    assert "".join(pages) == output_slice(_LINES)["output"]
    assert len(pages) > 10


def test_a_search_shows_lines_with_their_numbers_and_neighbours() -> None:
    found = output_slice(_LINES, wanted=Wanted(search="LINE 100"))
    assert (
        found["output"] == "98- line 98\n99- line 99\n100: line 100\n101- line 101\n102- line 102"
    )
    assert (found["matches"], found["next_offset"]) == (1, None)


def test_a_search_with_many_matches_goes_on_at_the_next_match() -> None:
    first = output_slice(_LINES, wanted=Wanted(search="line"), limit=20_000)
    assert (first["matches"], first["next_offset"]) == (200, 50)
    second = output_slice(_LINES, wanted=Wanted(search="line"), offset=50)
    assert "51: line 51" in second["output"]


def test_a_search_stays_within_its_limit() -> None:
    found = output_slice(_LINES, wanted=Wanted(search="line"), limit=120)
    assert len(found["output"]) <= 120
    assert found["next_offset"] == 9


def test_matches_that_stand_close_together_are_shown_once() -> None:
    output = "\n".join("hit" if at in (3, 4, 7, 14, 15) else f"line {at}" for at in range(1, 16))
    near = record(GOOD, task("t", step("s", output)))
    blocks = output_slice(near, wanted=Wanted(search="hit"))["output"].split("\n--\n")
    numbers = [[line.split(" ")[0] for line in block.split("\n")] for block in blocks]
    assert numbers == [
        ["1-", "2-", "3:", "4:", "5-", "6-", "7:", "8-", "9-"],
        ["12-", "13-", "14:", "15:"],
    ]


def test_a_match_in_a_very_long_line_is_shown_where_it_is() -> None:
    long = record(GOOD, task("t", step("s", "x" * 5_000 + "needle" + "y" * 5_000)))
    found = output_slice(long, wanted=Wanted(search="needle"))["output"]
    assert "needle" in found
    assert len(found) < 500


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (("three", None, None), "no output of task 'three'; there is: one, two"),
        (("two", "web-1", None), "no output of node 'web-1'; there is: web-2"),
        ((None, None, "\x1b[31mz"), "no output of step 'z'; there is: a, b"),
    ],
)
def test_what_does_not_exist_is_answered_with_what_does(
    wanted: tuple[str | None, str | None, str | None], message: str
) -> None:
    task_name, node, step_name = wanted
    with pytest.raises(ToolError, match=message):
        output_slice(_RUN, task=task_name, node=node, step=step_name)


def test_a_run_without_output_says_so() -> None:
    assert output_slice(record(GOOD, task("t")))["output"] == ""
    with pytest.raises(ToolError, match="has no output"):
        output_slice(record(GOOD, task("t")), step="s")


@pytest.mark.parametrize(
    ("given", "english", "chinese"),
    [
        (
            {"wanted": Wanted(search="zzz")},
            "No line matches search='zzz'. Of 200 lines, 0 tell of errors and 0 of warnings",
            "没有匹配 search='zzz' 的行。共 200 行",
        ),
        (
            {"wanted": Wanted(search="line 19"), "offset": 500},
            "There are no more matches: 12 lines match search='line 19'",
            "没有更多匹配:共 12 行匹配 search='line 19'",
        ),
        (
            {"offset": 90_000},
            "The output ends before offset 90,000: it has 1,692 characters.",
            "输出在 offset 90,000 之前结束:共 1,692 个字符。",
        ),
        (
            {"wanted": Wanted(from_line=300)},
            "The output has 200 lines.",
            "输出共 200 行。",
        ),
    ],
)
def test_a_slice_with_nothing_in_it_is_no_run_without_output(
    given: Mapping[str, Any], english: str, chinese: str
) -> None:
    data, wanted = output_slice(_LINES, **given), given.get("wanted", Wanted())
    assert slice_text(data, "00000000", wanted=wanted).startswith(english)
    assert slice_text(data, "00000000", wanted=wanted, language="zh").startswith(chinese)


@pytest.mark.parametrize("search", ["", "zzz"])
def test_a_slice_of_a_run_without_output_says_that_there_is_none(search: str) -> None:
    data = output_slice(record(GOOD, task("t")), wanted=Wanted(search=search))
    assert slice_text(data, "00000000", wanted=Wanted(search=search)) == (
        "There is no output here."
    )


def _of(output: str) -> RunRecord:
    return record(GOOD, task("t", step("s", output)))


_LOG = "\n".join(
    f"2026-11-23T10:{n // 60:02}:{n % 60:02} {'ERROR disk full' if n % 50 == 7 else 'INFO served'}"
    f" request {n}"
    for n in range(300)
)


def _lines(text: str, wanted: Wanted, **how: Any) -> list[str]:
    return output_slice(_of(text), wanted=wanted, **how)["output"].split("\n")


def test_a_search_for_several_words_finds_the_lines_with_all_of_them() -> None:
    assert _lines(_LOG, Wanted(search="REQUEST error 257", context=0)) == [
        "258: 2026-11-23T10:04:17 ERROR disk full request 257"
    ]


def test_a_pattern_is_of_re2_and_ignores_case() -> None:
    found = _lines(_LOG, Wanted(pattern=r"error .* request \d[05]7$", context=0))
    assert [line.split(":")[0] for line in found] == ["108", "158", "208", "258"]


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", "x{5000}", "\x1b[", "(((a{100}){100}){100})"])
def test_a_pattern_that_is_none_is_answered_with_what_is_wrong(pattern: str) -> None:
    with pytest.raises(ToolError, match="pattern is no RE2 pattern: [^\x1b]+ use search instead"):
        output_slice(_of(_LOG), wanted=Wanted(pattern=pattern))


def test_lines_with_an_excluded_word_are_left_out() -> None:
    found = _lines(_LOG, Wanted(exclude="SERVED 57"))
    assert [line.split(":")[0] for line in found] == ["8", "108", "208"]


def test_the_newest_lines_come_first_when_asked_for() -> None:
    found = _lines(_LOG, Wanted(newest_first=True), lines=3)
    assert [line.split(":")[0] for line in found] == ["300", "299", "298"]
    errors = output_slice(_of(_LOG), wanted=Wanted(search="error", newest_first=True), lines=2)
    assert [block.split("\n")[2].split(":")[0] for block in errors["output"].split("\n--\n")] == [
        "258",
        "208",
    ]
    assert errors["next_offset"] == 2


def test_context_says_how_many_lines_stand_around_a_match() -> None:
    found = _lines(_LOG, Wanted(search="error", context=1, from_line=250))
    assert [line.split(" ")[0] for line in found] == ["257-", "258:", "259-"]


def test_in_a_table_the_titles_come_along_and_no_neighbours() -> None:
    rows = [f"web-{n:03}   1/1   {'Failed' if n == 70 else 'Running'}   3d" for n in range(99)]
    table = "\n".join(["NAME      READY   STATUS   AGE", *rows])
    assert _lines(table, Wanted(search="failed")) == [
        "1- NAME      READY   STATUS   AGE",
        f"72: {rows[70]}",
    ]


def test_of_several_steps_a_match_stands_below_the_name_of_its_step() -> None:
    assert output_slice(_RUN, wanted=Wanted(search="a", context=0))["output"].split("\n") == [
        "1- == task one, node web-1, step a: succeeded",
        "2: alpha",
        "3- == task one, node web-1, step b: succeeded",
        "4: beta",
        "5- == task two, node web-2, step a: succeeded",
        "6: gamma",
    ]


def test_whole_lines_are_read_one_slice_after_the_other() -> None:
    slices, first = list[str](), 1
    while first is not None:
        found = output_slice(_LINES, wanted=Wanted(from_line=first), lines=37)
        slices.append(found["output"])
        first = found["next_line"]
    assert "\n".join(slices) + "\n" == output_slice(_LINES)["output"]
    assert len(slices) == 6


def test_a_slice_of_lines_stays_within_its_characters_and_goes_on() -> None:
    found = output_slice(_of("x" * 9_000 + "\ny"), wanted=Wanted(from_line=1), lines=2, limit=100)
    assert (len(found["output"]), found["next_line"]) == (100, 2)


def test_no_match_is_answered_with_what_there_is() -> None:
    data = output_slice(_of(_LOG), wanted=Wanted(search="timeout"))
    text = slice_text(data, "00000000", wanted=Wanted(search="timeout"))
    first, *others = text.split("\n")
    assert first == (
        "No line matches search='timeout'. Of 300 lines, 6 tell of errors and 0 of warnings; they"
        " are of these kinds:"
    )
    assert "00000000" in others[0]
    assert "ERROR disk full request 7  [×6; 10:00:07–10:04:17]" in text
    assert "served request 0  [×294" in text


_CALM = [f"2026-11-23T10:{n // 60:02}:{n % 60:02} INFO served request {n}" for n in range(600)]


@pytest.mark.parametrize(
    ("view", "line", "at"),
    [
        ("rare", "2026-11-23T10:05:00 INFO schema version is now 42", 300),
        ("breaks", "2026-11-23T10:05:00 INFO cache restarted by the operator", 300),
    ],
)
def test_a_line_that_stands_out_is_found_though_its_level_is_calm(
    view: View, line: str, at: int
) -> None:
    log = [*_CALM[:at], line, *_CALM[at:]]
    assert f"{at + 1}: {line}" in _lines("\n".join(log), Wanted(view=view))


def test_the_lines_around_a_gap_in_time_are_found() -> None:
    log = "\n".join([*_CALM[:200], *_CALM[290:]])
    assert [line.split(" ")[0] for line in _lines(log, Wanted(view="breaks"))] == [
        "197-",
        "198-",
        "199-",
        "200:",
        "201:",
        "202-",
        "203-",
        "204-",
    ]


_SAME = record(
    GOOD,
    task("again", step("x", "first\n"), step("x", "second\n"), step("", "third\n")),
    task("again", step("y", "fourth\n")),
    task("", step("z", "fifth\n")),
)


def test_what_has_no_name_or_the_name_of_another_can_be_told_and_asked_for() -> None:
    output = output_slice(_SAME)["output"]
    headings = [line.rpartition(": ")[0] for line in output.splitlines() if line.startswith("==")]
    assert headings == [
        "== task again, node web-1, step x",
        "== task again, node web-1, step x (2nd)",
        "== task again, node web-1, step (a step without a name)",
        "== task again (2nd), node web-1, step y",
        "== task (a task without a name: do-), node web-1, step z",
    ]
    assert output_slice(_SAME, step="x (2nd)")["output"] == "second\n"
    assert output_slice(_SAME, task="again (2nd)")["output"] == "fourth\n"
    assert output_slice(_SAME, task="(a task without a name: do-)")["output"] == "fifth\n"
    assert output_slice(_SAME, step="x")["output"].count("==") == 2


def test_a_name_is_found_as_it_was_shown() -> None:
    odd = record(GOOD, task("t\x1b[31mred", step("s", "alpha")), task("u", step("s", "beta")))
    with pytest.raises(ToolError, match="there is: tred, u"):
        output_slice(odd, task="none")
    assert output_slice(odd, task="tred")["output"] == "alpha"
