from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsmcp_pipelines.conditions import ConditionError, evaluate, foresee, may_fail

VALUES = {"s": "Abc", "n": "5", "empty": "", "yes": "true", "q": "a b", "evil": "x' == 'x"}


@pytest.mark.parametrize(
    "expression",
    [
        "true",
        "1",
        "${yes}",
        "!${empty}",
        "${s} == abc",
        "'${s}' == \"ABC\"",
        "${s} != x",
        "${n} > 4",
        "${n} >= 5",
        "${n} < 5.5",
        "${n} <= 5",
        "${n} =< 5",
        "${n} => 5",
        "${empty} == ''",
        "${nobody}x${nobody} == x",
        "${q} == a b",
        "x${s}y == xabcy",
        "startwith(${s}, Ab)",
        "endwith(${s}, 'bc')",
        "not startwith(${s}, x)",
        "!endwith(${s}, x)",
        "false || ${n} > 1 && ${s} == abc",
        "!(false || false)",
        "true || nonsense == ${n}",
        "${empty} == '' || ${empty} > 5",
        "!(${empty} != '' && ${empty} > 5)",
        "true || (false || ${s}) && ${s} > 1",
    ],
)
def test_condition_holds(expression: str) -> None:
    assert evaluate(expression, VALUES)


@pytest.mark.parametrize(
    "expression",
    [
        "false",
        "0",
        "!1",
        "${empty}",
        "${s} == x",
        "${n} > 5",
        "${evil} == y",
        "${nobody}",
        "true && false",
        "startwith(${s}, b)",
    ],
)
def test_condition_does_not_hold(expression: str) -> None:
    assert not evaluate(expression, VALUES)


@pytest.mark.parametrize(
    "expression",
    [
        "${s}",
        "${s} > 1",
        "nan > 1",
        "inf > 1",
        "${n} < -Infinity",
        "${n} > 1e999",
        "==",
        "a ==",
        "a b",
        "(true",
        "true)",
        "startwith(a)",
        "a == b == c",
        "'open",
        "true &&",
        "true || x =",
        "true || (x",
        "true || perhaps",
        "false && ${n}% > 5",
        "${empty} != '' || ${empty} > 5",
        "true && (false || ${empty} > 5)",
        "1 " * 300,
    ],
)
def test_condition_that_cannot_be_decided_is_an_error(expression: str) -> None:
    with pytest.raises(ConditionError):
        evaluate(expression, VALUES)


KNOWN: dict[str, str | None] = {"s": "Abc", "n": None, "m": None, "output": None}


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("${output} =~ 9", "there is no '=~': use startwith(a, b)"),
        ("yes maybe => 3", "compares something that is not a number"),
        ("nan > 3", "compares something that is not a number"),
        ("${n} > inf", "compares something that is not a number"),
        ("${s} > 3", "compares something that is not a number"),
        ("${n}% > 90", "compares something that is not a number"),
        ("${typo} > 3", "compares something that is not a number"),
        ("${n} = prod", "write '==' for '='"),
        ("${n} == '' || ${n} = 5", "write '==' for '='"),
        ("${n} === prod", "write '=='"),
        ("${n} -gt 3", "write ==, !=, >"),
        ("${n} and ${m}", "join with && or ||"),
        ("${n} contains x", "it can compare by"),
        ("startwith(${n})", "lacks a ','"),
        ("(${n} == a", "lacks a ')'"),
        ("perhaps", "neither true nor false"),
        ("${s} == x || ${s} > 3", "compares something that is not a number"),
    ],
)
def test_what_no_run_can_decide_is_known_before_with_what_to_write(when: str, says: str) -> None:
    assert says in foresee(when, KNOWN).fault


@pytest.mark.parametrize(
    ("when", "numbers"),
    [
        ("${n} > 90", {"n"}),
        ("${n} >= ${m} || ${output} < 3", {"n", "m"}),
        ("${n} == '' || ${n} > 5", set[str]()),
        ("${s} == abc && ${n} > 5", {"n"}),
        ("${s} == x && ${n} > 5", set[str]()),
        ("(${n} == '' || ${n} > 5) && ${m} > 1", set[str]()),
        ("${m} > 1 && (${n} == '' || ${n} > 5)", {"m"}),
        ("1${n} > 90", set[str]()),
        ("${n} == 90", set[str]()),
        ("!${n}", set[str]()),
        ("tr${n}", set[str]()),
        ("startwith(${n}, a)", set[str]()),
        ("${s} == abc", set[str]()),
    ],
)
def test_what_values_must_be_numbers_is_known_before(when: str, numbers: set[str]) -> None:
    found = foresee(when, KNOWN)
    assert (found.fault, found.risk, found.numbers, found.unknown) == ("", "", numbers, ())


@pytest.mark.parametrize(
    ("when", "risk"),
    [
        ("${n} == '' || ${s} > 5", "compares something that is not a number"),
        ("${n} == '' && (${s} == abc || ${s} > 5)", ""),
        ("${typo} != '' && ${typo} > 5", ""),
        ("${n} == '' || ${s} == abc || ${s} > 5", ""),
    ],
)
def test_what_only_some_runs_come_to_is_a_risk_and_no_fault(when: str, risk: str) -> None:
    found = foresee(when, KNOWN)
    assert found.fault == ""
    assert risk in found.risk
    assert bool(found.risk) is bool(risk)


@pytest.mark.parametrize("when", ["${n}" * 400 + "q", "${n}q" * 400, "(" * 90 + "${n}" + ")" * 90])
def test_a_hostile_condition_is_foreseen_at_once(when: str) -> None:
    assert foresee(when, KNOWN).numbers == frozenset()


def test_names_that_nobody_declares_are_told() -> None:
    assert foresee("${typo} == a && ${n:-x} == b", KNOWN).unknown == ("typo", "n:-x")


@given(st.text(max_size=60), st.text(max_size=5))
def test_what_a_run_decides_was_not_said_to_be_undecidable(expression: str, value: str) -> None:
    with suppress(ConditionError):
        evaluate(expression, {"n": value})
        assert foresee(expression, {"n": None}).fault == ""


@pytest.mark.parametrize(
    ("text", "allowed"), [("", False), ("true", True), ("false", False), ("a == A", True)]
)
def test_whether_a_step_may_fail_is_read_as_it_is_written(text: str, allowed: bool) -> None:
    assert may_fail(text) is allowed


@pytest.mark.parametrize("text", ["${ok}", "perhaps", "${ok} == true"])
def test_a_step_may_not_fail_by_what_is_given_for_a_variable(text: str) -> None:
    with pytest.raises(ConditionError):
        may_fail(text)


@given(st.text())
def test_value_never_changes_the_condition(value: str) -> None:
    unquoted = value[1:-1] if value[:1] == value[-1:] and value[:1] in "'\"" else value
    assert evaluate("${v} == wanted", {"v": value}) == (unquoted.strip().lower() == "wanted")


@given(st.text(max_size=60))
def test_any_expression_is_decided_or_refused(expression: str) -> None:
    with suppress(ConditionError):
        evaluate(expression, VALUES)
