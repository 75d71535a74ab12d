"""Conditions as Ops reads them (pkg/utils/logic.go), with what it cannot read."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsmcp_pipelines.models import Step
from opsmcp_pipelines.verdict.ops_conditions import Truth, condition_fault, may_fail, would_run

_VALUES = {"all": "all", "n": "5", "word": "many", "yes": "true", "nested": "${n}", "status": "x"}


@pytest.mark.parametrize(
    ("when", "truth"),
    [
        ("", Truth.TRUE),
        ("  ", Truth.TRUE),
        ("1", Truth.TRUE),
        ("!False", Truth.TRUE),
        ("!true", Truth.FALSE),
        ('${all} == "ALL"', Truth.TRUE),
        ("${all}!='all'", Truth.FALSE),
        ("${n} > 4.5", Truth.TRUE),
        ("${n} < 4", Truth.FALSE),
        ("${n} > nan", Truth.FALSE),
        ("!${yes}", Truth.FALSE),
        ("startwith(${all}, al)", Truth.TRUE),
        ("not endwith(${all}, ll)", Truth.FALSE),
        ("${nobody} == x", Truth.OPEN),
        ("${nobody} > 3", Truth.OPEN),
        ("!${nobody}", Truth.OPEN),
        ("${nested} == 5", Truth.OPEN),
        ("${status} == x", Truth.OPEN),
        ("${steps.a.output} == x", Truth.OPEN),
        ("endwith(${nobody}, x)", Truth.OPEN),
        ("${word} > 4", Truth.UNREADABLE),
        ("${n} >= 4", Truth.UNREADABLE),
        ("${nobody} >= 4", Truth.UNREADABLE),
        ("4 =< ${n}", Truth.UNREADABLE),
        ("${all} =~ a", Truth.UNREADABLE),
        ("${all} == all && ${n} == 5", Truth.UNREADABLE),
        ("${yes} || ${yes}", Truth.UNREADABLE),
        ("a == b == c", Truth.UNREADABLE),
        ("yes", Truth.UNREADABLE),
        ("not ${yes}", Truth.UNREADABLE),
        ("startwith(${nobody})", Truth.OPEN),
        ("startwith(${all})", Truth.UNREADABLE),
        ("startwith(a)", Truth.UNREADABLE),
        ("${n} > 1_0", Truth.UNREADABLE),
        ("${all} == '&&'", Truth.FALSE),
        ("${output} > 3", Truth.ON_NUMBER),
        ("${n} < ${result}", Truth.ON_NUMBER),
        ("${output}", Truth.ON_NUMBER),
        ("${output} == 3", Truth.OPEN),
    ],
)
def test_a_condition_is_read_as_ops_reads_it(when: str, truth: Truth) -> None:
    assert would_run(when, _VALUES) is truth


@pytest.mark.parametrize(
    ("when", "truth"),
    [
        ("${nobody} == x", Truth.FALSE),
        ("${nobody} != x", Truth.TRUE),
        ("${nobody} > 3", Truth.UNREADABLE),
        ("${doubtful} == x", Truth.OPEN),
        ("${PATH} == x", Truth.OPEN),
        ("${status} == x", Truth.OPEN),
        ("${steps.a.output} == x", Truth.OPEN),
    ],
)
def test_where_all_values_are_known_every_other_name_is_empty(when: str, truth: Truth) -> None:
    assert would_run(when, {**_VALUES, "doubtful": None}, complete=True) is truth


@pytest.mark.parametrize(
    ("allowed", "truth"),
    [
        ("", Truth.FALSE),
        ("true", Truth.TRUE),
        ("0", Truth.FALSE),
        ("1 == 1", Truth.TRUE),
        ("${yes}", Truth.UNREADABLE),
        ("${yes} == true", Truth.FALSE),
        ("yes please >= 1", Truth.UNREADABLE),
        ("true && true", Truth.UNREADABLE),
    ],
)
def test_what_may_fail_is_read_without_values(allowed: str, truth: Truth) -> None:
    assert may_fail(allowed) is truth


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_condition_is_read_or_not_and_says_why_not(when: str, value: str) -> None:
    assert would_run(when, {"v": value}) in Truth
    unreadable = Truth.UNREADABLE in (would_run(when), may_fail(when))
    assert bool(condition_fault(Step("s", when=when, allow_failure=when))) is unreadable


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_numbers_are_compared_as_numbers(left: float, right: float) -> None:
    with suppress(OverflowError):
        assert would_run(f"{left} > {right}") is (Truth.TRUE if left > right else Truth.FALSE)
