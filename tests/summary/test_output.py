from collections.abc import Mapping
from typing import Any

import pytest

from opsmcp_tools.model.errors import ToolError
from opsmcp_tools.results.output_slice import output_slice, slice_text
from tests.summary.records import GOOD, record, step, task

_RUN = record(
    GOOD,
    task("one", step("a", "alpha\r\n"), step("b", "beta")),
    task("two", step("a", "gamma\n"), node="web-2"),
)
_LINES = record(GOOD, task("t", step("s", "".join(f"line {n}\n" for n in range(1, 201)))))


def test_without_a_selection_all_steps_follow_each_other_under_their_names() -> None:
    assert output_slice(_RUN)["output"] == (
        "== task one, node web-1, step a: succeeded\nalpha\n"
        "== task one, node web-1, step b: succeeded\nbeta\n"
        "== task two, node web-2, step a: succeeded\ngamma\n"
    )


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
    found = output_slice(_LINES, search="LINE 100")
    assert (
        found["output"] == "98- line 98\n99- line 99\n100: line 100\n101- line 101\n102- line 102"
    )
    assert (found["matches"], found["next_offset"]) == (1, None)


def test_a_search_with_many_matches_goes_on_at_the_next_match() -> None:
    first = output_slice(_LINES, search="line", limit=20_000)
    assert (first["matches"], first["next_offset"]) == (200, 50)
    second = output_slice(_LINES, search="line", offset=50)
    assert "51: line 51" in second["output"]


def test_a_search_stays_within_its_limit() -> None:
    found = output_slice(_LINES, search="line", limit=120)
    assert len(found["output"]) <= 120
    assert found["next_offset"] == 9


def test_matches_that_stand_close_together_are_shown_once() -> None:
    output = "\n".join("hit" if at in (3, 4, 7, 14, 15) else f"line {at}" for at in range(1, 16))
    near = record(GOOD, task("t", step("s", output)))
    blocks = output_slice(near, search="hit")["output"].split("\n--\n")
    numbers = [[line.split(" ")[0] for line in block.split("\n")] for block in blocks]
    assert numbers == [
        ["1-", "2-", "3:", "4:", "5-", "6-", "7:", "8-", "9-"],
        ["12-", "13-", "14:", "15:"],
    ]


def test_a_match_in_a_very_long_line_is_shown_where_it_is() -> None:
    long = record(GOOD, task("t", step("s", "x" * 5_000 + "needle" + "y" * 5_000)))
    found = output_slice(long, search="needle")["output"]
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
            {"search": "zzz"},
            "No line contains 'zzz'. The output has 1,692 characters; leave search out",
            "没有包含 'zzz' 的行。输出共 1,692 个字符",
        ),
        (
            {"search": "line 19", "offset": 500},
            "There are no more matches: 11 lines contain 'line 19'",
            "没有更多匹配:共 11 行包含 'line 19'",
        ),
        (
            {"offset": 90_000},
            "The output ends before offset 90,000: it has 1,692 characters.",
            "输出在 offset 90,000 之前结束:共 1,692 个字符。",
        ),
    ],
)
def test_a_slice_with_nothing_in_it_is_no_run_without_output(
    given: Mapping[str, Any], english: str, chinese: str
) -> None:
    data, search = output_slice(_LINES, **given), str(given.get("search", ""))
    assert slice_text(data, "00000000", search=search).startswith(english)
    assert slice_text(data, "00000000", search=search, language="zh").startswith(chinese)


@pytest.mark.parametrize("search", ["", "zzz"])
def test_a_slice_of_a_run_without_output_says_that_there_is_none(search: str) -> None:
    data = output_slice(record(GOOD, task("t")), search=search)
    assert slice_text(data, "00000000", search=search) == "There is no output here."
